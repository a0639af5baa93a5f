//! How far each piece of work is, by what is on disk.

use std::fs;

use crate::dataset::contents::Contents;
use crate::dataset::{CaseId, Dataset};
use crate::experiment::graph::{State, Work, stage_before};
use crate::experiment::splits;
use crate::experiment::{ExperimentError, ensemble, first_stage, record};
use crate::plan::diff::Stage;
use crate::plan::digest::{Change, StageDigests, stage_digests};
use crate::plan::load::LoadedPlan;
use crate::plan::schema::{ConfigurationName, Generator, Plan};
use crate::preprocess::cache::Preparation;
use crate::preprocess::first_stage::Origin;
use crate::run::Listener;
use crate::run::NetworkId;
use crate::run::NetworkState;
use crate::run::Split;
use crate::run::contents::{KeepDigests, hash_contents, saved_contents};
use crate::run::dataset::find_existing_dataset;
use crate::run::fingerprint::SavedFingerprint;
use crate::run::folder::{FoldFolder, RunFolder, prepared_case, prepared_folder};
use crate::select::joined;
use crate::train::checkpoint;
use crate::units::{counted, listed};

/// What the states of all work are read from.
pub(super) struct Inspection<'a> {
    plan: &'a Plan,
    pub(super) folder: RunFolder,
    pub(super) changes: Vec<Change>,
    pub(super) changed_files: Vec<String>,
    dataset: Option<Dataset>,
    contents: Contents,
    /// Digest of `contents`.
    data: String,
    /// The folds that are saved, or what is wrong with them.
    splits: Result<Option<Vec<Split>>, String>,
}

impl<'a> Inspection<'a> {
    pub(super) fn of(loaded: &'a LoadedPlan, events: &dyn Listener) -> Result<Self, ExperimentError> {
        let plan = &loaded.plan;
        let folder = RunFolder::new(&plan.runtime.runs, &plan.name);
        let dataset = find_existing_dataset(loaded)?;
        let contents = match &dataset {
            Some(dataset) => hash_contents(&plan.runtime.runs, dataset, events, KeepDigests::No)?,
            None => Contents::default(),
        };
        let changed_files = match saved_contents(&folder)? {
            Some(before) if dataset.is_some() => contents.changed_since(&before),
            _ => Vec::new(),
        };
        let cases: Vec<_> = dataset.iter().flat_map(|dataset| &dataset.training).map(|case| case.id.clone()).collect();
        let splits = splits::saved(&folder.splits(), &cases, &plan.split).map_err(|error| error.to_string());
        let data = contents.digest();
        Ok(Self {
            plan,
            changes: record::changes(&folder, loaded)?,
            changed_files,
            dataset,
            contents,
            data,
            splits,
            folder,
        })
    }

    /// How far a piece of work is, and a note for a person.
    pub(super) fn state(&self, work: Work) -> Result<(State, String), ExperimentError> {
        Ok(match work {
            Work::Data => self.data(),
            Work::Measure => self.measure()?,
            Work::Split => self.split(),
            Work::Prepare(name) => self.prepare(name),
            Work::Train(id) => (self.train(id)?, String::new()),
            Work::Predict(id) => {
                let digests = stage_digests(self.plan, id.configuration);
                (self.predict(&self.fold(id), id, &digests.predict)?, String::new())
            }
            Work::Evaluate(id) => {
                let digests = stage_digests(self.plan, id.configuration);
                let state = NetworkState::read(&self.fold(id))?;
                (self.result(state.evaluated.as_deref(), &digests.evaluate, &state, Stage::Evaluate, id), String::new())
            }
            Work::HandOver(id) => (self.hand_over(id), String::new()),
            Work::Ensemble(id, second) => (self.ensemble(id, second)?, String::new()),
            Work::Select => (self.select(), String::new()),
        })
    }

