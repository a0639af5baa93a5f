//! Digests of the data set's files, from which the results of a run are computed.

use std::path::Path;

use thiserror::Error;

use crate::dataset::Dataset;
use crate::dataset::contents::{Contents, KnownFiles};
use crate::run::folder::{RunFolder, known_files};
use crate::run::listener::Listener;
use crate::store::{self, StoreError};

/// The files of the data set could not be hashed.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the message names the file and the cause")]
pub enum ContentsError {
    #[error("{0}; `segplan verify` lists every fault of the data set")]
    MissingFile(StoreError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether digests of newly hashed files are saved for the next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepDigests {
    /// Saved in `runs/prepared/files.json`.
    Yes,
    /// Nothing is written.
    No,
}

/// Hashes the data set's files, but those that are unchanged since they were hashed before.
///
/// # Errors
///
/// If a file is missing or cannot be read.
pub fn hash_contents(
    runs: &Path,
    dataset: &Dataset,
    listener: &dyn Listener,
    keep: KeepDigests,
) -> Result<Contents, ContentsError> {
    let path = known_files(runs);
    let text = store::read_text_if_present(&path)?;
    // If the saved digests are damaged, the files are hashed once more.
    let mut known: KnownFiles = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let before = known.clone();
    if !Contents::is_known(dataset, &known) {
        listener.begin("hashing data set files", dataset.training.len());
    }
    let contents = Contents::read(dataset, &mut known, &|| listener.advance());
    listener.end();
    if keep == KeepDigests::Yes && known != before {
        store::write_atomic(&path, serde_json::to_string(&known).expect("paths are strings").as_bytes())?;
    }
    contents.map_err(ContentsError::MissingFile)
}

/// Digests of the data set's files when the run last started. Returns `None` if they are missing or damaged.
///
/// # Errors
///
/// If the file cannot be read.
pub fn saved_contents(folder: &RunFolder) -> Result<Option<Contents>, StoreError> {
    let text = store::read_text_if_present(&folder.contents())?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Writes `data.json`.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write_contents(folder: &RunFolder, contents: &Contents) -> Result<(), StoreError> {
    let text = serde_json::to_string_pretty(contents).expect("names and digests are strings");
    store::write_atomic(&folder.contents(), format!("{text}\n").as_bytes())
}
