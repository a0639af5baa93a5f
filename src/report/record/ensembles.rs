//! The ensembles of a run, pairs of configurations that were predicted together, and the choice among all candidates.

use crate::plan::schema::Plan;
use crate::report::record::{Record, RecordError, State, read_json};
use crate::run::folder::{FoldFolder, RunFolder};
use crate::select::{Selection, joined};

/// One fold of an ensemble.
#[derive(Clone, Debug)]
pub struct Ensemble {
    /// Its configurations, joined by `+`.
    pub name: String,
    /// Seed.
    pub seed: u64,
    /// Fold, counted from 0.
    pub fold: usize,
    /// Its folder.
    pub folder: FoldFolder,
    /// What of it is done.
    pub state: State,
}

/// The pairs of planned configurations that have a folder in the run: all of their planned folds, whether done or not.
pub(in crate::report) fn read(folder: &RunFolder, plan: &Plan) -> Result<Vec<Ensemble>, RecordError> {
    let mut configurations = plan.run.configurations.clone();
    configurations.sort_unstable();
    let mut ensembles = Vec::new();
    for (at, first) in configurations.iter().enumerate() {
        for second in &configurations[at + 1..] {
            let name = joined(&[first.to_string(), second.to_string()]);
            if !folder.root.join(&name).is_dir() {
                continue;
            }
            for &seed in &plan.run.seeds {
                for &fold in &plan.run.folds {
                    let folder = folder.fold(&name, seed, fold);
                    let state = read_json(&folder.state())?.unwrap_or_default();
                    ensembles.push(Ensemble { name: name.clone(), seed, fold, folder, state });
                }
            }
        }
    }
    Ok(ensembles)
}

/// The choice, where the run made one.
pub(in crate::report) fn selection(folder: &RunFolder) -> Result<Option<Selection>, RecordError> {
    read_json(&folder.selection())
}

/// What is missing of the ensembles, a sentence each.
pub(in crate::report) fn gaps(record: &Record) -> Vec<String> {
    let open = record.ensembles.iter().filter(|ensemble| ensemble.state.evaluated.is_none());
    let mut gaps: Vec<String> = open
        .map(|one| format!("{}, seed {}, fold {}: the ensemble is not scored.", one.name, one.seed, one.fold))
        .collect();
    if record.selection.is_none() && record.configurations().len() > 1 {
        gaps.push(
            "No candidate was chosen: that takes the scores of all folds of at least two configurations.".to_owned(),
        );
    }
    gaps
}
