//! `splits_final.json`: which cases each fold trains on and validates on, in nnU-Net's format.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::dataset::CaseId;
use crate::run::json::{RunFileError, to_text};
use crate::store::{self, StoreError};

/// The cases of one fold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Training cases.
    pub train: Vec<CaseId>,
    /// Validation cases.
    pub val: Vec<CaseId>,
}

impl Split {
    /// Digest of both lists, 16 hexadecimal digits. Their order counts, since training draws cases by index.
    pub fn digest(&self) -> String {
        store::short_digest(self)
    }
}

/// Reads the folds of a run. Returns `None` if the file does not exist.
///
/// # Errors
///
/// If the file cannot be read or is not a list of splits.
pub fn read_splits(path: &Path) -> Result<Option<Vec<Split>>, RunFileError> {
    let Some(text) = store::read_text_if_present(path)? else { return Ok(None) };
    let damaged = |source| RunFileError::Damaged { path: PathBuf::from(path), source, remedy: "restore the file" };
    serde_json::from_str(&text).map(Some).map_err(damaged)
}

/// Writes the folds of a run, unless the file holds them already.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write_splits(path: &Path, splits: &[Split]) -> Result<(), StoreError> {
    let saved = store::read_text_if_present(path)?.and_then(|text| serde_json::from_str::<Vec<Split>>(&text).ok());
    if saved.is_some_and(|saved| saved == splits) {
        return Ok(());
    }
    store::write_atomic(path, splits_text(splits).as_bytes())
}

/// The text of `splits_final.json`.
pub fn splits_text(splits: &[Split]) -> String {
    to_text(&splits)
}
