//! The stage graph of an experiment: what is done, what is stale, what runs next.
//!
//! Input: a plan. Output: its run folder, filled. Each stage is done when its results carry the digest of the plan's tables
//! that decide them, so that a run can be killed at any instant and started again. Deliberately absent: the terminal.

mod ensemble;
mod error;
pub mod failures;
mod first_stage;
mod fold;
mod forecast;
pub mod graph;
mod held_out;
mod lock;
pub mod machine;
mod matrix;
pub mod postprocessing;
pub mod preflight;
mod record;
pub mod splits;
mod trained_split;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use clap::ValueEnum;

pub use self::error::ExperimentError;
pub use self::trained_split::EditedSplit;
use crate::dataset::CaseId;
use crate::device::open_device;
use crate::experiment::failures::Failures;
use crate::experiment::forecast::Forecast;
use crate::experiment::lock::Lock;
use crate::experiment::matrix::Experiment;
use crate::plan::compare::compare_with_data;
use crate::plan::read::LoadedPlan;
use crate::plan::schema::{ConfigurationName, Plan};
use crate::run::Listener;
use crate::run::dataset::find_any_dataset;
use crate::run::folder::RunFolder;
use crate::run::split::write_splits;
use crate::run::{NetworkId, UnknownConfiguration};

/// The stages of an experiment, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Stage {
    /// Compare the data set with what the plan says of it
    Fingerprint,
    /// Make the prepared cases
    Preprocess,
    /// Train the networks
    Train,
    /// Predict the held-out cases
    Predict,
    /// Score the predictions
    Evaluate,
}

/// What part of a plan is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The last stage.
    pub until: Stage,
    /// Configurations; those of the plan where none is named.
    pub configurations: Vec<ConfigurationName>,
    /// Folds; those of the plan where none is named.
    pub folds: Vec<usize>,
    /// Whether the other networks are trained after one has failed.
    pub keep_going: bool,
}

/// How a run ended without an error.
#[derive(Debug)]
pub enum Outcome {
    /// Everything that was asked for is done.
    Done(Summary),
    /// It was asked to stop; it can go on.
    Interrupted,
}

/// What a finished run has to say.
#[derive(Debug)]
pub struct Summary {
    /// Scores as a table, where there are any.
    pub table: Option<String>,
    /// What was done, and where it is.
    pub text: String,
    /// What failed.
    pub failures: Failures,
}

/// Does whatever of a plan is not yet done, up to `options.until`.
///
/// Nothing of a finished stage is done again; when `interrupted` is set, the step at hand is finished, a checkpoint is
/// written, and [`Outcome::Interrupted`] is returned.
///
/// # Errors
///
/// Wrong plans, damaged data and failed stages, each by the room that found it. What was finished before stays.
pub fn run(
    loaded: &LoadedPlan,
    options: &Options,
    events: &dyn Listener,
    interrupted: &AtomicBool,
) -> Result<Outcome, ExperimentError> {
    let plan = &loaded.plan;
    let networks = networks(plan, options)?;
    let folder = RunFolder::new(&plan.runtime.runs, &plan.name);
    let _lock = Lock::take(&folder)?;
    record::refuse_other_plan(&folder, loaded)?;
    let dataset = find_any_dataset(loaded, events)?;
    for note in &dataset.notes {
        events.say(&format!("note: {note}"));
    }
    preflight::check(loaded, &dataset, &networks, &folder, events)?;
    let device = open_device(&plan.runtime.device)?;
    let contents = record::contents(&folder, &plan.runtime.runs, &dataset, events)?;
    let data = contents.digest();
    let cases: Vec<CaseId> = dataset.training.iter().map(|case| case.id.clone()).collect();
    let abandoned = record::abandoned_split(&folder);
    let splits = splits::load_or_draw(&folder.splits(), &cases, &plan.split, abandoned.as_ref())?;
    let renamed = |file: &Path| record::command_with_folds(loaded, file);
    trained_split::check(plan, &folder, &splits, &cases, &data, &renamed)?;
    let measured = record::fingerprint(&folder, &dataset, data.clone(), plan.runtime.memory_bytes(), events)?;
    let names: BTreeSet<ConfigurationName> = networks.iter().map(|id| id.configuration).collect();
    let all = names.iter().copied().chain(names.iter().copied().filter_map(graph::stage_before));
    let unprepared = preflight::unprepared(plan, &dataset, &contents, all);
    preflight::cases_fit(plan, &measured, unprepared.into_iter())?;
    let differences = compare_with_data(&measured, plan);
    // Whatever refuses a run stands above: a refused run leaves nothing that would keep its name.
    record::write(&folder, loaded, &dataset, &contents)?;
    write_splits(&folder.splits(), &splits)?;

    for difference in &differences {
        events.say(&format!("the data set is not quite the plan's: {difference}"));
    }
    if options.until == Stage::Fingerprint {
        let what = if differences.is_empty() { "the data set is as the plan says" } else { "the data set is measured" };
        let text = format!("{what}; see `{}`", folder.root.display());
        return Ok(Outcome::Done(Summary { table: None, text, failures: Failures::default() }));
    }
    let forecast = Forecast::say(loaded, options, events)?;
    let experiment =
        Experiment { plan, dataset, contents, data, splits, folder, device, events, interrupted, forecast };
    experiment.run(&networks, options)
}

/// The networks that are asked for: configurations in their order, then seeds, then folds.
fn networks(plan: &Plan, options: &Options) -> Result<Vec<NetworkId>, ExperimentError> {
    let or_plan = |asked: &[ConfigurationName]| {
        if asked.is_empty() { plan.run.configurations.clone() } else { asked.to_vec() }
    };
    let configurations = or_plan(&options.configurations);
    let folds = if options.folds.is_empty() { &plan.run.folds } else { &options.folds };
    for &name in &configurations {
        if !plan.configurations.contains_key(&name) {
            return Err(UnknownConfiguration::new(plan, name).into());
        }
    }
    if let Some(&fold) = folds.iter().find(|&&fold| fold >= plan.split.folds) {
        return Err(ExperimentError::UnknownFold { fold, folds: plan.split.folds });
    }
    let mut all = Vec::new();
    for &configuration in &configurations {
        for &seed in &plan.run.seeds {
            all.extend(folds.iter().map(|&fold| NetworkId { configuration, seed, fold }));
        }
    }
    Ok(all)
}
