//! Why an archive cannot be written or read.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::store::error::StoreError;

/// An archive could not be written or read.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the message of each variant describes its fields")]
pub enum ArchiveError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file is damaged, or was not written by segplan.
    #[error("`{}` is damaged, or was not written by segplan: {reason}; get an intact copy", path.display())]
    Damaged { path: PathBuf, reason: String },
}

impl ArchiveError {
    /// The error that a file is damaged.
    pub fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.into() }
    }
}