    fn data(&self) -> (State, String) {
        let name = &self.plan.data.dataset;
        match (&self.dataset, self.plan.data.generator) {
            (Some(dataset), _) => (
                State::Done,
                format!("{} in `{}`", counted(dataset.training.len(), "training case"), dataset.folder.display()),
            ),
            (None, Generator::Phantom) => (State::Absent, format!("`{name}` is built in: `run` makes it")),
            (None, Generator::None) => {
                let folders: Vec<String> =
                    self.plan.runtime.data.iter().map(|folder| format!("`{}`", folder.display())).collect();
                (State::Absent, format!("`{name}` is in none of the folders {}", folders.join(", ")))
            }
        }
    }

    fn measure(&self) -> Result<(State, String), ExperimentError> {
        let state = match SavedFingerprint::read_intact(&self.folder)?.map(|saved| saved.stamp) {
            None => State::Absent,
            Some(stamp) if stamp == self.data => State::Done,
            Some(_) => State::Stale { because: self.files() },
        };
        Ok((state, String::new()))
    }

    fn split(&self) -> (State, String) {
        let state = match &self.splits {
            Ok(Some(_)) => State::Done,
            Ok(None) => State::Absent,
            Err(reason) => State::Stale { because: vec![reason.clone()] },
        };
        (state, counted(self.plan.split.folds, "fold"))
    }

    fn prepare(&self, name: ConfigurationName) -> (State, String) {
        let (plan, configuration) = (self.plan, &self.plan.configurations[&name]);
        let folder = prepared_folder(&plan.runtime.runs, &stage_digests(plan, name).preprocess);
        let Some(dataset) = &self.dataset else { return (State::Absent, String::new()) };
        let preparation = Preparation { dataset, contents: &self.contents, plan, configuration, folder: &folder };
        let (fresh, of) = (preparation.fresh(), dataset.training.len());
        let there = dataset.training.iter().filter(|case| prepared_case(&folder, &case.id.0).is_file()).count();
        let because = self.reasons(Stage::Preprocess, name);
        let state = if fresh == of {
            State::Done
        } else if there > fresh {
            let old = format!("{} of {of} cases were prepared from files that have changed", there - fresh);
            State::Stale { because: vec![old] }
        } else if fresh > 0 {
            State::Begun { done: fresh, of, unit: "cases" }
        } else if because.is_empty() {
            State::Absent
        } else {
            State::Stale { because }
        };
        (state, format!("{fresh} of {} in `{}`", counted(of, "case"), folder.display()))
    }

    fn train(&self, id: NetworkId) -> Result<State, ExperimentError> {
        let (folder, train) = (self.fold(id), stage_digests(self.plan, id.configuration).train);
        let state = NetworkState::read(&folder)?;
        let found = self.result(state.trained.as_deref(), &train, &state, Stage::Train, id);
        if found != State::Absent {
            return Ok(found);
        }
        Ok(match checkpoint::read_summary(&folder) {
            Some(summary) if summary.digest == train && self.is_of(&state, id) => {
                State::Begun { done: summary.epochs, of: self.plan.train.max_epochs, unit: "epochs" }
            }
            Some(_) => State::Stale { because: self.because(Stage::Train, id, &state) },
            None => State::Absent,
        })
    }

    fn predict(&self, folder: &FoldFolder, id: NetworkId, predict: &str) -> Result<State, ExperimentError> {
        let state = NetworkState::read(folder)?;
        let found = self.result(state.predicted.as_deref(), predict, &state, Stage::Predict, id);
        let there: Vec<bool> =
            self.held_out(id.fold).map(|case| fs::exists(folder.prediction(&case.0)).unwrap_or(false)).collect();
        let (done, of) = (there.iter().filter(|&&there| there).count(), there.len());
        let begun = state.predicting.as_deref() == Some(predict) && self.is_of(&state, id) && done > 0;
        Ok(if found == State::Absent && begun { State::Begun { done, of, unit: "cases" } } else { found })
    }

