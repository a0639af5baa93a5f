//! Checks before anything runs: the plan against this build, the data set and the machine. All faults are reported at once.

mod build;
mod data;
mod machine;
mod size;

use std::collections::BTreeSet;

pub use self::data::check_data;
pub use self::size::check_case_sizes;
use crate::dataset::Dataset;
use crate::experiment::error::ExperimentError;
use crate::experiment::machine::{Machine, nvidia_gpus};
use crate::experiment::preflight::build::check_build;
use crate::experiment::preflight::machine::{Remaining, check_machine};
use crate::experiment::status::Status;
use crate::experiment::work::Work;
use crate::plan::compare::overrides;
use crate::plan::read::LoadedPlan;
use crate::plan::read::{Diagnostic, PlanError};
use crate::plan::schema::ConfigurationName;
use crate::run::Listener;

/// Reports overrides and warnings, and refuses a plan that cannot run.
///
/// # Errors
///
/// All faults at once.
pub(super) fn check_plan(
    loaded: &LoadedPlan,
    dataset: &Dataset,
    status: &Status,
    listener: &dyn Listener,
) -> Result<(), ExperimentError> {
    for change in overrides(&loaded.layers) {
        listener.say(&change.to_string());
    }
    let machine = Machine::inspect(&loaded.plan.runtime.runs);
    let mut faults = loaded.warnings.clone();
    faults.extend(check_build(loaded));
    faults.extend(check_data(loaded, dataset));
    faults.extend(check_machine(loaded, &remaining(loaded, status), &machine, &nvidia_gpus()));
    if faults.iter().all(Diagnostic::is_warning) {
        for warning in &faults {
            listener.warn(warning);
        }
        return Ok(());
    }
    Err(PlanError::Invalid { diagnostics: faults }.into())
}

fn remaining(loaded: &LoadedPlan, status: &Status) -> Remaining {
    let work = status.entries.iter().filter(|entry| entry.state.is_open()).map(|entry| entry.piece.work);
    let trained =
        work.clone().filter_map(|work| if let Work::Train(id) = work { Some(id.configuration) } else { None });
    Remaining {
        train: trained.collect::<BTreeSet<ConfigurationName>>(),
        preprocesses: work.clone().any(|work| matches!(work, Work::Preprocess(_))),
        disk_bytes: status.disk_bytes(loaded),
    }
}

#[cfg(test)]
mod tests;
