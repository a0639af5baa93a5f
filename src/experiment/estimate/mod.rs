//! The cost of the remaining work: memory, disk space and time.
//!
//! Memory and disk space follow from the plan and from the grids of all cases. Time follows from the epochs that the run has logged or,
//! before the first epoch, from the number of operations of the network and the measured speed of the device.

mod amount;
mod cost;
mod grids;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

pub use self::amount::Estimate;
use self::cost::{Cost, fingerprint_cost};
use self::grids::case_grids;
use crate::experiment::error::ExperimentError;
use crate::experiment::state::State;
use crate::experiment::work::Work;
use crate::plan::read::LoadedPlan;
use crate::plan::schema::ConfigurationName;
use crate::run::Listener;
use crate::run::folder::RunFolder;

/// Estimates, and their basis.
pub(super) struct Estimates {
    /// One for each piece of work; `None` if it is done or takes no time.
    pub(super) costs: Vec<Option<Estimate>>,
    /// Sentences about the source of the estimates.
    pub(super) basis: Vec<String>,
}

/// Estimates the work that is not done.
///
/// If the run has logged no epoch of a configuration, the device is timed with a part of its network for a second or two.
///
/// # Errors
///
/// If the device cannot be used.
pub(super) fn estimate_work(
    loaded: &LoadedPlan,
    folder: &RunFolder,
    work: &[(Work, &State)],
    listener: &dyn Listener,
) -> Result<Estimates, ExperimentError> {
    let plan = &loaded.plan;
    let (grids, source) = case_grids(loaded, folder);
    let mut timed = BTreeMap::new();
    let mut estimates = Estimates { costs: Vec::new(), basis: Vec::new() };
    for &(work, state) in work {
        let mut cost = None;
        if !state.is_open() {
            estimates.costs.push(cost);
            continue;
        }
        for name in configurations(work) {
            if let Entry::Vacant(unknown) = timed.entry(name) {
                let (cost, basis) = Cost::timed(plan, name, &grids, folder, listener)?;
                estimates.basis.push(basis);
                unknown.insert(cost);
            }
            let own = timed[&name].of_work(work, state);
            cost = Some(cost.map_or(own, |other: Estimate| other.and(own)));
        }
        match work {
            Work::Fingerprint => cost = Some(fingerprint_cost(plan, &grids)),
            // Independent of the speed of the device.
            Work::Preprocess(name) => cost = Some(Cost::untimed(plan, name, &grids).of_work(work, state)),
            _ => (),
        }
        estimates.costs.push(cost);
    }
    if !timed.is_empty() {
        estimates.basis.push(format!(
            "Estimates are based on {source}. Times exclude augmentation and assume `train.max_epochs`; training may stop earlier. \
             Memory is the peak, including preprocessed cases mapped from disk, whose pages the system can reclaim."
        ));
    }
    Ok(estimates)
}

/// Disk space that the remaining work fills, bytes.
pub(super) fn disk_bytes(loaded: &LoadedPlan, folder: &RunFolder, work: &[(Work, &State)]) -> u64 {
    let (grids, _) = case_grids(loaded, folder);
    let mut bytes = 0;
    for &(work, state) in work.iter().filter(|(_, state)| state.is_open()) {
        let of_preprocess = if let Work::Preprocess(name) = work { Some(name) } else { None };
        for name in configurations(work).into_iter().chain(of_preprocess) {
            bytes += Cost::untimed(&loaded.plan, name, &grids).of_work(work, state).disk_bytes;
        }
    }
    bytes
}

/// The configurations whose networks do a piece of work.
fn configurations(work: Work) -> Vec<ConfigurationName> {
    match work {
        Work::Train(id) | Work::PredictForCascade(id) | Work::Predict(id) | Work::Evaluate(id) => {
            vec![id.configuration]
        }
        Work::Ensemble(id, second) => vec![id.configuration, second],
        Work::Data | Work::Fingerprint | Work::Split | Work::Preprocess(_) | Work::Postprocess(_) | Work::Select => {
            Vec::new()
        }
    }
}
