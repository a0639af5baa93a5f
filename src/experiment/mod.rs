//! The stage graph of an experiment: what is done, what is stale, what runs next.
//!
//! Input: a plan. Output: its run folder, filled. Each stage is done when its results carry the digest of the plan's tables
//! that decide them, so that a run can be killed at any instant and started again. Deliberately absent: the terminal.

pub mod augment;
pub mod bench;
pub mod data;
mod ensemble;
pub mod events;
pub mod failures;
mod first_stage;
mod fold;
pub mod graph;
mod held_out;
pub mod machine;
mod pictures;
pub mod postprocessing;
mod preflight;
mod record;
pub mod segment;
pub mod splits;
pub mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use clap::ValueEnum;
use thiserror::Error;

use crate::dataset::contents::Contents;
use crate::dataset::{CaseId, Dataset};
use crate::device::{DeviceError, device};
use crate::evaluate::EvaluateError;
use crate::evaluate::scores::{self, Score};
use crate::evaluate::summary::summarize;
use crate::experiment::data::DataError;
use crate::experiment::events::{Events, NetworkId};
use crate::experiment::failures::Failures;
use crate::experiment::fold::{Fold, Progress};
use crate::experiment::postprocessing::settle;
use crate::experiment::splits::{Split, SplitError};
use crate::experiment::state::{FoldState, StateError};
use crate::fingerprint::FingerprintError;
use crate::network::weights::WeightsError;
use crate::plan::check::differences;
use crate::plan::digest::stage_digests;
use crate::plan::fault::PlanError;
use crate::plan::load::LoadedPlan;
use crate::plan::schema::{ConfigurationName, Plan};
use crate::predict::memory::PredictError;
use crate::preprocess::cache::{Preparation, PreprocessError};
use crate::report::ReportError;
use crate::select::Selection;
use crate::store::StoreError;
use crate::store::folder::{RunFolder, prepared_folder};
use crate::store::table::TableError;
use crate::train::TrainError;
use crate::volume::nifti::NiftiError;

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

/// A run failed.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each variant passes on one room's error, whose text says it all")]
pub enum ExperimentError {
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Fingerprint(#[from] FingerprintError),
    #[error(transparent)]
    Preprocess(#[from] PreprocessError),
    #[error(transparent)]
    Split(#[from] SplitError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error("case `{case}`: {source}")]
    Nifti { case: CaseId, source: NiftiError },
    #[error("case `{case}`: {source}")]
    Predict { case: CaseId, source: PredictError },
    #[error("{0}; `segplan verify` lists every fault of the data set")]
    MissingFile(StoreError),
    #[error("case `{0}` has no reference labels; it cannot be scored")]
    Unlabelled(CaseId),
    #[error("case `{case}` is not in data set `{dataset}`; `splits_final.json` is of another one")]
    UnknownCase { case: CaseId, dataset: String },
    #[error("data set `{dataset}` has no training case `{case}`{first}")]
    NoSuchCase { case: String, dataset: String, first: String },
    #[error("configuration `{name}` is not in the plan; it has {known}")]
    UnknownConfiguration { name: ConfigurationName, known: String },
    #[error("fold {fold} is not among the {folds} folds of `split.folds`, counted from 0")]
    UnknownFold { fold: usize, folds: usize },
    #[error(
        "`{folder}` holds results of another plan. These keys differ:\n{differences}\nThese results stay as they are. Beside them, \
         under a name of its own, the changed plan uses what has not changed and makes the rest by this command"
    )]
    OtherPlan { folder: String, differences: String, command: String },
    #[error("another process is running `{0}`; wait for it, or stop it")]
    Locked(String),
}

impl ExperimentError {
    fn unknown_configuration(plan: &Plan, name: ConfigurationName) -> Self {
        let known: Vec<String> = plan.configurations.keys().map(|name| format!("`{name}`")).collect();
        Self::UnknownConfiguration { name, known: known.join(", ") }
    }

