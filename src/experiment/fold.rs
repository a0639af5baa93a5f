//! One network of an experiment, from its prepared cases to its scores: whatever of it is not yet done.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Device;
use rayon::prelude::*;

use crate::dataset::{Case, CaseId, Dataset};
use crate::evaluate::score_files;
use crate::evaluate::scores::{self, Score};
use crate::experiment::events::{Events, NetworkId};
use crate::experiment::pictures;
use crate::experiment::splits::Split;
use crate::experiment::state::FoldState;
use crate::experiment::{ExperimentError, Stage};
use crate::network::UNetConfig;
use crate::plan::digest::StageDigests;
use crate::plan::schema::{Configuration, Plan};
use crate::postprocess::postprocess;
use crate::predict::Predictor;
use crate::preprocess::cache::PreparedCase;
use crate::report::curves::{learning_rate_plot, plateau_plot};
use crate::store::folder::FoldFolder;
use crate::train::log::EpochRow;
use crate::train::schedule::StopReason;
use crate::train::{Ending, Job, Observer, train};
use crate::volume::nifti::{NiftiError, read_header, write_labels};

/// Everything that one network needs.
pub(super) struct Fold<'a> {
    pub(super) plan: &'a Plan,
    pub(super) id: NetworkId,
    pub(super) configuration: &'a Configuration,
    pub(super) digests: &'a StageDigests,
    pub(super) dataset: &'a Dataset,
    pub(super) prepared: &'a Path,
    pub(super) split: &'a Split,
    pub(super) folder: FoldFolder,
    pub(super) device: &'a Device,
    pub(super) events: &'a dyn Events,
    pub(super) interrupted: &'a AtomicBool,
}

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

