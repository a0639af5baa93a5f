//! `manifest.json` of a package, and the names of its entries.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::plan::schema::ConfigurationName;
use crate::run::NetworkId;

/// Names of the entries.
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const PLAN: &str = "plan.toml";
pub(super) const POSTPROCESSING: &str = "postprocessing.json";
pub(super) const TRAINING_DATA: &str = "training_data.json";
pub(super) const SELECTION: &str = "selection.json";
pub(super) const SCORES: &str = "scores.csv";
pub(super) const LICENCE: &str = "LICENSE.txt";
/// Maximum size of an entry that holds text, bytes.
pub(super) const MAX_TEXT: u64 = 1 << 18;

/// The version of the format.
pub(super) const FORMAT: u32 = 1;

/// The contents of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::segment) struct Manifest {
    /// Version of the package format.
    pub(in crate::segment) format: u32,
    /// Version of segplan that wrote it.
    pub(in crate::segment) segplan: String,
    /// Name of the experiment.
    pub(in crate::segment) name: String,
    /// SPDX identifier of the licence, the name of its file, or `not stated`.
    pub(in crate::segment) licence: String,
    /// The configurations that segment; the mean of their probabilities decides.
    pub(in crate::segment) configurations: Vec<ConfigurationName>,
    /// The networks of these configurations, and of their first stages.
    pub(in crate::segment) networks: Vec<PackagedNetwork>,
    /// All other entries by name.
    pub(in crate::segment) entries: BTreeMap<String, EntryRecord>,
}

/// A network, and the entry with its weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::segment) struct PackagedNetwork {
    pub(in crate::segment) configuration: ConfigurationName,
    pub(in crate::segment) seed: u64,
    pub(in crate::segment) fold: usize,
    /// Name of the entry.
    pub(in crate::segment) weights: String,
}

/// Size and digest of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::segment) struct EntryRecord {
    /// Size, bytes.
    pub(in crate::segment) bytes: u64,
    /// SHA-256 in hexadecimal.
    pub(in crate::segment) sha256: String,
}

impl PackagedNetwork {
    /// A network with the entry that its weights are written to.
    pub(super) fn new(id: NetworkId) -> Self {
        let NetworkId { configuration, seed, fold } = id;
        let weights = format!("weights/{configuration}/seed_{seed}/fold_{fold}.safetensors");
        Self { configuration, seed, fold, weights }
    }

    /// Which network it is.
    pub(super) fn id(&self) -> NetworkId {
        NetworkId { configuration: self.configuration, seed: self.seed, fold: self.fold }
    }
}

impl Manifest {
    /// Why its lists contradict each other, if they do: a network or its weights occur twice, or an entry is missing.
    pub(super) fn contradiction(&self) -> Option<&'static str> {
        let ids: BTreeSet<NetworkId> = self.networks.iter().map(PackagedNetwork::id).collect();
        let weights: BTreeSet<&String> = self.networks.iter().map(|network| &network.weights).collect();
        let configurations: BTreeSet<ConfigurationName> = self.configurations.iter().copied().collect();
        if ids.len() != self.networks.len() || weights.len() != self.networks.len() {
            return Some("its manifest lists a network or its weights twice");
        }
        if configurations.is_empty() || configurations.len() != self.configurations.len() {
            return Some("its manifest lists no configuration, or one twice");
        }
        let missing = |name: &&str| !self.entries.contains_key(*name);
        let has_gap = [PLAN, POSTPROCESSING, TRAINING_DATA].iter().any(missing)
            || weights.iter().any(|name| !self.entries.contains_key(*name));
        has_gap.then_some("its manifest lacks an entry")
    }
}
