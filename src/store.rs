//! Every file name that the program makes, and the only way it writes them: to a temporary name, then renamed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file could not be read or written.
#[derive(Debug, Error)]
#[error("cannot {verb} `{}`: {source}", path.display())]
pub struct StoreError {
    /// What was tried: read, write, create.
    pub verb: &'static str,
    /// The file.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

/// Writes a file so that it is either the old one or the whole new one, whenever the process is killed.
///
/// Missing parent folders are made.
///
/// # Errors
///
/// When the folder cannot be made or the file cannot be written, with its path.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let fail = |source| StoreError { verb: "write", path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    let temporary = temporary_name(path);
    fs::write(&temporary, bytes).map_err(fail)?;
    fs::rename(&temporary, path).map_err(fail)
}

/// Name beside `path` that a file has while it is being written; of this process alone.
pub fn temporary_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    path.with_file_name(name)
}
