//! The state of each piece of work, judged by the files of the run. This is the only judge: `status` prints its verdict, and the
//! runner acts on it.

use std::fs;
use std::path::PathBuf;

use crate::dataset::contents::Contents;
use crate::dataset::{CaseId, Dataset};
use crate::evaluate::scores::missing_columns;
use crate::experiment::digests::{CandidateDigests, first_stage_origin, predictions_digest};
use crate::experiment::stages::context::Context;
use crate::experiment::stages::select::selection_text;
use crate::experiment::state::State;
use crate::experiment::work::{Members, Piece, Work};
use crate::plan::compare::{Change, stage_digests};
use crate::plan::schema;
use crate::plan::schema::lookup::stage_of;
use crate::plan::schema::{ConfigurationName, Generator, Plan, PostprocessRule};
use crate::postprocess::Filter;
use crate::preprocess::cache::Preparation;
use crate::preprocess::first_stage::{FirstStage, Origin};
use crate::run::fingerprint::SavedFingerprint;
use crate::run::folder::{FoldFolder, RunFolder, prepared_case, prepared_folder};
use crate::run::postprocessing::Postprocessing;
use crate::run::{NetworkId, NetworkState, Split};
use crate::store;
use crate::train::checkpoint;
use crate::units::{counted, listed};

/// The plan, data and folds that the states are judged by.
pub(super) struct Inspection<'a> {
    pub(super) plan: &'a Plan,
    pub(super) folder: RunFolder,
    /// The data set, if it exists.
    pub(super) dataset: Option<Dataset>,
    /// Digests of its files.
    pub(super) contents: Contents,
    /// Digest of `contents`.
    pub(super) data: String,
    /// The saved folds, or what is wrong with them.
    pub(super) splits: Result<Option<Vec<Split>>, String>,
    /// Keys that decide results and differ from the plan of the results.
    pub(super) changes: Vec<Change>,
    /// Files of the data set that changed since the last run.
    pub(super) changed_files: Vec<String>,
    /// Whether predictions for the cascade are read in full, to find damaged ones. Otherwise only their headers are read.
    pub(super) reads_predictions: bool,
}

impl<'a> Inspection<'a> {
    /// The judge of an open run.
    pub(super) fn of_run(context: &Context<'a>) -> Self {
        Self {
            plan: context.plan,
            folder: context.folder.clone(),
            dataset: Some(context.dataset.clone()),
            contents: context.contents.clone(),
            data: context.data.clone(),
            splits: Ok(Some(context.splits.clone())),
            changes: Vec::new(),
            changed_files: Vec::new(),
            reads_predictions: true,
        }
    }
}

