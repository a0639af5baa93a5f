//! Why a checkpoint cannot be read or written.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::store::StoreError;

/// A checkpoint of PyTorch that cannot be read or written.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the message of each variant describes its fields")]
pub enum CheckpointError {
    /// The operating system refused.
    #[error("cannot open `{}`: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The file is damaged, or is no checkpoint.
    #[error("`{}` is damaged, or is no checkpoint of nnU-Net v2: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    /// The file is intact, but segplan has no such network.
    #[error("the network in `{}` is not supported: {reason}", path.display())]
    Unsupported { path: PathBuf, reason: String },
    /// The file cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}
