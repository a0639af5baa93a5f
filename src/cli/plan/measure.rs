//! Measures a data set for a plan, and refuses one that cannot be planned or run.

use std::fs;
use std::path::Path;

use crate::cli::failure::{Failure, plain, warn};
use crate::cli::plan::arguments::Arguments;
use crate::cli::plan::memory::memory_to_measure;
use crate::cli::plan::names::experiment_name;
use crate::cli::terminal::Terminal;
use crate::dataset::{Dataset, scan};
use crate::experiment::preflight::check_data;
use crate::fingerprint::{self, Fingerprint, FingerprintError};
use crate::plan::read::{Diagnostic, LoadedPlan, PlanError};
use crate::plan::rules::notes::notes;
use crate::plan::rules::unplannable::{Unplannable, require_cases, require_measurements};
use crate::run::Listener;
use crate::units::shell_word;

/// A data set with its measurements, and the experiment that is planned.
pub(super) struct Measurements {
    pub(super) name: String,
    pub(super) dataset: Dataset,
    pub(super) exclude: Vec<String>,
    pub(super) fingerprint: Fingerprint,
}

/// Measures a data set, without the cases to leave out.
pub(super) fn measure(folder: &Path, arguments: &Arguments, terminal: &Terminal) -> Result<Measurements, Failure> {
    let dataset = scan(folder).map_err(|error| Failure::wrong_input(plain(error)))?;
    let dataset = dataset.without(&arguments.exclude).map_err(|error| Failure::wrong_input(plain(error)))?;
    let whole = fs::canonicalize(folder).ok();
    let is_named = whole.and_then(|whole| Some(whole.file_name()?.to_str()? == dataset.name)) == Some(true);
    if !is_named {
        return Err(Failure::wrong_input(miette::miette!(
            help = "rename the folder",
            "the name of the folder `{}` cannot be written into a plan; expected valid Unicode",
            folder.display()
        )));
    }
    let name = experiment_name(arguments.name.as_deref(), &dataset.name, terminal)?;
    let fingerprint = compute_fingerprint(&dataset, memory_to_measure(arguments.memory_gib), terminal)?;
    Ok(Measurements { name, dataset, exclude: arguments.exclude.clone(), fingerprint })
}

/// Measures the cases of a data set, and refuses one that cannot be planned.
pub(super) fn compute_fingerprint(
    dataset: &Dataset,
    memory_bytes: u64,
    terminal: &Terminal,
) -> Result<Fingerprint, Failure> {
    require_cases(dataset).map_err(unplannable)?;
    terminal.begin("computing fingerprint", dataset.training.len());
    let fingerprint = fingerprint::compute_fingerprint(dataset, memory_bytes, &|| terminal.advance());
    terminal.end();
    let fingerprint = fingerprint.map_err(unusable)?;
    require_measurements(dataset, &fingerprint).map_err(unplannable)?;
    Ok(fingerprint)
}

fn unplannable(error: Unplannable) -> Failure {
    if error.is_damage() { Failure::damaged_data(plain(error)) } else { Failure::wrong_input(plain(error)) }
}

/// Refuses what `run` would refuse about a plan and its data set.
pub(super) fn refuse_unrunnable(loaded: &LoadedPlan, dataset: &Dataset) -> Result<(), PlanError> {
    let found = check_data(loaded, dataset);
    if found.iter().all(Diagnostic::is_warning) { Ok(()) } else { Err(PlanError::invalid(found)) }
}

/// Prints warnings about a plan and remarks on its data set.
pub(super) fn print_notes(loaded: &LoadedPlan, dataset: &Dataset, fingerprint: &Fingerprint, terminal: &Terminal) {
    warn(&loaded.warnings);
    for note in notes(&loaded.plan, dataset, fingerprint) {
        terminal.say(&format!("note: {note}"));
    }
}

/// Lists the unusable cases, and how to plan without them.
fn unusable(error: FingerprintError) -> Failure {
    let mut cases: Vec<&str> = match &error {
        FingerprintError::Issues(issues) => issues.iter().map(|issue| issue.case.0.as_str()).collect(),
        FingerprintError::Empty(_) => Vec::new(),
    };
    cases.dedup();
    let without: Vec<String> = cases.iter().map(|case| format!("--exclude {}", shell_word(case))).collect();
    if without.is_empty() {
        return Failure::damaged_data(plain(error));
    }
    Failure::damaged_data(miette::miette!(help = format!("to plan without: {}", without.join(" ")), "{error}"))
}
