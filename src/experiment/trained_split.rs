//! Whether the networks of a run were trained with the folds that its `splits_final.json` has now.
//!
//! The state of each network records the split that it was trained with. Where the file has another one, a case that it holds
//! out may be one that the network was trained on, and a score of it would be none: the run is refused before anything is done.
//! A state of an earlier version has no such record. It is taken for unchanged, unless its scores are of other cases than the
//! file holds out now.

use std::collections::BTreeSet;
use std::path::Path;

use thiserror::Error;

use crate::dataset::CaseId;
use crate::evaluate::scores;
use crate::experiment::ExperimentError;
use crate::experiment::splits::draw;
use crate::plan::schema::{self, Plan};
use crate::run::NetworkId;
use crate::run::NetworkState;
use crate::run::Split;
use crate::run::folder::{FoldFolder, RunFolder};
use crate::units::listed;

/// The folds of a run were edited after networks were trained with them.
#[derive(Debug, Error)]
#[error(
    "`{path}` has other folds than these networks were trained with, and a network is scored only on cases that it was not \
     trained on:\n  {}\nEither {restore}; or train with the new folds under another name, to which the file is copied first",
    networks.join("\n  ")
)]
pub struct EditedSplit {
    /// The file of folds.
    pub path: String,
    /// The networks, each with what is known of its training.
    pub networks: Vec<String>,
    /// How the folds that they were trained with come back.
    pub restore: String,
    /// The commands that train with the new folds under another name.
    pub command: String,
}

/// What is known of the split that a network was trained with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trained {
    /// It is the one that the file has, or nothing speaks against that.
    Same,
    /// It is another one.
    Other {
        /// In words.
        why: String,
        /// Its digest, where that is known.
        digest: Option<String>,
    },
}

/// Compares the record of a network with the split that the file has now.
pub(super) fn compare(folder: &FoldFolder, state: &NetworkState, split: &Split) -> Result<Trained, ExperimentError> {
    let other = |why: String| Trained::Other { why, digest: state.split.clone() };
    if let Some(digest) = &state.split {
        if *digest == split.digest() {
            return Ok(Trained::Same);
        }
        let both: Vec<String> = split.val.iter().filter(|case| state.trained_on.contains(case)).map(named).collect();
        return Ok(other(if both.is_empty() {
            "the cases of its fold were others".to_owned()
        } else {
            format!("it was trained on {}, which the file now holds out", listed(&both))
        }));
    }
    if state.evaluated.is_none() || !folder.scores().is_file() {
        return Ok(Trained::Same);
    }
    let scored: BTreeSet<CaseId> = scores::read(&folder.scores())?.into_iter().map(|score| score.case).collect();
    let strange: Vec<String> = scored.iter().filter(|case| !split.val.contains(case)).map(named).collect();
    if strange.is_empty() {
        return Ok(Trained::Same);
    }
    Ok(other(format!("it has scores of {}, which the file does not hold out", listed(&strange))))
}

fn named(case: &CaseId) -> String {
    format!("`{case}`")
}

/// Refuses folds that are not those that the run's networks were trained with.
///
/// Networks that have seen other files of the data set than there are now are left out: they are trained anew.
pub(super) fn check(
    plan: &Plan,
    folder: &RunFolder,
    splits: &[Split],
    cases: &[CaseId],
    data: &str,
    command: &dyn Fn(&Path) -> String,
) -> Result<(), ExperimentError> {
    let (mut networks, mut digests) = (Vec::new(), Vec::new());
    for id in all(plan) {
        let network = folder.fold(id.configuration.as_str(), id.seed, id.fold);
        let state = NetworkState::read(&network)?;
        let Some(split) = splits.get(id.fold).filter(|_| state.has_data(data)) else { continue };
        if let Trained::Other { why, digest } = compare(&network, &state, split)? {
            networks.push(format!("{id}: {why}"));
            digests.push((id.fold, digest));
        }
    }
    if networks.is_empty() {
        return Ok(());
    }
    let path = folder.splits();
    let restore = if would_be_drawn(&digests, cases, &plan.split) {
        format!("remove `{}`: the next run draws the folds that they were trained with again", path.display())
    } else {
        "put the file back as it was".to_owned()
    };
    let command = command(&path);
    Err(EditedSplit { path: path.display().to_string(), networks, restore, command }.into())
}

/// Whether the plan draws the splits of these digests, each of a fold.
fn would_be_drawn(digests: &[(usize, Option<String>)], cases: &[CaseId], settings: &schema::Split) -> bool {
    let Ok(drawn) = draw(cases, settings) else { return false };
    let is_drawn = |(fold, digest): &(usize, Option<String>)| {
        digest.as_ref().zip(drawn.get(*fold)).is_some_and(|(digest, split)| *digest == split.digest())
    };
    digests.iter().all(is_drawn)
}

/// All networks that a run of the plan can have.
fn all(plan: &Plan) -> impl Iterator<Item = NetworkId> {
    plan.configurations.keys().flat_map(move |&configuration| {
        let of_seed = move |&seed| (0..plan.split.folds).map(move |fold| NetworkId { configuration, seed, fold });
        plan.run.seeds.iter().flat_map(of_seed)
    })
}
