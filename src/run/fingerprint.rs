//! `fingerprint.json`: the fingerprint that a run was planned against, with the digest of the files it was computed from.

use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;
use crate::run::folder::RunFolder;
use crate::run::json::{RunFileError, read_json};
use crate::store::{self, StoreError};

/// A fingerprint and the data that it describes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedFingerprint {
    /// Digest of the contents of the data set's files.
    pub stamp: String,
    /// The fingerprint itself.
    pub fingerprint: Fingerprint,
}

impl SavedFingerprint {
    /// Reads the fingerprint of a run. Returns `None` if there is none.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is damaged.
    pub fn read(folder: &RunFolder) -> Result<Option<Self>, RunFileError> {
        read_json(&folder.fingerprint())
    }

    /// Reads the fingerprint of a run. Returns `None` if there is none, or if it is damaged and has to be computed again.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn read_intact(folder: &RunFolder) -> Result<Option<Self>, StoreError> {
        match Self::read(folder) {
            Ok(saved) => Ok(saved),
            Err(RunFileError::Damaged { .. }) => Ok(None),
            Err(RunFileError::Store(error)) => Err(error),
        }
    }

    /// Writes `fingerprint.json`.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn write(&self, folder: &RunFolder) -> Result<(), StoreError> {
        let mut text = serde_json::to_string(self).expect("a fingerprint holds strings and finite numbers");
        text.push('\n');
        store::write_atomic(&folder.fingerprint(), text.as_bytes())
    }
}
