//! Why a package cannot be read.

use std::path::PathBuf;

use thiserror::Error;

use crate::store::archive::ArchiveError;
use crate::store::tensors::TensorFileError;

/// A package cannot be read.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the message of each variant describes its fields")]
pub enum PackageError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Weights(#[from] TensorFileError),
    #[error("`{}` has package format {found}, and this program reads format {known}; use the version of segplan that wrote it", path.display())]
    Version { path: PathBuf, found: u32, known: u32 },
}
