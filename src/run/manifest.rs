//! `manifest.json`: which program, machine, device and data produced a run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::plan::compare::Override;
use crate::plan::compare::StageDigests;
use crate::run::folder::RunFolder;
use crate::run::json::{RunFileError, read_json, to_text};
use crate::store::{self, StoreError};

/// The origin of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of segplan.
    pub version: String,
    /// Commit of the git repository that the run was started in.
    pub git_commit: Option<String>,
    /// Whether that repository had uncommitted changes.
    pub git_dirty: Option<bool>,
    /// Device that computed it, such as `cpu` or `cuda:0`.
    pub device: String,
    /// Backends of the build.
    #[serde(default)]
    pub features: Vec<String>,
    /// The machine.
    pub host: Host,
    /// Values that the environment and `--set` changed.
    #[serde(default)]
    pub overrides: Vec<Override>,
    /// Values that the sweep's variant sets, as `key=value`.
    #[serde(default)]
    pub swept: Vec<String>,
    /// Seeds of the plan.
    #[serde(default)]
    pub seeds: Vec<u64>,
    /// Stage digests by configuration.
    #[serde(default)]
    pub digests: BTreeMap<String, StageDigests>,
    /// The data set.
    pub dataset: DatasetRecord,
    /// Start of the last `segplan run`, seconds since 1970.
    #[serde(default)]
    pub started_unix_s: u64,
}

/// The machine that a run was computed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Operating system.
    pub os: String,
    /// Processor architecture.
    pub arch: String,
    /// Processor model, if the system reports it.
    pub processor: Option<String>,
    /// Number of cores that the process may use.
    pub cores: usize,
}

/// The data set that a run used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetRecord {
    /// Folder that it was read from.
    pub folder: PathBuf,
    /// Number of training cases.
    pub cases: usize,
    /// Training cases that the plan excludes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<String>,
    /// Digest of the contents of the data set's files.
    #[serde(default)]
    pub stamp: String,
}

impl Manifest {
    /// Reads the manifest of a run. Returns `None` if there is none.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is damaged.
    pub fn read(folder: &RunFolder) -> Result<Option<Self>, RunFileError> {
        read_json(&folder.manifest())
    }

    /// Writes `manifest.json`.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn write(&self, folder: &RunFolder) -> Result<(), StoreError> {
        store::write_atomic(&folder.manifest(), to_text(self).as_bytes())
    }
}
