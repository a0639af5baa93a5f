//! What the second stage of the cascade needs of the first: out-of-fold predictions of all cases, on its own grid.
//!
//! Each case is predicted by the network of the fold that held it out, so that no fold of the second stage ever sees what a
//! network says of a case that it was trained on. Source: arXiv:1809.10486, section 2.1 (spec section 12).

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use crate::dataset::CaseId;
use crate::experiment::ExperimentError;
use crate::experiment::fold::{Fold, Progress};
use crate::experiment::graph::Work;
use crate::experiment::matrix::Experiment;
use crate::network::PlannedNetwork;
use crate::plan::compare::{first_stage_digest, stage_digests};
use crate::plan::schema::{ConfigurationName, Plan};
use crate::predict::cascade::{Grid, first_stage};
use crate::predict::memory::Room;
use crate::predict::{Member, Predictor};
use crate::preprocess::cache::{Preparation, PreparedCase, PreprocessError};
use crate::preprocess::first_stage::{FirstStage, Origin, write};
use crate::run::NetworkId;
use crate::run::NetworkState;
use crate::run::Split;
use crate::run::Watch;
use crate::run::folder::{prepared_case, prepared_folder};
use crate::volume::Shape;

/// Trains whatever folds of the first stage are not trained, and predicts whatever cases they have not predicted, for a
/// network of the second stage. Any other network needs nothing.
pub(super) fn make(experiment: &Experiment<'_>, second: NetworkId) -> Result<Progress, ExperimentError> {
    if second.configuration != ConfigurationName::Cascade {
        return Ok(Progress::AlreadyDone);
    }
    let first = |fold| NetworkId { configuration: ConfigurationName::LowRes, fold, ..second };
    let folds: Vec<Fold<'_>> = (0..experiment.plan.split.folds).map(|fold| experiment.fold(first(fold))).collect();
    let mut all = Progress::AlreadyDone;
    say_what_is_missing(&folds, second)?;
    for fold in &folds {
        match experiment.forecast.time(Work::Train(fold.id), || fold.train())? {
            Progress::Interrupted => return Ok(Progress::Interrupted),
            Progress::Done => all = Progress::Done,
            Progress::AlreadyDone => (),
        }
    }
    for fold in &folds {
        match experiment.forecast.time(Work::HandOver(fold.id), || HandOver::new(experiment, fold).run())? {
            Progress::Interrupted => return Ok(Progress::Interrupted),
            Progress::Done => all = Progress::Done,
            Progress::AlreadyDone => (),
        }
    }
    Ok(all)
}

/// Tells of folds that are trained although nobody has named them.
fn say_what_is_missing(folds: &[Fold<'_>], second: NetworkId) -> Result<(), ExperimentError> {
    let mut missing = Vec::new();
    for fold in folds {
        if NetworkState::read(&fold.folder)?.trained.as_ref() != Some(&fold.digests.train) {
            missing.push(fold.id.fold.to_string());
        }
    }
    if let (Some(first), false) = (folds.first(), missing.is_empty()) {
        let name = first.id.configuration;
        let missing = missing.join(", ");
        let text = format!("{second} sees predictions of all folds of {name}: training fold {missing} of {name} first");
        first.events.say(&text);
    }
    Ok(())
}

/// Where predictions of a fold of the first stage come from, by the plan, by what the data set's files hold, and by the cases that
/// its network is trained on.
pub(super) fn origin(plan: &Plan, data: &str, fold: usize, split: Option<&Split>) -> Origin {
    Origin { digest: format!("{} {data}", first_stage_digest(plan)), fold, split: split.map(Split::digest) }
}

/// The held-out cases of one fold of the first stage, on their way to the second.
struct HandOver<'a> {
    fold: &'a Fold<'a>,
    /// Cases that are prepared for the second stage.
    prepared: PathBuf,
    /// Where the predictions go.
    folder: PathBuf,
    origin: Origin,
}

