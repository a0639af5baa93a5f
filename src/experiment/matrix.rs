//! All networks of an experiment, one after the other, and what is decided on by all of them together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Device;

use crate::dataset::Dataset;
use crate::dataset::contents::Contents;
use crate::evaluate::scores::{self, Score};
use crate::evaluate::summary::summarize;
use crate::experiment::failures::{Failures, Part};
use crate::experiment::fold::{Fold, Progress};
use crate::experiment::forecast::Forecast;
use crate::experiment::graph::{Work, stage_before};
use crate::experiment::postprocessing::settle;
use crate::experiment::{ExperimentError, Options, Outcome, Stage, Summary, ensemble, first_stage, record};
use crate::plan::digest::stage_digests;
use crate::plan::schema::{ConfigurationName, Plan};
use crate::postprocess::LabelCases;
use crate::preprocess::cache::Preparation;
use crate::run::Listener;
use crate::run::NetworkId;
use crate::run::NetworkState;
use crate::run::Split;
use crate::run::folder::{RunFolder, prepared_folder};
use crate::select::Selection;
use crate::units::counted;

/// An experiment whose data set is measured and split.
pub(super) struct Experiment<'a> {
    pub(super) plan: &'a Plan,
    pub(super) dataset: Dataset,
    /// What the data set's files hold.
    pub(super) contents: Contents,
    /// Digest of that.
    pub(super) data: String,
    pub(super) splits: Vec<Split>,
    pub(super) folder: RunFolder,
    pub(super) device: Device,
    pub(super) events: &'a dyn Listener,
    pub(super) interrupted: &'a AtomicBool,
    pub(super) forecast: Forecast,
}

/// What a run has done up to now.
#[derive(Default)]
struct Done {
    /// Scores of all that is scored.
    scores: Vec<Score>,
    /// The candidates, where there is something to choose from.
    selection: Option<Selection>,
    /// Whether anything of it was not done before.
    anything_new: bool,
    failures: Failures,
}

