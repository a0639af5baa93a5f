//! Why no contact sheet was drawn.

use thiserror::Error;

use crate::dataset::CaseId;
use crate::preprocess::cache::PreprocessError;
use crate::report::error::ReportError;
use crate::run::UnknownConfiguration;
use crate::run::contents::ContentsError;
use crate::run::dataset::DataError;
use crate::store::StoreError;
use crate::store::claim::ClaimError;
use crate::store::tensors::TensorFileError;
use crate::volume::io::ImageFileError;

/// No contact sheet could be drawn.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "most variants pass on the error of another room")]
pub enum PreviewError {
    #[error(transparent)]
    Configuration(#[from] UnknownConfiguration),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error("data set `{dataset}` has no training case `{case}`{example}")]
    NoSuchCase { case: String, dataset: String, example: String },
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Contents(#[from] ContentsError),
    #[error(transparent)]
    Preprocess(#[from] PreprocessError),
    #[error(transparent)]
    FirstStage(#[from] TensorFileError),
    #[error("case `{case}`: {source}")]
    Image { case: CaseId, source: ImageFileError },
    #[error(transparent)]
    Drawing(#[from] ReportError),
    #[error(transparent)]
    Store(#[from] StoreError),
}
