//! One network of an experiment, from its prepared cases to its scores: whatever of it is not yet done.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;

use crate::dataset::contents::Contents;
use crate::dataset::{CaseId, Dataset};
use crate::evaluate::scores;
use crate::experiment::ensemble;
use crate::experiment::forecast::Forecast;
use crate::experiment::graph::Work;
use crate::experiment::held_out::HeldOut;
use crate::experiment::{ExperimentError, Stage};
use crate::network::PlannedNetwork;
use crate::plan::digest::StageDigests;
use crate::plan::schema::{Configuration, Plan, Train};
use crate::preprocess::cache::{Preparation, PreparedCase};
use crate::run::Listener;
use crate::run::NetworkId;
use crate::run::NetworkState;
use crate::run::Split;
use crate::run::folder::{FoldFolder, prepared_case};
use crate::run::log::EpochRow;
use crate::store;
use crate::train::{Ending, Job, train};

/// Everything that one network needs.
pub(super) struct Fold<'a> {
    pub(super) plan: &'a Plan,
    pub(super) id: NetworkId,
    pub(super) configuration: &'a Configuration,
    pub(super) digests: StageDigests,
    /// Digest of what the data set's files hold.
    pub(super) data: &'a str,
    pub(super) dataset: &'a Dataset,
    /// What its files hold.
    pub(super) contents: &'a Contents,
    pub(super) prepared: PathBuf,
    pub(super) split: &'a Split,
    pub(super) folder: FoldFolder,
    /// What the first stage says of the cases, in the cascade's second one.
    pub(super) next_stage: Option<PathBuf>,
    pub(super) device: &'a Device,
    pub(super) events: &'a dyn Listener,
    pub(super) interrupted: &'a AtomicBool,
    pub(super) forecast: &'a Forecast,
}

/// A stage of one network.
type Step<'a> = &'a dyn Fn() -> Result<Progress, ExperimentError>;

/// Whether a stage came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It was done before.
    AlreadyDone,
    /// It is done now.
    Done,
    /// It was asked to stop.
    Interrupted,
}

impl<'a> Fold<'a> {
    /// Does what is not yet done of this network, up to a stage.
    pub(super) fn run(&self, until: Stage) -> Result<Progress, ExperimentError> {
        let (id, cases) = (self.id, self.held_out());
        let labeller = || ensemble::labeller(std::slice::from_ref(self));
        let mut all = Progress::AlreadyDone;
        let steps: [(Work, Step<'_>); 3] = [
            (Work::Train(id), &|| self.train()),
            (Work::Predict(id), &|| cases.predict(labeller)),
            (Work::Evaluate(id), &|| Ok(cases.evaluate()?.0)),
        ];
        for (work, step) in steps.into_iter().filter(|(work, _)| work.stage() <= until) {
            match self.forecast.time(work, step)? {
                Progress::Interrupted => return Ok(Progress::Interrupted),
                Progress::Done => all = Progress::Done,
                Progress::AlreadyDone => (),
            }
        }
        Ok(all)
    }

    /// Trains the network, unless its weights are there.
    pub(super) fn train(&self) -> Result<Progress, ExperimentError> {
        let state = NetworkState::read(&self.folder)?;
        if state.trained.as_deref() == Some(&self.digests.train) && state.is_of(self.data, self.split) {
            return Ok(Progress::AlreadyDone);
        }
        if state.has_data(self.data) {
            // `trained_split::check` has refused a run whose networks were trained with other folds.
            assert!(state.has_split(self.split), "{}: the split of its state is not that of the run", self.id);
        } else {
            // A training that has seen other images does not go on with these.
            self.events.say(&format!(
                "{}: the data set's files have changed since it was trained: it is trained anew",
                self.id
            ));
            store::remove_if_present(&self.folder.checkpoint())?;
        }
        let begun = NetworkState {
            data: Some(self.data.to_owned()),
            split: Some(self.split.digest()),
            trained_on: self.split.train.clone(),
            ..NetworkState::default()
        };
        begun.write(&self.folder)?;
        let open = |ids: &[CaseId]| ids.iter().map(|id| self.open(id)).collect::<Result<Vec<_>, _>>();
        let (training, validation) = (open(&self.split.train)?, open(&self.split.val)?);
        let job = Job {
            network: PlannedNetwork::new(self.plan, self.id.configuration),
            fold: self.id.fold,
            seed: self.id.seed,
            training: &training,
            validation: &validation,
            folder: &self.folder,
            digest: &self.digests.train,
            device: self.device,
            workers: rayon::current_num_threads().div_ceil(2),
        };
        let listener = Counting { events: self.events, forecast: self.forecast };
        let ending = train(&job, self.interrupted, &listener)?;
        match ending {
            Ending::Interrupted => Ok(Progress::Interrupted),
            Ending::Finished(_) => {
                NetworkState { trained: Some(self.digests.train.clone()), ..begun }.write(&self.folder)?;
                Ok(Progress::Done)
            }
        }
    }

    /// The held-out cases, as this network predicts them.
    pub(super) fn held_out(&self) -> HeldOut<'a> {
        HeldOut {
            plan: self.plan,
            dataset: self.dataset,
            split: self.split,
            network: scores::ScoredNetwork {
                run: self.plan.name.clone(),
                configuration: self.id.configuration.to_string(),
                fold: self.id.fold,
                seed: self.id.seed,
            },
            folder: self.folder.clone(),
            is_trained_alone: true,
            predict: self.digests.predict.clone(),
            evaluate: self.digests.evaluate.clone(),
            data: self.data,
            events: self.events,
            interrupted: self.interrupted,
        }
    }

    /// A prepared case, in the cascade's second stage with what the first one says of it.
    pub(super) fn open(&self, id: &CaseId) -> Result<PreparedCase, ExperimentError> {
        let case = self.preparation().open(id, &|damage| self.events.replacing(damage))?;
        let Some(folder) = &self.next_stage else { return Ok(case) };
        let case = case.with_first_stage(&prepared_case(folder, &id.0))?;
        let of_fold = case.first_stage().map(|first_stage| first_stage.origin.fold);
        let own = of_fold == Some(self.id.fold);
        if own != self.split.val.contains(id) {
            let (case, fold) = (id.clone(), of_fold.unwrap_or(self.id.fold));
            return Err(ExperimentError::FirstStageSplit { case, network: self.id, fold });
        }
        Ok(case)
    }

    fn preparation(&self) -> Preparation<'_> {
        let Self { dataset, contents, plan, configuration, prepared: folder, .. } = self;
        Preparation { dataset, contents, plan, configuration, folder }
    }
}

/// Counts the epochs and passes everything on.
struct Counting<'a> {
    events: &'a dyn Listener,
    forecast: &'a Forecast,
}

impl Listener for Counting<'_> {
    fn say(&self, text: &str) {
        self.events.say(text);
    }

    fn step(&self, network: NetworkId, train: &Train, epoch: usize, step: usize, loss: f64) {
        self.events.step(network, train, epoch, step, loss);
    }

    fn epoch(&self, network: NetworkId, train: &Train, folder: &FoldFolder, rows: &[EpochRow]) {
        self.forecast.epoch(Work::Train(network));
        self.events.epoch(network, train, folder, rows);
    }
}
