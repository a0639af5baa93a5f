//! Why a plan could not be timed.

use thiserror::Error;

use crate::dataset::CaseId;
use crate::dataset::gate::Issues;
use crate::device::DeviceError;
use crate::plan::read::PlanError;
use crate::preprocess::cache::PreprocessError;
use crate::run::UnknownConfiguration;
use crate::run::contents::ContentsError;
use crate::run::dataset::DataError;
use crate::volume::io::ImageFileError;

/// A plan could not be timed.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "each variant passes on the error of another room")]
pub enum BenchError {
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Configuration(#[from] UnknownConfiguration),
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Contents(#[from] ContentsError),
    #[error(transparent)]
    Preprocess(#[from] PreprocessError),
    #[error(transparent)]
    Issues(#[from] Issues),
    #[error("case `{case}`: {source}")]
    Image { case: CaseId, source: ImageFileError },
}