    /// Exit code of the program: 2 wrong input, 3 damaged data, 1 otherwise.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Plan(_)
            | Self::Data(_)
            | Self::Device(_)
            | Self::NoSuchCase { .. }
            | Self::UnknownConfiguration { .. }
            | Self::UnknownFold { .. }
            | Self::OtherPlan { .. }
            | Self::Split(_) => 2,
            Self::Fingerprint(_)
            | Self::Preprocess(_)
            | Self::State(_)
            | Self::Nifti { .. }
            | Self::MissingFile(_)
            | Self::Evaluate(_)
            | Self::Unlabelled(_)
            | Self::UnknownCase { .. }
            | Self::Weights(_) => 3,
            Self::Predict { .. }
            | Self::Store(_)
            | Self::Train(_)
            | Self::Table(_)
            | Self::Report(_)
            | Self::Locked(_) => 1,
        }
    }
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
    events: &dyn Events,
    interrupted: &AtomicBool,
) -> Result<Outcome, ExperimentError> {
    let plan = &loaded.plan;
    let networks = networks(plan, options)?;
    let folder = RunFolder::new(&plan.runtime.runs, &plan.name);
    let _lock = record::lock(&folder)?;
    record::refuse_other_plan(&folder, loaded)?;
    let dataset = data::locate(plan, events)?;
    preflight::check(loaded, &dataset, &networks, &folder, events)?;
    let device = device(&plan.runtime.device)?;
    let contents = record::contents(&folder, &plan.runtime.runs, &dataset, events)?;
    record::write(&folder, loaded, &dataset, &contents)?;
    let cases: Vec<CaseId> = dataset.training.iter().map(|case| case.id.clone()).collect();
    let splits = splits::load_or_draw(&folder.splits(), &cases, &plan.split)?;

    let data = contents.digest();
    let differences = differences(&record::fingerprint(&folder, &dataset, data.clone(), events)?, plan);
    for difference in &differences {
        events.say(&format!("the data set is not quite the plan's: {difference}"));
    }
    if options.until == Stage::Fingerprint {
        let what = if differences.is_empty() { "the data set is as the plan says" } else { "the data set is measured" };
        return Ok(done(what, &folder));
    }
    preprocess(plan, &dataset, &contents, &networks, events)?;
    if options.until == Stage::Preprocess {
        return Ok(done("all cases are prepared", &folder));
    }
    let experiment = Experiment { plan, dataset, data, splits, folder, device, events, interrupted };
    experiment.run(&networks, options)
}

/// An experiment whose cases are prepared and split.
struct Experiment<'a> {
    plan: &'a Plan,
    dataset: Dataset,
    /// Digest of what the data set's files hold.
    data: String,
    splits: Vec<Split>,
    folder: RunFolder,
    device: Device,
    events: &'a dyn Events,
    interrupted: &'a AtomicBool,
}

