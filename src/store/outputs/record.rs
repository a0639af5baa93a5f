//! The record of the files that segplan wrote into a folder: one JSON object per line.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::store::digest::digest_of_file;
use crate::store::error::StoreError;
use crate::store::files::read_text_if_present;

/// File name of the record.
pub const RECORD: &str = ".segplan-outputs.jsonl";

/// A line of the record.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Name in the folder, with `/` between folders.
    pub(super) file: String,
    /// SHA-256 of the file as written.
    pub(super) sha256: String,
    /// Digest of everything that the file was computed from, if the command knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) inputs: Option<String>,
}

/// The files that segplan wrote into a folder: for each name the digests that the file may have, each with the digest
/// of its inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record(pub(super) BTreeMap<String, BTreeMap<String, Option<String>>>);

/// The owner of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Nothing exists there.
    Nobody,
    /// A file exactly as segplan wrote it.
    Segplan,
    /// A file that was created or changed by others.
    Other {
        /// Whether segplan wrote a file of this name once.
        was_written: bool,
    },
    /// A folder.
    Folder,
}

impl Record {
    /// Reads the record of a folder; an empty one if there is none. An incomplete line, left by a killed process, is
    /// ignored.
    ///
    /// # Errors
    ///
    /// If the file exists and cannot be read.
    pub fn read(folder: &Path) -> Result<Self, StoreError> {
        let text = read_text_if_present(&folder.join(RECORD)).or_else(|error| match error.source.kind() {
            // The claim reports the folder itself.
            io::ErrorKind::NotADirectory => Ok(None),
            _ => Err(error),
        })?;
        let path = folder.join(RECORD);
        let refused = |reason: &str| {
            let source =
                io::Error::new(io::ErrorKind::InvalidData, format!("{reason}; remove it, or choose another folder"));
            StoreError { verb: "use", path: path.clone(), source }
        };
        if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink()) {
            return Err(refused("it is a link"));
        }
        // A complete first line that is no entry was not written by this program.
        let first = text.as_ref().and_then(|text| text.split_once('\n')).map(|(first, _)| first);
        if first.is_some_and(|first| serde_json::from_str::<Entry>(first).is_err()) {
            return Err(refused("it is not a record of segplan's outputs"));
        }
        let mut all = BTreeMap::<String, BTreeMap<String, Option<String>>>::new();
        for entry in
            text.iter().flat_map(|text| text.lines()).filter_map(|line| serde_json::from_str::<Entry>(line).ok())
        {
            all.entry(entry.file).or_default().insert(entry.sha256, entry.inputs);
        }
        Ok(Self(all))
    }

    /// Names of all recorded files.
    pub fn names(&self) -> impl Iterator<Item = PathBuf> {
        self.0.keys().map(PathBuf::from)
    }

    /// Whether nothing is recorded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a file is unchanged since it was written, and was computed from inputs with this digest.
    pub(super) fn has_inputs(&self, folder: &Path, name: &Path, inputs: &str) -> bool {
        let recorded = |sha256: String| self.0.get(&key(name))?.get(&sha256)?.as_deref();
        digest_of_file(&folder.join(name)).ok().and_then(recorded) == Some(inputs)
    }

    /// The owner of a name in the folder.
    ///
    /// # Errors
    ///
    /// If the file exists and cannot be read.
    pub fn owner(&self, folder: &Path, name: &Path) -> Result<Owner, StoreError> {
        let path = folder.join(name);
        let Ok(metadata) = fs::symlink_metadata(&path) else { return Ok(Owner::Nobody) };
        if metadata.is_dir() {
            return Ok(Owner::Folder);
        }
        let known = self.0.get(&key(name));
        match known {
            // A link is never segplan's, whatever its target.
            Some(digests) if metadata.is_file() && digests.contains_key(&digest_of_file(&path)?) => Ok(Owner::Segplan),
            known => Ok(Owner::Other { was_written: known.is_some() }),
        }
    }
}

/// The name of a file as the record spells it.
pub(super) fn key(name: &Path) -> String {
    let parts: Vec<_> = name.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    parts.join("/")
}

/// An entry as a line of the record.
pub(super) fn line(entry: &Entry) -> String {
    serde_json::to_string(entry).expect("an entry is texts") + "\n"
}