impl Inspection<'_> {
    pub(super) fn is_done(&self, piece: &Piece) -> bool {
        self.state(piece) == State::Done
    }

    /// The state of a network's scores, or of one fold of an ensemble, which the list of work depends on.
    pub(super) fn is_scored(&self, work: Work) -> bool {
        self.state(&Piece { work, needs: Vec::new() }) == State::Done
    }

    pub(super) fn state(&self, piece: &Piece) -> State {
        let state = match piece.work {
            Work::Data => Ok(if self.dataset.is_some() { State::Done } else { State::Missing }),
            Work::Fingerprint => self.fingerprint(),
            Work::Split => Ok(self.split()),
            Work::Preprocess(name) => Ok(self.preprocess(name)),
            Work::Train(id) => self.train(id),
            Work::PredictForCascade(id) => Ok(self.predict_for_cascade(id)),
            Work::Predict(id) => {
                let digests = CandidateDigests::of_network(self.plan, id.configuration);
                self.predict(&self.folder.network(id), id, &digests)
            }
            Work::Evaluate(id) => {
                let digests = CandidateDigests::of_network(self.plan, id.configuration);
                self.evaluate(&self.folder.network(id), id, &digests)
            }
            Work::Ensemble(id, second) => self.ensemble(id, second),
            Work::Postprocess(candidate) => self.postprocess(candidate, &piece.needs),
            Work::Select => Ok(self.select(&piece.needs)),
        };
        // Work whose files cannot be read fails when it is its turn, with the full message.
        state.unwrap_or_else(|unreadable| State::Stale { because: vec![unreadable] })
    }

    /// Where work leaves its result that other plans share.
    pub(super) fn shared_result(&self, work: Work) -> Option<PathBuf> {
        match work {
            Work::Data => Some(self.plan.runtime.data.first()?.join(&self.plan.data.dataset)),
            Work::Preprocess(name) => Some(self.prepared_folder(name)),
            _ => None,
        }
    }

    /// More about a piece of work, for the terminal.
    pub(super) fn note(&self, work: Work) -> String {
        match work {
            Work::Data => self.data_note(),
            Work::Split => counted(self.plan.split.folds, "fold"),
            Work::Preprocess(name) => {
                let (fresh, of) = self.count_prepared(name);
                let folder = self.prepared_folder(name);
                format!("{fresh} of {} in `{}`", counted(of, "case"), folder.display())
            }
            _ => String::new(),
        }
    }

    fn data_note(&self) -> String {
        let name = &self.plan.data.dataset;
        match (&self.dataset, self.plan.data.generator) {
            (Some(dataset), _) => {
                format!("{} in `{}`", counted(dataset.training.len(), "training case"), dataset.folder.display())
            }
            (None, Generator::Phantom) => format!("`{name}` is generated by `run`"),
            (None, Generator::None) => {
                let folders: Vec<String> =
                    self.plan.runtime.data.iter().map(|folder| format!("`{}`", folder.display())).collect();
                format!("`{name}` is in none of the folders {}", folders.join(", "))
            }
        }
    }

    fn fingerprint(&self) -> Result<State, String> {
        Ok(match SavedFingerprint::read_intact(&self.folder).map_err(|error| error.to_string())? {
            None => State::Missing,
            Some(saved) if saved.stamp != self.data => State::Stale { because: self.changed_data() },
            Some(saved) if saved.fingerprint.is_complete() => State::Done,
            Some(_) => State::Stale { because: vec!["it was computed by an earlier version".to_owned()] },
        })
    }

    fn split(&self) -> State {
        match &self.splits {
            Ok(Some(_)) => State::Done,
            Ok(None) => State::Missing,
            Err(reason) => State::Stale { because: vec![reason.clone()] },
        }
    }

    fn prepared_folder(&self, name: ConfigurationName) -> PathBuf {
        prepared_folder(&self.plan.runtime.runs, &stage_digests(self.plan, name).preprocess)
    }

    /// Preprocessed cases that are up to date, and all cases.
    fn count_prepared(&self, name: ConfigurationName) -> (usize, usize) {
        let Some(dataset) = &self.dataset else { return (0, self.plan.data.cases) };
        let (plan, configuration) = (self.plan, &self.plan.configurations[&name]);
        let folder = self.prepared_folder(name);
        let cases = Preparation { dataset, contents: &self.contents, plan, configuration, folder: &folder };
        (cases.fresh(), dataset.training.len())
    }

    fn preprocess(&self, name: ConfigurationName) -> State {
        let Some(dataset) = &self.dataset else { return State::Missing };
        let folder = self.prepared_folder(name);
        let (fresh, of) = self.count_prepared(name);
        let existing = dataset.training.iter().filter(|case| prepared_case(&folder, &case.id.0).is_file()).count();
        let because = self.changed_plan(schema::Stage::Preprocess, name);
        if fresh == of {
            State::Done
        } else if existing > fresh {
            let text = format!("{} of {of} cases were preprocessed from files that have changed", existing - fresh);
            State::Stale { because: vec![text] }
        } else if fresh > 0 {
            State::Partial { done: fresh, of, unit: "cases" }
        } else if because.is_empty() {
            State::Missing
        } else {
            State::Stale { because }
        }
    }

    fn train(&self, id: NetworkId) -> Result<State, String> {
        let (folder, digest) = (self.folder.network(id), stage_digests(self.plan, id.configuration).train);
        let state = read_state(&folder)?;
        let found = self.compare(state.trained.as_deref(), &digest, &state, schema::Stage::Train, id);
        if found != State::Missing {
            return Ok(found);
        }
        Ok(match checkpoint::read_summary(&folder) {
            Some(summary) if summary.digest == digest && self.is_of(&state, id) => {
                State::Partial { done: summary.epochs, of: self.plan.train.max_epochs, unit: "epochs" }
            }
            Some(_) => State::Stale { because: self.because(schema::Stage::Train, id, &state) },
            None => State::Missing,
        })
    }

    fn predict(&self, folder: &FoldFolder, id: NetworkId, digests: &CandidateDigests) -> Result<State, String> {
        let state = read_state(folder)?;
        let found = self.compare(state.predicted.as_deref(), &digests.predict, &state, schema::Stage::Predict, id);
        let exists = |case: &CaseId| fs::exists(folder.prediction(&case.0)).unwrap_or(false);
        let cases: Vec<&CaseId> = self.validation_cases(id.fold).collect();
        let done = cases.iter().filter(|case| exists(case)).count();
        let is_partial = state.predicting.as_ref() == Some(&digests.predict) && self.is_of(&state, id) && done > 0;
        let partial = State::Partial { done, of: cases.len(), unit: "cases" };
        Ok(if found == State::Missing && is_partial { partial } else { found })
    }

    fn evaluate(&self, folder: &FoldFolder, id: NetworkId, digests: &CandidateDigests) -> Result<State, String> {
        let state = read_state(folder)?;
        let found = self.compare(state.evaluated.as_deref(), &digests.evaluate, &state, schema::Stage::Evaluate, id);
        if found != State::Done {
            return Ok(found);
        }
        if !state.has_scores(folder) {
            return Ok(State::Stale { because: vec!["`scores.parquet` was removed or changed".to_owned()] });
        }
        let missing = missing_columns(&folder.scores()).map_err(|error| error.to_string())?;
        let because = missing.iter().map(|column| format!("`scores.parquet` lacks the column `{column}`")).collect();
        Ok(if missing.is_empty() { State::Done } else { State::Stale { because } })
    }

    fn ensemble(&self, id: NetworkId, second: ConfigurationName) -> Result<State, String> {
        let digests = CandidateDigests::of_ensemble(self.plan, [id.configuration, second]);
        let folder =
            self.folder.fold(&Members { first: id.configuration, second: Some(second) }.to_string(), id.seed, id.fold);
        match self.evaluate(&folder, id, &digests)? {
            State::Missing => Ok(match self.predict(&folder, id, &digests)? {
                State::Done => State::Missing,
                unfinished => unfinished,
            }),
            found => Ok(found),
        }
    }

    fn predict_for_cascade(&self, id: NetworkId) -> State {
        let folder = self.folder.first_stage_predictions(id.seed);
        let wanted = first_stage_origin(self.plan, &self.data, id.fold, self.split_of(id.fold));
        let origin = |case: &CaseId| {
            let path = prepared_case(&folder, &case.0);
            if self.reads_predictions {
                FirstStage::open(&path).ok().map(|prediction| prediction.origin)
            } else {
                Origin::of_file(&path).ok()
            }
        };
        let origins: Vec<Option<Origin>> = self.validation_cases(id.fold).map(origin).collect();
        let (of, existing) = (origins.len(), origins.iter().flatten().count());
        let valid = origins.iter().flatten().filter(|origin| origin.fits(&wanted)).count();
        if existing == 0 {
            State::Missing
        } else if valid == of {
            State::Done
        } else if existing > valid {
            State::Stale { because: self.because(schema::Stage::Predict, id, &NetworkState::default()) }
        } else {
            State::Partial { done: valid, of, unit: "cases" }
        }
    }

    fn postprocess(&self, candidate: Members, folds: &[Work]) -> Result<State, String> {
        let rule = self.plan.postprocess.rule;
        let saved = Postprocessing::read(&self.folder, rule).map_err(|error| error.to_string())?;
        let Some(recorded) = saved.candidates.get(&candidate.to_string()) else { return Ok(State::Missing) };
        let digests = match candidate.second {
            None => CandidateDigests::of_network(self.plan, candidate.first),
            Some(second) => CandidateDigests::of_ensemble(self.plan, [candidate.first, second]),
        };
        let networks: Vec<NetworkId> = folds.iter().filter_map(|work| work.network()).collect();
        let splits = networks.iter().filter_map(|id| self.split_of(id.fold));
        if recorded.digest != predictions_digest(&digests.predict, &self.data, splits) {
            return Ok(State::Stale { because: vec!["it was chosen for other predictions".to_owned()] });
        }
        let filter = match rule {
            PostprocessRule::CrossValidation => recorded.decision.filter.clone(),
            PostprocessRule::SingleComponent | PostprocessRule::None => Filter::default(),
        };
        let mut done = 0;
        for id in &networks {
            let folder = self.folder.fold(&candidate.to_string(), id.seed, id.fold);
            done += usize::from(read_state(&folder)?.filter == filter);
        }
        let of = networks.len();
        Ok(if done == of { State::Done } else { State::Partial { done, of, unit: "folds" } })
    }

    /// Ranking takes no time, so that it is repeated for comparison.
    fn select(&self, candidates: &[Work]) -> State {
        let Ok(Some(saved)) = store::read_text_if_present(&self.folder.selection()) else { return State::Missing };
        match selection_text(&self.folder, candidates) {
            Ok(text) if text == saved => State::Done,
            _ => State::Stale { because: vec!["the scores have changed".to_owned()] },
        }
    }

    fn split_of(&self, fold: usize) -> Option<&Split> {
        self.splits.as_ref().ok()?.as_ref()?.get(fold)
    }

    /// The validation cases of a fold, if the folds are drawn.
    fn validation_cases(&self, fold: usize) -> impl Iterator<Item = &CaseId> {
        self.split_of(fold).into_iter().flat_map(|split| &split.val)
    }

    /// Whether a fold's results are for the current data and split.
    fn is_of(&self, state: &NetworkState, id: NetworkId) -> bool {
        state.has_data(&self.data) && self.split_of(id.fold).is_none_or(|split| state.has_split(split))
    }

    /// The state of a result with the digest `recorded`, if it exists.
    fn compare(
        &self,
        recorded: Option<&str>,
        digest: &str,
        state: &NetworkState,
        stage: schema::Stage,
        id: NetworkId,
    ) -> State {
        match recorded {
            None => State::Missing,
            Some(recorded) if recorded == digest && self.is_of(state, id) => State::Done,
            Some(_) => State::Stale { because: self.because(stage, id, state) },
        }
    }

    /// Why a result of a network is stale.
    fn because(&self, stage: schema::Stage, id: NetworkId, state: &NetworkState) -> Vec<String> {
        let mut because = self.changed_plan(stage, id.configuration);
        if !state.has_data(&self.data) {
            because.extend(self.changed_data());
        }
        if self.split_of(id.fold).is_some_and(|split| !state.has_split(split)) {
            because.push("its fold had other cases; `run` explains the remedy".to_owned());
        }
        if because.is_empty() {
            because.push("it was made with a plan that is no longer recorded".to_owned());
        }
        because
    }

    /// Changed keys that a stage of a configuration depends on.
    fn changed_plan(&self, stage: schema::Stage, name: ConfigurationName) -> Vec<String> {
        let concerns = |key: &str| match key.strip_prefix("configurations.").and_then(|rest| rest.split('.').next()) {
            None => true,
            Some(of) => of == name.as_str() || name.first_stage().is_some_and(|first| of == first.as_str()),
        };
        let decides = |change: &&Change| stage_of(&change.key) <= stage && concerns(&change.key);
        self.changes.iter().filter(decides).map(ToString::to_string).collect()
    }

    fn changed_data(&self) -> Vec<String> {
        let text = "files of the data set have changed";
        let names = listed(&self.changed_files);
        vec![if names.is_empty() { text.to_owned() } else { format!("{text}: {names}") }]
    }
}

fn read_state(folder: &FoldFolder) -> Result<NetworkState, String> {
    NetworkState::read(folder).map_err(|error| error.to_string())
}
