//! Failures of preprocessing.

use thiserror::Error;

use crate::dataset::CaseId;
use crate::dataset::gate::Issues;
use crate::preprocess::footprint::{Collapsed, TooLarge};
use crate::store::tensors::TensorFileError;

/// Cases could not be preprocessed.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the message of each variant describes its fields")]
pub enum PreprocessError {
    /// The files of a case cannot be used.
    #[error(transparent)]
    Issues(#[from] Issues),
    /// A case needs more memory than the limit.
    #[error("case `{case}`: {source}")]
    TooLarge { case: CaseId, source: TooLarge },
    /// Resampling leaves almost nothing of a case.
    #[error("case `{case}`: {source}")]
    Collapsed { case: CaseId, source: Collapsed },
    /// A prepared case could not be written or read.
    #[error(transparent)]
    Tensors(#[from] TensorFileError),
    /// Several cases failed.
    #[error("{} cases cannot be preprocessed:\n  {}", .0.len(), .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  "))]
    Several(Vec<PreprocessError>),
}