impl Experiment<'_> {
    /// Does what is not done of some networks, one after the other, and what is decided on by all of them together.
    pub(super) fn run(&self, networks: &[NetworkId], options: &Options) -> Result<Outcome, ExperimentError> {
        let mut done = Done::default();
        let names: BTreeSet<ConfigurationName> = networks.iter().map(|id| id.configuration).collect();
        for name in names.iter().copied().chain(names.iter().copied().filter_map(stage_before)).collect::<BTreeSet<_>>()
        {
            match self.prepare(name) {
                Err(error) if options.keep_going => self.note(Part::Cases(name), error, &mut done),
                prepared => prepared?,
            }
        }
        if self.is_interrupted() {
            return Ok(Outcome::Interrupted);
        }
        for (at, &id) in networks.iter().enumerate() {
            if done.failures.block(id) {
                continue;
            }
            match self.network(id, options.until) {
                Ok(Progress::Interrupted) => return Ok(Outcome::Interrupted),
                Ok(progress) => {
                    done.anything_new |= progress == Progress::Done;
                    done.failures.done();
                }
                Err(error) => {
                    self.note(Part::Network(id), error, &mut done);
                    if !options.keep_going {
                        networks[at + 1..].iter().for_each(|&id| done.failures.leave(id, self.is_scored(id)));
                        break;
                    }
                }
            }
        }
        if options.until < Stage::Evaluate {
            return self.finish(done, options.until);
        }
        done.scores = self.scores(&done.failures)?;
        if done.failures.is_empty() || options.keep_going {
            match self.decide(&mut done) {
                Ok(Progress::Interrupted) => return Ok(Outcome::Interrupted),
                Ok(progress) => done.anything_new |= progress == Progress::Done,
                Err(error) if options.keep_going => self.note(Part::Choice, error, &mut done),
                Err(error) => return Err(error),
            }
        }
        self.finish(done, options.until)
    }

    fn note(&self, part: Part, error: ExperimentError, done: &mut Done) {
        self.events.end();
        self.events.say(&format!("{part} failed: {error}"));
        done.failures.add(part, error);
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Decides on post-processing, makes the ensembles and chooses the best, where all folds are scored.
    fn decide(&self, done: &mut Done) -> Result<Progress, ExperimentError> {
        let complete = self.complete(&done.failures);
        let mut all = Progress::AlreadyDone;
        for &name in &complete {
            let folds: Vec<_> = self.all_folds(name).map(|id| self.fold(id).held_out()).collect();
            if settle(self, name.as_str(), &folds)?.0 == Progress::Done {
                all = Progress::Done;
            }
        }
        done.scores = self.scores(&done.failures)?;
        let chosen = ensemble::choose(self, &complete, &done.scores)?;
        done.scores.extend(chosen.scores);
        done.selection = chosen.selection;
        Ok(if chosen.progress == Progress::AlreadyDone { all } else { chosen.progress })
    }

    /// Prepares the cases for a configuration, unless they are.
    fn prepare(&self, name: ConfigurationName) -> Result<(), ExperimentError> {
        let (plan, dataset, events) = (self.plan, &self.dataset, self.events);
        let folder = self.prepared(name);
        let configuration = &plan.configurations[&name];
        let cases = Preparation { dataset, contents: &self.contents, plan, configuration, folder: &folder };
        if cases.fresh() == dataset.training.len() {
            return Ok(());
        }
        events.begin(&format!("{name}: preparing cases"), dataset.training.len());
        let made = self.forecast.time(Work::Prepare(name), || cases.make(self.interrupted, &|| events.advance()));
        events.end();
        let made = made?;
        if made > 0 {
            events.say(&format!("{name}: {} prepared in `{}`", counted(made, "case"), folder.display()));
        }
        Ok(())
    }

    fn prepared(&self, name: ConfigurationName) -> PathBuf {
        prepared_folder(&self.plan.runtime.runs, &stage_digests(self.plan, name).preprocess)
    }

    /// Makes again what a trained network needs to predict its held-out cases, where somebody has removed it.
    pub(super) fn provide(&self, id: NetworkId) -> Result<Progress, ExperimentError> {
        for name in stage_before(id.configuration).into_iter().chain([id.configuration]) {
            self.prepare(name)?;
        }
        if self.is_interrupted() { Ok(Progress::Interrupted) } else { first_stage::make(self, id) }
    }

    /// Does what is not done of a network, and of the cascade's first stage where it needs that.
    fn network(&self, id: NetworkId, until: Stage) -> Result<Progress, ExperimentError> {
        if until < Stage::Train {
            return Ok(Progress::AlreadyDone);
        }
        let first = first_stage::make(self, id)?;
        if first == Progress::Interrupted {
            return Ok(first);
        }
        let own = self.fold(id).run(until)?;
        Ok(if own == Progress::AlreadyDone { first } else { own })
    }

    /// One network, with everything that it needs.
    pub(super) fn fold(&self, id: NetworkId) -> Fold<'_> {
        let digests = stage_digests(self.plan, id.configuration);
        Fold {
            plan: self.plan,
            id,
            configuration: &self.plan.configurations[&id.configuration],
            prepared: self.prepared(id.configuration),
            digests,
            data: &self.data,
            dataset: &self.dataset,
            contents: &self.contents,
            split: &self.splits[id.fold],
            folder: self.folder.fold(id.configuration.as_str(), id.seed, id.fold),
            next_stage: (id.configuration == ConfigurationName::Cascade)
                .then(|| self.folder.first_stage_predictions(id.seed)),
            device: &self.device,
            events: self.events,
            interrupted: self.interrupted,
            forecast: &self.forecast,
        }
    }

    /// All folds of a configuration, for all seeds.
    pub(super) fn all_folds(&self, configuration: ConfigurationName) -> impl Iterator<Item = NetworkId> + use<'_> {
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
        NetworkState::read(&fold.folder).is_ok_and(|state| {
            state.evaluated.as_ref() == Some(&fold.digests.evaluate)
                && state.is_of(&self.data, fold.split)
                && state.has_scores(&fold.folder)
        })
    }

    /// Training cases that have each label, and those of them in which it is a single component.
    pub(super) fn training_components(&self) -> Result<BTreeMap<u8, LabelCases>, ExperimentError> {
        let measured = {
            let memory = self.plan.runtime.memory_bytes();
            record::fingerprint(&self.folder, &self.dataset, self.data.clone(), memory, self.events)?
        };
        let mut found = BTreeMap::<u8, LabelCases>::new();
        for (&label, &parts) in measured.cases.iter().flat_map(|case| &case.components) {
            let found = found.entry(label).or_default();
            found.cases += 1;
            found.single_component += usize::from(parts == 1);
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

    fn finish(&self, done: Done, until: Stage) -> Result<Outcome, ExperimentError> {
        let Done { scores: rows, selection, anything_new, failures } = done;
        let what = match (anything_new, until) {
            _ if !failures.is_empty() => "not everything is done",
            (_, Stage::Preprocess) => "all cases are prepared",
            (false, _) => "everything was done before: nothing to do",
            (true, Stage::Train) => "all networks are trained",
            (true, Stage::Predict) => "all held-out cases are predicted",
            (true, _) => "all held-out cases are scored",
        };
        if let Some(times) = self.forecast.compared() {
            self.events.say(&times);
        }
        let text = format!("{what}; see `{}`", self.folder.root.display());
        if rows.is_empty() {
            return Ok(Outcome::Done(Summary { table: None, text, failures }));
        }
        scores::write(&self.folder.scores(), &rows)?;
        let mut table = summarize(&rows).table(self.plan.evaluate.surface_tolerance_mm);
        if let Some(selection) = selection {
            table = format!("{table}\n\n{}", selection.table());
        }
        Ok(Outcome::Done(Summary { table: Some(table), text, failures }))
    }
}
