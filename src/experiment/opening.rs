//! Opening a run: find the data set, draw the folds, compute the fingerprint, and refuse whatever cannot run.
//!
//! This does the first pieces of the list of work, since all others are judged by their results. A refused run leaves nothing behind
//! that would occupy its name.

use std::sync::atomic::AtomicBool;

use crate::dataset::CaseId;
use crate::device::open_device;
use crate::experiment::edited_split::FoldsToCheck;
use crate::experiment::error::ExperimentError;
use crate::experiment::inspect::Inspection;
use crate::experiment::options::{Options, Stage};
use crate::experiment::other_plan::{abandoned_split, command_with_folds, refuse_other_plan};
use crate::experiment::preflight::{check_case_sizes, check_plan};
use crate::experiment::record::{current_fingerprint, write_record};
use crate::experiment::splits::load_or_draw;
use crate::experiment::stages::context::Context;
use crate::experiment::status::Status;
use crate::experiment::work::Work;
use crate::fingerprint::Fingerprint;
use crate::plan::compare::compare_with_data;
use crate::plan::read::LoadedPlan;
use crate::run::Listener;
use crate::run::contents::{KeepDigests, hash_contents, saved_contents};
use crate::run::dataset::{dataset_folder, find_any_dataset};
use crate::run::folder::RunFolder;
use crate::run::split::write_splits;
use crate::units::{counted, listed};

/// A run that is ready to be executed.
pub(super) struct OpenRun<'a> {
    pub(super) context: Context<'a>,
    /// Work that was done to open it.
    pub(super) done: Vec<Work>,
    /// Whether the data set matches the plan's measurements.
    pub(super) matches_plan: bool,
}

/// Opens the run of a plan. The caller holds its lock.
pub(super) fn open_run<'a>(
    loaded: &'a LoadedPlan,
    options: &Options,
    listener: &'a dyn Listener,
    interrupted: &'a AtomicBool,
) -> Result<OpenRun<'a>, ExperimentError> {
    let plan = &loaded.plan;
    let folder = RunFolder::new(&plan.runtime.runs, &plan.name);
    options.networks(plan)?;
    refuse_other_plan(&folder, loaded)?;
    let mut done = Vec::new();

    let is_generated = dataset_folder(loaded).is_none();
    let dataset = find_any_dataset(loaded, listener)?;
    done.extend(is_generated.then_some(Work::Data));
    dataset.notes.iter().for_each(|note| listener.say(&format!("note: {note}")));
    check_plan(loaded, &dataset, &Status::before_hashing(loaded, options, &dataset)?, listener)?;
    let device = open_device(&plan.runtime.device)?;

    let contents = hash_contents(&plan.runtime.runs, &dataset, listener, KeepDigests::Yes)?;
    let changed = saved_contents(&folder)?.map(|before| contents.changed_since(&before)).unwrap_or_default();
    if !changed.is_empty() {
        let count = counted(changed.len(), "file");
        listener.say(&format!("{count} of the data set changed since the last run: {}", listed(&changed)));
    }
    let data = contents.digest();

    let is_drawn = !folder.splits().is_file();
    let cases: Vec<CaseId> = dataset.training.iter().map(|case| case.id.clone()).collect();
    let splits = load_or_draw(&folder.splits(), &cases, &plan.split, abandoned_split(&folder).as_ref())?;
    done.extend(is_drawn.then_some(Work::Split));
    let folds = FoldsToCheck { plan, folder: &folder, splits: &splits, cases: &cases, data: &data };
    if let Some(edited) = folds.find_edited(&|file| command_with_folds(loaded, file))? {
        return Err(edited.into());
    }

    let current = current_fingerprint(&folder, &dataset, &data, plan.runtime.memory_bytes(), listener)?;
    done.extend(current.is_new.then_some(Work::Fingerprint));
    let context = Context { plan, dataset, contents, data, splits, folder, device, listener, interrupted };
    check_sizes(loaded, options, &context, &current.fingerprint)?;

    // Everything that can refuse a run is above.
    write_record(&context.folder, loaded, &context.dataset, &context.contents)?;
    write_splits(&context.folder.splits(), &context.splits)?;
    let differences = compare_with_data(&current.fingerprint, plan);
    for difference in &differences {
        listener.say(&format!("the data set differs from the plan: {difference}"));
    }
    Ok(OpenRun { context, done, matches_plan: differences.is_empty() })
}

/// Checks the sizes of the cases that are still to be preprocessed.
fn check_sizes(
    loaded: &LoadedPlan,
    options: &Options,
    context: &Context<'_>,
    fingerprint: &Fingerprint,
) -> Result<(), ExperimentError> {
    let options = Options { until: options.until.max(Stage::Preprocess), ..options.clone() };
    let status = Status::inspected(loaded, &options, &Inspection::of_run(context))?;
    let unprepared = status.entries.iter().filter(|entry| entry.state.is_open());
    let names =
        unprepared.filter_map(|entry| if let Work::Preprocess(name) = entry.piece.work { Some(name) } else { None });
    Ok(check_case_sizes(&loaded.plan, fingerprint, names)?)
}
