//! `[runtime]`: where and on what a run is computed.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use crate::device::DeviceName;
use crate::plan::schema::declare::table;
use crate::plan::schema::key::Kind;
use crate::plan::schema::range::{AT_LEAST_0, AT_LEAST_1};
use crate::units::GIB;

table! {
    /// Where and on what a run is computed. Nothing in here changes a result.
    pub struct Runtime decides Nothing {
        /// Folders in which data sets are searched for, or a single one. Relative paths are tried in the working folder, then in
        /// the plan's folder, then in the folder around that.
        data: Vec<PathBuf> as (deserialize_with = "one_or_more_folders") { default: "[\"data\"]", kind: Kind::Folders },
        /// Folder of the runs, relative to the working folder.
        runs: PathBuf { default: "\"runs\"" },
        /// Device to compute on, such as "cpu", "wgpu", "vulkan" or "cuda:0".
        device: String as (deserialize_with = "canonical_device") { default: "\"cpu\"" },
        /// Number of threads. 0 uses one per core.
        threads: usize { default: "0", range: AT_LEAST_0 },
        /// Maximum memory of images and probabilities in measuring, preprocessing and prediction. Networks are not counted.
        memory_gib: u64 { default: "4", range: AT_LEAST_1, unit: "GiB" },
    }
}

impl Runtime {
    /// Maximum memory of images and probabilities, bytes.
    pub fn memory_bytes(&self) -> u64 {
        self.memory_gib.saturating_mul(GIB)
    }
}

/// Replaces the alias of a device by its name; an unknown device is kept for the checks to report.
fn canonical_device<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let device: Result<DeviceName, _> = name.parse();
    Ok(device.map_or(name, |device| device.to_string()))
}

/// A single folder or a list of folders.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(PathBuf),
    More(Vec<PathBuf>),
}

/// Folders from a list, or from a single one.
fn one_or_more_folders<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<PathBuf>, D::Error> {
    Ok(match OneOrMore::deserialize(from)? {
        OneOrMore::One(folder) => vec![folder],
        OneOrMore::More(folders) => folders,
    })
}
