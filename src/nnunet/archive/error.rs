//! Why an archive cannot be read or written.

use std::io;

use thiserror::Error;

/// A zip archive that cannot be read or written.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The operating system refused.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The archive contradicts itself, or has a feature that neither PyTorch nor nnU-Net uses.
    #[error("{0}")]
    Damaged(String),
}

/// The error for a damaged archive.
pub(in crate::nnunet) fn damaged<T>(reason: impl Into<String>) -> Result<T, ArchiveError> {
    Err(ArchiveError::Damaged(reason.into()))
}