impl Experiment<'_> {
    fn run(&self, networks: &[NetworkId], options: &Options) -> Result<Outcome, ExperimentError> {
        let until = options.until;
        let mut anything_new = false;
        let mut failures = Failures::default();
        for (at, &id) in networks.iter().enumerate() {
            if failures.block(id) {
                continue;
            }
            match self.network(id, until) {
                Ok(None) => return Ok(Outcome::Interrupted),
                Ok(Some(progress)) => {
                    anything_new |= progress == Progress::Done;
                    failures.done();
                }
                Err(error) => {
                    self.events.end();
                    self.events.say(&format!("{id} failed: {error}"));
                    failures.add(id, error);
                    if !options.keep_going {
                        networks[at + 1..].iter().for_each(|&id| failures.leave(id, self.is_scored(id)));
                        break;
                    }
                }
            }
        }
        if until < Stage::Evaluate {
            return self.finish(&[], None, anything_new, until, failures);
        }
        if !failures.is_empty() && !options.keep_going {
            return self.finish(&self.scores(&failures)?, None, anything_new, until, failures);
        }
        let complete = self.complete(&failures);
        for &name in &complete {
            let folds: Vec<_> = self.all_folds(name).map(|id| self.fold(id).held_out()).collect();
            anything_new |= settle(self, name.as_str(), &folds)?.0 == Progress::Done;
        }
        let mut rows = self.scores(&failures)?;
        let chosen = ensemble::choose(self, &complete, &rows)?;
        if chosen.progress == Progress::Interrupted {
            return Ok(Outcome::Interrupted);
        }
        anything_new |= chosen.progress == Progress::Done;
        rows.extend(chosen.scores);
        self.finish(&rows, chosen.selection.as_ref(), anything_new, until, failures)
    }

    /// Does what is not done of a network, and of the cascade's first stage where it needs that; nothing when it was asked to
    /// stop.
    fn network(&self, id: NetworkId, until: Stage) -> Result<Option<Progress>, ExperimentError> {
        let first = first_stage::make(self, id)?;
        if first == Progress::Interrupted {
            return Ok(None);
        }
        let own = self.fold(id).run(until)?;
        Ok(own.map(|own| if first == Progress::Done { first } else { own }))
    }

    /// One network, with everything that it needs.
    fn fold(&self, id: NetworkId) -> Fold<'_> {
        let digests = stage_digests(self.plan, id.configuration);
        Fold {
            plan: self.plan,
            id,
            configuration: &self.plan.configurations[&id.configuration],
            prepared: prepared_folder(&self.plan.runtime.runs, &digests.preprocess),
            digests,
            data: &self.data,
            dataset: &self.dataset,
            split: &self.splits[id.fold],
            folder: self.folder.fold(id.configuration.as_str(), id.seed, id.fold),
            next_stage: (id.configuration == ConfigurationName::Cascade)
                .then(|| self.folder.next_stage(ConfigurationName::LowRes.as_str(), id.seed)),
            device: &self.device,
            events: self.events,
            interrupted: self.interrupted,
        }
    }

    /// All folds of a configuration, for all seeds.
    fn all_folds(&self, configuration: ConfigurationName) -> impl Iterator<Item = NetworkId> + use<'_> {
        let folds = self.plan.split.folds;
        let of_seed = move |&seed| (0..folds).map(move |fold| NetworkId { configuration, seed, fold });
        self.plan.run.seeds.iter().flat_map(of_seed)
    }

    /// The configurations of the plan all of whose folds are scored.
    fn complete(&self, failures: &Failures) -> Vec<ConfigurationName> {
        let mut complete = Vec::new();
        for &name in self.plan.configurations.keys() {
            if self.all_folds(name).all(|id| !failures.has(id) && self.is_scored(id)) {
                complete.push(name);
            }
        }
        complete
    }

    /// Whether the held-out cases of a network are scored, by this plan and on these files. A state that cannot be read is the
    /// failure of its own network.
    fn is_scored(&self, id: NetworkId) -> bool {
        let fold = self.fold(id);
        FoldState::load(&fold.folder).is_ok_and(|state| state.is_scored(&fold.digests.evaluate, &self.data))
    }

    /// Training cases that have each label, and those of them in which it is a single component.
    fn training_components(&self) -> Result<BTreeMap<u8, (usize, usize)>, ExperimentError> {
        let measured = record::fingerprint(&self.folder, &self.dataset, self.data.clone(), self.events)?;
        let mut found = BTreeMap::<u8, (usize, usize)>::new();
        for (&label, &parts) in measured.cases.iter().flat_map(|case| &case.components) {
            let (cases, single) = found.entry(label).or_default();
            *cases += 1;
            *single += usize::from(parts == 1);
        }
        Ok(found)
    }

    /// Scores of all networks of the plan that are done and did not fail now.
    fn scores(&self, failures: &Failures) -> Result<Vec<Score>, ExperimentError> {
        let mut rows = Vec::new();
        for id in self.plan.configurations.keys().flat_map(|&name| self.all_folds(name)) {
            if !failures.has(id) && self.is_scored(id) {
                rows.extend(scores::read(&self.fold(id).folder.scores())?);
            }
        }
        Ok(rows)
    }

    fn finish(
        &self,
        rows: &[Score],
        selection: Option<&Selection>,
        anything_new: bool,
        until: Stage,
        failures: Failures,
    ) -> Result<Outcome, ExperimentError> {
        let what = match (anything_new, until) {
            _ if !failures.is_empty() => "not everything is done",
            (false, _) => "everything was done before: nothing to do",
            (true, Stage::Train) => "all networks are trained",
            (true, Stage::Predict) => "all held-out cases are predicted",
            (true, _) => "all held-out cases are scored",
        };
        let text = format!("{what}; see `{}`", self.folder.root.display());
        if rows.is_empty() {
            return Ok(Outcome::Done(Summary { table: None, text, failures }));
        }
        scores::write(&self.folder.scores(), rows)?;
        let mut table = summarize(rows).table();
        if let Some(selection) = selection {
            table = format!("{table}\n\n{}", selection.table());
        }
        Ok(Outcome::Done(Summary { table: Some(table), text, failures }))
    }
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
            return Err(ExperimentError::unknown_configuration(plan, name));
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

/// Prepares the cases for each configuration that is asked for.
fn preprocess(
    plan: &Plan,
    dataset: &Dataset,
    contents: &Contents,
    networks: &[NetworkId],
    events: &dyn Events,
) -> Result<(), ExperimentError> {
    let mut names: BTreeSet<ConfigurationName> = networks.iter().map(|id| id.configuration).collect();
    if names.contains(&ConfigurationName::Cascade) {
        names.insert(ConfigurationName::LowRes);
    }
    for name in names {
        let folder = prepared_folder(&plan.runtime.runs, &stage_digests(plan, name).preprocess);
        events.begin(&format!("{name}: preparing cases"), dataset.training.len());
        let configuration = &plan.configurations[&name];
        let made = Preparation { dataset, contents, plan, configuration, folder: &folder }.make(&|| events.advance());
        events.end();
        let made = made?;
        if made > 0 {
            events.say(&format!("{name}: {made} cases prepared in `{}`", folder.display()));
        }
    }
    Ok(())
}

fn done(what: &str, folder: &RunFolder) -> Outcome {
    let text = format!("{what}; see `{}`", folder.root.display());
    Outcome::Done(Summary { table: None, text, failures: Failures::default() })
}
