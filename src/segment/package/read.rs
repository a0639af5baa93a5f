//! Reads packages, which may come from anyone.
//!
//! The memory that is allocated is at most 8 times the size of the file and 32 MiB (`tests/package.rs`): texts have at most 256 KiB, and
//! weights, of which there are one network's at a time, are copied twice: into memory, and into the network.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::run::NetworkId;
use crate::run::postprocessing::Postprocessing;
use crate::segment::package::error::PackageError;
use crate::segment::package::manifest::{
    FORMAT, MANIFEST, MAX_TEXT, Manifest, PLAN, POSTPROCESSING, PackagedNetwork, TRAINING_DATA,
};
use crate::segment::training_data::TrainingData;
use crate::store::archive::Archive;
use crate::store::tensors::TensorFile;
use crate::store::{StoreError, digest};

/// Tables of a plan file that a resolved plan does not have: they name other files, and plans to expand.
const NOT_RESOLVED: [&str; 2] = ["extends", "sweep"];

/// An open package.
#[derive(Debug)]
pub(in crate::segment) struct Package {
    archive: Archive,
    manifest: Manifest,
}

impl Package {
    /// Opens a package and checks its structure and its manifest. Digests are checked when entries are read.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is damaged or no package, or has another version of the format.
    pub(in crate::segment) fn open(path: &Path) -> Result<Self, PackageError> {
        let archive = Archive::open(path)?;
        let manifest: Manifest = parse(&archive, MANIFEST, &archive.read(MANIFEST, MAX_TEXT)?)?;
        if manifest.format != FORMAT {
            return Err(PackageError::Version { path: path.to_owned(), found: manifest.format, known: FORMAT });
        }
        let listed = manifest.entries.iter().map(|(name, entry)| (name.as_str(), entry.bytes));
        if !listed.eq(archive.entries().filter(|(name, _)| *name != MANIFEST)) {
            return Err(archive.damaged("its manifest lists other entries than it has").into());
        }
        if let Some(reason) = manifest.contradiction() {
            return Err(archive.damaged(reason).into());
        }
        Ok(Self { archive, manifest })
    }

    /// Path of the package.
    pub(in crate::segment) fn path(&self) -> &Path {
        self.archive.path()
    }

    /// Its contents.
    pub(in crate::segment) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// All networks with the SHA-256 of their weights.
    pub(in crate::segment) fn networks(&self) -> impl Iterator<Item = (NetworkId, &str)> {
        let sha256 = |network: &PackagedNetwork| self.manifest.entries[&network.weights].sha256.as_str();
        self.manifest.networks.iter().map(move |network| (network.id(), sha256(network)))
    }

    /// The text of the plan, and the path that messages about it name.
    pub(in crate::segment) fn plan_text(&self) -> Result<(PathBuf, String), PackageError> {
        let text = self.text(PLAN)?;
        let table: toml::Table =
            toml::from_str(&text).map_err(|error| self.damaged(format!("its plan: {}", error.message())))?;
        if let Some(key) = NOT_RESOLVED.iter().find(|key| table.contains_key(**key)) {
            return Err(self.damaged(format!("its plan has the key `{key}`")));
        }
        Ok((self.path().join(PLAN), text))
    }

    /// The post-processing decisions.
    pub(in crate::segment) fn postprocessing(&self) -> Result<Postprocessing, PackageError> {
        parse(&self.archive, POSTPROCESSING, self.text(POSTPROCESSING)?.as_bytes())
    }

    /// Measurements of the training cases.
    pub(in crate::segment) fn training_data(&self) -> Result<TrainingData, PackageError> {
        parse(&self.archive, TRAINING_DATA, self.text(TRAINING_DATA)?.as_bytes())
    }

    /// The weights of a network, and their size in bytes.
    pub(in crate::segment) fn weights(&self, id: NetworkId) -> Result<(TensorFile, u64), PackageError> {
        let network = self.manifest.networks.iter().find(|network| network.id() == id);
        let name = &network.ok_or_else(|| self.damaged(format!("it has no weights of {id}")))?.weights;
        let (mut reader, bytes) = self.archive.reader(name)?;
        let file = TensorFile::from_memory(&self.path().join(name), bytes as usize, |content| {
            let unreadable = |source| StoreError { verb: "read", path: self.path().to_owned(), source };
            reader.read_exact(content).map_err(|source| PackageError::Archive(unreadable(source).into()))?;
            self.verify(name, content)
        })?;
        Ok((file, bytes))
    }

    /// The error that this package is damaged.
    pub(in crate::segment) fn damaged(&self, reason: impl Into<String>) -> PackageError {
        self.archive.damaged(reason).into()
    }

    fn text(&self, name: &str) -> Result<String, PackageError> {
        let content = self.archive.read(name, MAX_TEXT)?;
        self.verify(name, &content)?;
        String::from_utf8(content).map_err(|_| self.damaged(format!("its entry `{name}` is not UTF-8")))
    }

    fn verify(&self, name: &str, content: &[u8]) -> Result<(), PackageError> {
        let expected = self.manifest.entries.get(name).map(|entry| &entry.sha256);
        if expected == Some(&digest(content)) {
            return Ok(());
        }
        Err(self.damaged(format!("the checksum of its entry `{name}` is wrong")))
    }
}

fn parse<T: DeserializeOwned>(archive: &Archive, name: &str, text: &[u8]) -> Result<T, PackageError> {
    serde_json::from_slice(text).map_err(|error| archive.damaged(format!("its entry `{name}`: {error}")).into())
}
