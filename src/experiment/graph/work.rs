//! The pieces of work of an experiment, their order, and which of them needs which.

use std::collections::BTreeSet;
use std::fmt;

use crate::experiment::{Stage, ensemble};
use crate::plan::schema::{ConfigurationName, Plan};
use crate::run::NetworkId;

/// One piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The data set's files are there.
    Data,
    /// The data set is measured.
    Measure,
    /// The cases are split into folds.
    Split,
    /// The cases are prepared for a configuration.
    Prepare(ConfigurationName),
    /// A network is trained.
    Train(NetworkId),
    /// Its held-out cases are predicted.
    Predict(NetworkId),
    /// The predictions are scored.
    Evaluate(NetworkId),
    /// Its held-out cases are predicted for the cascade's second stage, which is trained on what all folds say.
    HandOver(NetworkId),
    /// The held-out cases of a fold are predicted and scored by two configurations together: this network's and another.
    Ensemble(NetworkId, ConfigurationName),
    /// The best configuration, or pair of them, is chosen.
    Select,
}

/// All work of some networks, in the order in which it is done.
pub(super) fn work(plan: &Plan, networks: &[NetworkId]) -> Vec<Work> {
    let mut work = vec![Work::Data, Work::Measure];
    let mut names: Vec<ConfigurationName> = networks.iter().map(|id| id.configuration).collect();
    let prepared = names.iter().copied().chain(names.iter().filter_map(|&name| stage_before(name)));
    let prepared: BTreeSet<ConfigurationName> = prepared.collect();
    names.sort_unstable();
    names.dedup();
    work.extend(prepared.into_iter().map(Work::Prepare));
    work.push(Work::Split);
    for &id in networks {
        let first = stage_before(id.configuration);
        let folds = (0..plan.split.folds).filter_map(|fold| Some(NetworkId { configuration: first?, fold, ..id }));
        let folds: Vec<NetworkId> = folds.collect();
        let own = [Work::Train(id), Work::Predict(id), Work::Evaluate(id)];
        let needed = folds.iter().map(|&id| Work::Train(id)).chain(folds.iter().map(|&id| Work::HandOver(id)));
        for one in needed.chain(own) {
            if !work.contains(&one) {
                work.push(one);
            }
        }
    }
    // As `ensemble::choose`: there is something to choose from where two configurations have all their folds.
    let of_name = |name| networks.iter().filter(move |id| id.configuration == name);
    let all = plan.split.folds * plan.run.seeds.len();
    let complete: Vec<ConfigurationName> = names.into_iter().filter(|&name| of_name(name).count() == all).collect();
    for (first, second) in ensemble::pairs(&complete) {
        work.extend(of_name(first).map(|&id| Work::Ensemble(id, second)));
    }
    if complete.len() > 1 {
        work.push(Work::Select);
    }
    work
}

/// Whether a piece of work needs another one.
pub(super) fn needs(work: Work, other: Work) -> bool {
    match (work, other) {
        (Work::Measure | Work::Split | Work::Prepare(_), Work::Data)
        | (Work::Train(_), Work::Split)
        | (Work::Select, Work::Evaluate(_) | Work::Ensemble(..)) => true,
        (Work::Train(id), Work::Prepare(name)) => name == id.configuration,
        // The second stage of the cascade is trained on what all networks of the first say of their held-out cases.
        (Work::Train(id), Work::HandOver(other)) => {
            Some(other.configuration) == stage_before(id.configuration) && other.seed == id.seed
        }
        // They are handed over on the grid of the second stage.
        (Work::HandOver(id), Work::Prepare(name)) => stage_before(name) == Some(id.configuration),
        (Work::Predict(id) | Work::HandOver(id), Work::Train(other)) | (Work::Evaluate(id), Work::Predict(other)) => {
            id == other
        }
        (Work::Ensemble(id, second), Work::Train(other)) => {
            other == id || other == NetworkId { configuration: second, ..id }
        }
        (Work::Ensemble(id, second), Work::Evaluate(other)) => {
            other.configuration == id.configuration || other.configuration == second
        }
        _ => false,
    }
}

/// The configuration whose predictions of all folds another one is trained on.
pub fn stage_before(of: ConfigurationName) -> Option<ConfigurationName> {
    match of {
        ConfigurationName::Cascade => Some(ConfigurationName::LowRes),
        ConfigurationName::TwoD | ConfigurationName::FullRes | ConfigurationName::LowRes => None,
    }
}

impl Work {
    /// The verb, and what it is done to as far as all folds and seeds share it: `train 3d_fullres`.
    pub fn kind(self) -> String {
        match self {
            Self::Data => "data".to_owned(),
            Self::Measure => "measure".to_owned(),
            Self::Split => "split".to_owned(),
            Self::Prepare(name) => format!("prepare {name}"),
            Self::Train(id) => format!("train {}", id.configuration),
            Self::Predict(id) => format!("predict {}", id.configuration),
            Self::Evaluate(id) => format!("evaluate {}", id.configuration),
            Self::HandOver(id) => format!("hand over {}", id.configuration),
            Self::Ensemble(id, second) => format!("ensemble {}+{second}", id.configuration),
            Self::Select => "select".to_owned(),
        }
    }

    /// The stage of a run that does it.
    pub fn stage(self) -> Stage {
        match self {
            Self::Data | Self::Measure | Self::Split => Stage::Fingerprint,
            Self::Prepare(_) => Stage::Preprocess,
            Self::Train(_) | Self::HandOver(_) => Stage::Train,
            Self::Predict(_) => Stage::Predict,
            Self::Evaluate(_) | Self::Ensemble(..) | Self::Select => Stage::Evaluate,
        }
    }

    /// The network that it is of, or whose fold and seed it is of.
    pub fn network(self) -> Option<NetworkId> {
        match self {
            Self::Data | Self::Measure | Self::Split | Self::Prepare(_) | Self::Select => None,
            Self::Train(id) | Self::Predict(id) | Self::Evaluate(id) | Self::HandOver(id) | Self::Ensemble(id, _) => {
                Some(id)
            }
        }
    }

    /// A name for programs: `train/3d_fullres/seed_12345/fold_0`.
    pub fn id(self) -> String {
        let kind = self.kind().replace("hand over", "hand_over").replace(' ', "/");
        self.network().map_or_else(|| kind.clone(), |id| format!("{kind}/seed_{}/fold_{}", id.seed, id.fold))
    }
}

impl fmt::Display for Work {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.kind())?;
        self.network().map_or(Ok(()), |id| write!(out, " fold {} seed {}", id.fold, id.seed))
    }
}
