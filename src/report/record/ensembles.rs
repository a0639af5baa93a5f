//! The ensembles of a run: pairs of configurations whose probabilities were averaged.

use crate::plan::schema::Plan;
use crate::report::record::error::RecordError;
use crate::run::NetworkState;
use crate::run::folder::{FoldFolder, RunFolder};
use crate::select::joined;

/// One fold of an ensemble.
#[derive(Clone, Debug)]
pub(crate) struct EnsembleFold {
    /// Names of its configurations, joined by `+`.
    pub name: String,
    pub seed: u64,
    /// Counted from 0.
    pub fold: usize,
    pub folder: FoldFolder,
    pub state: NetworkState,
}

/// All planned folds of the pairs of planned configurations that have a folder in the run, finished or not.
pub(super) fn read_ensembles(run: &RunFolder, plan: &Plan) -> Result<Vec<EnsembleFold>, RecordError> {
    let mut folds = Vec::new();
    for name in pairs(plan).into_iter().filter(|name| run.root.join(name).is_dir()) {
        for &seed in &plan.run.seeds {
            for &fold in &plan.run.folds {
                let folder = run.fold(&name, seed, fold);
                let state = NetworkState::read(&folder)?;
                folds.push(EnsembleFold { name: name.clone(), seed, fold, folder, state });
            }
        }
    }
    Ok(folds)
}

/// Names of all pairs of planned configurations.
fn pairs(plan: &Plan) -> Vec<String> {
    let mut configurations = plan.run.configurations.clone();
    configurations.sort_unstable();
    let mut names = Vec::new();
    for (at, first) in configurations.iter().enumerate() {
        names.extend(configurations[at + 1..].iter().map(|second| joined(&[first.to_string(), second.to_string()])));
    }
    names
}
