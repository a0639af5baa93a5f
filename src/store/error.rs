//! Failures of the file system.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// A file could not be read or written.
#[derive(Debug, Error)]
#[error("cannot {verb} `{}`: {source}", path.display())]
pub struct StoreError {
    /// The operation: read, write, create.
    pub verb: &'static str,
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub source: io::Error,
}
