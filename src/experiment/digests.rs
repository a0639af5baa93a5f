//! Digests of the inputs that decide results of several networks.

use crate::plan::compare::{first_stage_digest, stage_digests};
use crate::plan::schema::{ConfigurationName, Plan};
use crate::preprocess::first_stage::Origin;
use crate::run::Split;
use crate::store;

/// Digests of the inputs that decide the results of one fold of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CandidateDigests {
    /// Of the predictions.
    pub(super) predict: String,
    /// Of the scores.
    pub(super) evaluate: String,
}

impl CandidateDigests {
    /// The digests of a single configuration.
    pub(super) fn of_network(plan: &Plan, name: ConfigurationName) -> Self {
        let digests = stage_digests(plan, name);
        Self { predict: digests.predict, evaluate: digests.evaluate }
    }

    /// The digests of an ensemble.
    pub(super) fn of_ensemble(plan: &Plan, members: [ConfigurationName; 2]) -> Self {
        let [first, second] = members.map(|name| Self::of_network(plan, name));
        let join = |first: &str, second: &str| store::digest(format!("{first} {second}").as_bytes());
        Self { predict: join(&first.predict, &second.predict), evaluate: join(&first.evaluate, &second.evaluate) }
    }
}

/// Digest of the predictions that a candidate's post-processing is chosen by: `folds` are the splits of its folds.
pub(super) fn predictions_digest<'a>(predict: &str, data: &str, folds: impl Iterator<Item = &'a Split>) -> String {
    let folds: Vec<String> = folds.map(|split| format!("{predict} {data} {}", split.digest())).collect();
    store::digest(folds.join(" ").as_bytes())
}

/// The origin of first-stage predictions of a fold: plan, data, and the split that its network is trained with.
pub(super) fn first_stage_origin(plan: &Plan, data: &str, fold: usize, split: Option<&Split>) -> Origin {
    Origin { digest: format!("{} {data}", first_stage_digest(plan)), fold, split: split.map(Split::digest) }
}
