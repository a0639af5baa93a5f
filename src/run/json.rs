//! JSON files of a run.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::store::{self, StoreError};

/// A file of a run could not be read or written.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the message names the file and the cause")]
pub enum RunFileError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("`{}` is damaged: {source}; {remedy}", path.display())]
    Damaged { path: PathBuf, source: serde_json::Error, remedy: &'static str },
}

/// Remedy for files that every `segplan run` rewrites.
pub(super) const RERUN: &str = "run the plan again to rewrite it";

/// Reads a JSON file that `segplan run` rewrites. Returns `None` if it does not exist.
///
/// # Errors
///
/// If the file cannot be read, or does not have the form of `T`.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, RunFileError> {
    read_json_or_advise(path, RERUN)
}

/// Reads a JSON file; an error recommends `remedy`. Returns `None` if the file does not exist.
pub(super) fn read_json_or_advise<T: DeserializeOwned>(
    path: &Path,
    remedy: &'static str,
) -> Result<Option<T>, RunFileError> {
    let Some(text) = store::read_text_if_present(path)? else { return Ok(None) };
    let damaged = |source| RunFileError::Damaged { path: path.to_owned(), source, remedy };
    serde_json::from_str(&text).map(Some).map_err(damaged)
}

/// Indented JSON with a final newline.
pub(super) fn to_text(value: &impl Serialize) -> String {
    let mut text =
        serde_json::to_string_pretty(value).expect("run files hold strings, finite numbers and lists of them");
    text.push('\n');
    text
}