    fn hand_over(&self, id: NetworkId) -> State {
        let folder = self.folder.first_stage_predictions(id.seed);
        let wanted = first_stage::origin(self.plan, &self.data, id.fold, self.split_of(id.fold));
        let found = |case: &CaseId| Origin::of_file(&prepared_case(&folder, &case.0)).ok();
        let cases: Vec<Option<Origin>> = self.held_out(id.fold).map(found).collect();
        let fresh = cases.iter().flatten().filter(|origin| origin.fits(&wanted)).count();
        let there = cases.iter().flatten().count();
        match (fresh, cases.len()) {
            _ if there == 0 => State::Absent,
            (fresh, all) if fresh == all => State::Done,
            (fresh, _) if there > fresh => {
                State::Stale { because: self.because(Stage::Predict, id, &NetworkState::default()) }
            }
            (done, of) => State::Begun { done, of, unit: "cases" },
        }
    }

    /// The cases of a fold, as far as the folds are saved.
    fn split_of(&self, fold: usize) -> Option<&Split> {
        self.splits.as_ref().ok()?.as_ref()?.get(fold)
    }

    /// Whether a state is of the data set's files and of its fold's cases as they are now.
    fn is_of(&self, state: &NetworkState, id: NetworkId) -> bool {
        state.has_data(&self.data) && self.split_of(id.fold).is_none_or(|split| state.has_split(split))
    }

    /// Held-out cases of a fold, as far as the folds are saved.
    fn held_out(&self, fold: usize) -> impl Iterator<Item = &CaseId> {
        let splits = self.splits.iter().flatten();
        splits.filter_map(move |splits| splits.get(fold)).flat_map(|split| &split.val)
    }

    fn ensemble(&self, id: NetworkId, second: ConfigurationName) -> Result<State, ExperimentError> {
        let names = [id.configuration, second];
        let digests: Vec<StageDigests> = names.iter().map(|&name| stage_digests(self.plan, name)).collect();
        let (predict, evaluate) = ensemble::digests(&digests.iter().collect::<Vec<_>>());
        let folder = self.folder.fold(&joined(&names.map(|name| name.to_string())), id.seed, id.fold);
        let state = NetworkState::read(&folder)?;
        match self.result(state.evaluated.as_deref(), &evaluate, &state, Stage::Evaluate, id) {
            State::Absent => Ok(match self.predict(&folder, id, &predict)? {
                State::Done => State::Absent,
                other => other,
            }),
            found => Ok(found),
        }
    }

    fn select(&self) -> State {
        // A choice is made again, in no time, by every run; it is as fresh as what it was made of.
        if self.folder.selection().is_file() { State::Done } else { State::Absent }
    }

    /// The state of a result that is of the plan with the digest `of`, where it is there.
    fn result(&self, of: Option<&str>, wanted: &str, state: &NetworkState, stage: Stage, id: NetworkId) -> State {
        match of {
            None => State::Absent,
            Some(of) if of == wanted && self.is_of(state, id) => State::Done,
            Some(_) => State::Stale { because: self.because(stage, id, state) },
        }
    }

    fn because(&self, stage: Stage, id: NetworkId, state: &NetworkState) -> Vec<String> {
        let mut because = self.reasons(stage, id.configuration);
        if !state.has_data(&self.data) {
            because.extend(self.files());
        }
        if self.split_of(id.fold).is_some_and(|split| !state.has_split(split)) {
            because.push("its fold's cases were others; `run` says what to do".to_owned());
        }
        if because.is_empty() {
            because.push("it was made by a plan that is not kept any more".to_owned());
        }
        because
    }

    /// Changed keys that a stage of a configuration depends on.
    fn reasons(&self, stage: Stage, name: ConfigurationName) -> Vec<String> {
        let concerns = |key: &str| match key.strip_prefix("configurations.").and_then(|rest| rest.split('.').next()) {
            None => true,
            Some(of) => of == name.as_str() || stage_before(name).is_some_and(|first| of == first.as_str()),
        };
        let above = |change: &&Change| Stage::of(&change.key) <= stage && concerns(&change.key);
        self.changes.iter().filter(above).map(ToString::to_string).collect()
    }

    fn files(&self) -> Vec<String> {
        let what = "files of the data set have changed since";
        let names = listed(&self.changed_files);
        vec![if names.is_empty() { what.to_owned() } else { format!("{what}: {names}") }]
    }

    fn fold(&self, id: NetworkId) -> FoldFolder {
        self.folder.fold(id.configuration.as_str(), id.seed, id.fold)
    }
}