impl Fold<'_> {
    /// Does what is not yet done of this network, up to a stage; nothing when it was asked to stop.
    pub(super) fn run(&self, until: Stage) -> Result<Option<(Progress, Vec<Score>)>, ExperimentError> {
        let mut all = Progress::AlreadyDone;
        for stage in [Stage::Train, Stage::Predict].into_iter().filter(|&stage| stage <= until) {
            match if stage == Stage::Train { self.train()? } else { self.predict()? } {
                Progress::Interrupted => return Ok(None),
                Progress::Done => all = Progress::Done,
                Progress::AlreadyDone => (),
            }
        }
        if until < Stage::Evaluate {
            return Ok(Some((all, Vec::new())));
        }
        let (progress, scores) = self.evaluate()?;
        Ok(Some((if progress == Progress::Done { progress } else { all }, scores)))
    }

    /// Trains the network, unless its weights are there.
    pub(super) fn train(&self) -> Result<Progress, ExperimentError> {
        let mut state = FoldState::load(&self.folder)?;
        if state.trained.as_deref() == Some(&self.digests.train) {
            return Ok(Progress::AlreadyDone);
        }
        let (training, validation) = (self.open(&self.split.train)?, self.open(&self.split.val)?);
        let job = Job {
            plan: self.plan,
            configuration: self.configuration,
            fold: self.id.fold,
            seed: self.id.seed,
            training: &training,
            validation: &validation,
            folder: &self.folder,
            digest: &self.digests.train,
            device: self.device,
            workers: rayon::current_num_threads().div_ceil(2),
        };
        let mut listener = Listener { id: self.id, events: self.events, failure: None };
        let ending = train(&job, self.interrupted, &mut listener)?;
        if let Some(failure) = listener.failure {
            return Err(failure);
        }
        match ending {
            Ending::Interrupted => Ok(Progress::Interrupted),
            Ending::Finished(_) => {
                state = FoldState { trained: Some(self.digests.train.clone()), ..FoldState::default() };
                state.save(&self.folder)?;
                Ok(Progress::Done)
            }
        }
    }

    /// Predicts the held-out cases, unless that is done.
    pub(super) fn predict(&self) -> Result<Progress, ExperimentError> {
        let mut state = FoldState::load(&self.folder)?;
        let digest = &self.digests.predict;
        if state.predicted.as_deref() == Some(digest) {
            return Ok(Progress::AlreadyDone);
        }
        if state.predicting.as_deref() != Some(digest) {
            // Predictions of another plan must not be taken for this one's.
            for case in &self.split.val {
                crate::store::remove_if_present(&self.folder.prediction(&case.0))?;
            }
            state = FoldState { predicting: Some(digest.clone()), trained: state.trained, ..FoldState::default() };
            state.save(&self.folder)?;
        }
        let networks = [UNetConfig::of_plan(self.plan, self.configuration).load(&self.folder.weights(), self.device)?];
        let predictor =
            Predictor { plan: self.plan, configuration: self.configuration, networks: &networks, device: self.device };
        self.events.begin(&format!("{}: predicting held-out cases", self.id), self.split.val.len());
        for id in &self.split.val {
            if self.interrupted.load(Ordering::Relaxed) {
                self.events.end();
                return Ok(Progress::Interrupted);
            }
            if !fs::exists(self.folder.prediction(&id.0)).unwrap_or(false) {
                self.predict_case(&predictor, id)?;
            }
            self.events.advance();
        }
        self.events.end();
        state.predicted = Some(digest.clone());
        state.save(&self.folder)?;
        Ok(Progress::Done)
    }

    fn predict_case(&self, predictor: &Predictor<'_>, id: &CaseId) -> Result<(), ExperimentError> {
        let case = PreparedCase::open(self.prepared, id)?;
        let header = read_header(&self.case(id)?.images[0]).map_err(|source| nifti(id, source))?;
        let mut labels = predictor.labels(case.image(), &case.placement, header.geometry.spacing);
        postprocess(&mut labels, self.plan);
        write_labels(&self.folder.prediction(&id.0), labels.view(), &header.geometry)
            .map_err(|source| nifti(id, source))
    }

    /// Scores the held-out cases and draws the best, median and worst of them, unless that is done.
    pub(super) fn evaluate(&self) -> Result<(Progress, Vec<Score>), ExperimentError> {
        let mut state = FoldState::load(&self.folder)?;
        let digest = &self.digests.evaluate;
        if state.evaluated.as_deref() == Some(digest) {
            return Ok((Progress::AlreadyDone, scores::read(&self.folder.scores())?));
        }
        let run = scores::Run {
            experiment: self.plan.name.clone(),
            configuration: self.id.configuration.to_string(),
            fold: self.id.fold,
            seed: self.id.seed,
        };
        let cases: Vec<&Case> = self.split.val.iter().map(|id| self.case(id)).collect::<Result<_, _>>()?;
        let score = |case: &&Case| {
            let reference = case.labels.as_ref().ok_or_else(|| ExperimentError::Unlabelled(case.id.clone()))?;
            let prediction = self.folder.prediction(&case.id.0);
            let tolerance = self.plan.evaluate.surface_tolerance;
            Ok(score_files(&run, &case.id, reference, &prediction, &self.plan.data.labels, tolerance)?)
        };
        let rows: Vec<Vec<Score>> = cases.par_iter().map(score).collect::<Result<_, ExperimentError>>()?;
        let rows: Vec<Score> = rows.into_iter().flatten().collect();
        scores::write(&self.folder.scores(), &rows)?;
        pictures::draw(&self.folder, &cases, &rows, &self.plan.data.labels)?;
        state.evaluated = Some(digest.clone());
        state.save(&self.folder)?;
        Ok((Progress::Done, rows))
    }

    fn open(&self, ids: &[CaseId]) -> Result<Vec<PreparedCase>, ExperimentError> {
        ids.iter().map(|id| Ok(PreparedCase::open(self.prepared, id)?)).collect()
    }

    fn case(&self, id: &CaseId) -> Result<&Case, ExperimentError> {
        let found = self.dataset.training.iter().find(|case| case.id == *id);
        found.ok_or_else(|| ExperimentError::UnknownCase { case: id.clone(), dataset: self.dataset.name.clone() })
    }
}

fn nifti(case: &CaseId, source: NiftiError) -> ExperimentError {
    ExperimentError::Nifti { case: case.clone(), source }
}

/// Draws the plots after each epoch and passes everything on.
struct Listener<'a> {
    id: NetworkId,
    events: &'a dyn Events,
    failure: Option<ExperimentError>,
}

impl Observer for Listener<'_> {
    fn step(&mut self, job: &Job<'_>, epoch: usize, step: usize, loss: f64) {
        self.events.step(self.id, &job.plan.train, epoch, step, loss);
    }

    fn epoch(&mut self, job: &Job<'_>, rows: &[EpochRow], stop: Option<StopReason>) {
        let train = &job.plan.train;
        let drawn = plateau_plot(rows, train, stop, &job.folder.plateau_plot())
            .and_then(|()| learning_rate_plot(rows, train, &job.folder.learning_rate_plot()));
        if let Err(failure) = drawn {
            self.failure = Some(failure.into());
        }
        self.events.epoch(self.id, train, rows, stop);
    }
}