impl<'a> HandOver<'a> {
    fn new(experiment: &Experiment<'a>, fold: &'a Fold<'a>) -> Self {
        let plan = fold.plan;
        let second = stage_digests(plan, ConfigurationName::Cascade);
        Self {
            fold,
            prepared: prepared_folder(&plan.runtime.runs, &second.preprocess),
            folder: experiment.folder.first_stage_predictions(fold.id.seed),
            origin: origin(plan, fold.data, fold.id.fold, Some(fold.split)),
        }
    }

    /// Predicts the cases that are not yet predicted.
    fn run(&self) -> Result<Progress, ExperimentError> {
        let mut missing = Vec::new();
        let is_recorded = NetworkState::read(&self.fold.folder)?.split.is_some();
        for id in &self.fold.split.val {
            self.refuse_other_fold(id, is_recorded)?;
            let case = self.open(id)?;
            if !self.is_fresh(&case) {
                missing.push(case);
            }
        }
        if missing.is_empty() {
            return Ok(Progress::AlreadyDone);
        }
        let Fold { plan, id, events, device, .. } = *self.fold;
        let network = PlannedNetwork::new(plan, id.configuration).load(&self.fold.folder.weights(), device)?;
        let networks = [network];
        let (name, configuration) = (id.configuration, self.fold.configuration);
        let predictor = Predictor { plan, name, configuration, networks: &networks, device };
        events.begin(&format!("{id}: predicting held-out cases for the second stage"), missing.len());
        for case in &missing {
            if self.fold.interrupted.load(Ordering::Relaxed) {
                events.end();
                return Ok(Progress::Interrupted);
            }
            match self.predict(&predictor, case) {
                Err(error) if error.is_stop() => {
                    events.end();
                    return Ok(Progress::Interrupted);
                }
                predicted => predicted?,
            }
            events.advance();
        }
        events.end();
        Ok(Progress::Done)
    }

    fn predict(&self, predictor: &Predictor<'_>, second: &PreparedCase) -> Result<(), ExperimentError> {
        let case = self.fold.open(&second.id)?;
        let member = Member { predictor, image: case.image(), placement: &case.placement };
        let grid = Grid { shape: shape(second), placement: &second.placement };
        let plan = self.fold.plan;
        let room = Room::gib(plan.runtime.memory_gib, &self.folder);
        let on_tiles = Watch { listener: self.fold.events, interrupted: self.fold.interrupted }.on_tiles(&second.id);
        let labels = first_stage(&member, &plan.configurations[&ConfigurationName::Cascade], grid, &room, &on_tiles)
            .map_err(|source| ExperimentError::Predict { case: second.id.clone(), source })?;
        Ok(write(&self.path(&second.id), &labels, &self.origin).map_err(PreprocessError::from)?)
    }

    /// Refuses a case that the network of another fold has predicted, by the same plan and files: its fold was edited, and where
    /// nothing is recorded of what this fold's network was trained on, it may be that case.
    fn refuse_other_fold(&self, id: &CaseId, is_recorded: bool) -> Result<(), ExperimentError> {
        match Origin::of_file(&self.path(id)) {
            Ok(Origin { digest, fold, .. })
                if !is_recorded && digest == self.origin.digest && fold != self.origin.fold =>
            {
                Err(ExperimentError::FirstStageSplit { case: id.clone(), network: self.fold.id, fold })
            }
            _ => Ok(()),
        }
    }

    /// A case as it is prepared for the second stage.
    fn open(&self, id: &CaseId) -> Result<PreparedCase, PreprocessError> {
        let Fold { plan, dataset, contents, events, .. } = *self.fold;
        let configuration = &plan.configurations[&ConfigurationName::Cascade];
        let cases = Preparation { dataset, contents, plan, configuration, folder: &self.prepared };
        cases.open(id, &|damage| events.replacing(damage))
    }

    /// Whether the prediction of a case is there, by this fold of this plan, on the case's grid.
    fn is_fresh(&self, second: &PreparedCase) -> bool {
        let found = FirstStage::open(&self.path(&second.id));
        found.is_ok_and(|found| found.origin.fits(&self.origin) && found.labels().shape() == shape(second).0)
    }

    fn path(&self, id: &CaseId) -> PathBuf {
        prepared_case(&self.folder, &id.0)
    }
}

fn shape(case: &PreparedCase) -> Shape {
    Shape(case.labels().dim().into())
}
