//! A training between two steps: everything that the next step depends on, in memory and on disk.
//!
//! Random numbers are not part of it: they are functions of seed, fold, epoch, step and sample.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::network::{PlannedNetwork, UNet, weights};
use crate::random::{Key, Purpose, stream};
use crate::run::StopReason;
use crate::run::folder::FoldFolder;
use crate::run::log::{self, EpochRow, StepRow};
use crate::store;
use crate::store::tensors::{self, TensorFile, TensorFileError};
use crate::train::ahead::failed;
use crate::train::online::OnlineDice;
use crate::train::optimizer::Optimizer;
use crate::train::scaling::{LossScale, are_finite};
use crate::train::schedule::Schedule;
use crate::train::{Job, TrainError};

/// Prefix of the network's tensors in a checkpoint.
const WEIGHTS: &str = "weights.";
/// Prefix of the optimiser's tensors in a checkpoint.
const OPTIMIZER: &str = "optimizer.";

/// A training between two steps.
#[derive(Debug)]
pub(super) struct Training {
    /// The network, on the autodiff device.
    pub(super) network: UNet,
    /// The log so far: one row a finished epoch.
    pub(super) epochs: Vec<EpochRow>,
    /// Steps of the current epoch that are done.
    pub(super) step: usize,
    /// Seconds spent on the current epoch.
    pub(super) epoch_seconds: f64,
    /// Why training has ended, when it has.
    pub(super) stop: Option<StopReason>,
    optimizer: Optimizer,
    schedule: Schedule,
    loss_scale: Option<LossScale>,
    loss_sum: f64,
    steps: Vec<StepRow>,
}

/// What of a training is not a tensor.
#[derive(Debug, Serialize, Deserialize)]
struct Progress {
    digest: String,
    epochs: usize,
    step: usize,
    epoch_seconds: f64,
    loss_sum: f64,
    optimizer_steps: u64,
    stop: Option<StopReason>,
    schedule: Schedule,
    #[serde(default)]
    loss_scale: Option<LossScale>,
}

/// How far the training of a checkpoint has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Digest of the part of the plan that decides on the result.
    pub digest: String,
    /// Epochs that are done.
    pub epochs: usize,
    /// Steps of the next epoch that are done.
    pub step: usize,
}

/// What the checkpoint of a fold says of itself; none where there is no whole one.
pub fn reached(folder: &FoldFolder) -> Option<Reached> {
    let progress: Progress = TensorFile::peek(&folder.checkpoint()).ok()?.metadata().ok()?;
    Some(Reached { digest: progress.digest, epochs: progress.epochs, step: progress.step })
}

impl Training {
    /// The training of a job as its checkpoint has it; a new one, with weights drawn by the seed, where there is none.
    pub(super) fn start_or_resume(job: &Job<'_>, device: &Device) -> Result<Self, TrainError> {
        let key = Key { purpose: Purpose::Weights, seed: job.seed, counters: [job.fold as u64, 0, 0, 0] };
        let network = PlannedNetwork::new(job.plan, job.name).init(&mut stream(key), device);
        if job.folder.checkpoint().is_file() {
            return Self::resume(job, network, device);
        }
        Ok(Self {
            network,
            epochs: Vec::new(),
            step: 0,
            epoch_seconds: 0.0,
            stop: None,
            optimizer: Optimizer::new(&job.plan.train),
            schedule: Schedule::new(&job.plan.train),
            loss_scale: LossScale::new(job.plan.network.precision),
            loss_sum: 0.0,
            steps: Vec::new(),
        })
    }

    fn resume(job: &Job<'_>, network: UNet, device: &Device) -> Result<Self, TrainError> {
        let path = job.folder.checkpoint();
        let damaged = |error| match error {
            TensorFileError::Damaged { .. } => TrainError::Checkpoint(error),
            TensorFileError::Io { .. } => TrainError::Tensors(error),
        };
        let file = TensorFile::open(&path).map_err(damaged)?;
        let progress: Progress = file.metadata().map_err(damaged)?;
        if progress.digest != job.digest {
            return Err(TrainError::OtherPlan { path: path.display().to_string() });
        }
        tracing::info!(path = %path.display(), epochs = progress.epochs, step = progress.step, "going on from a checkpoint");
        let network = weights::from_host(network, weights::read(WEIGHTS, &file)?, &path)?;
        let moments = weights::read(OPTIMIZER, &file)?;
        let optimizer = Optimizer::from_host(&job.plan.train, progress.optimizer_steps, moments, device, &path)?;
        // The logs are written before the checkpoint; whatever they have beyond it will be done again.
        let mut epochs = log::read_epochs(&job.folder.epochs())?;
        epochs.truncate(progress.epochs);
        let mut steps = log::read_steps(&job.folder.steps())?;
        // Rows count from 1, `progress` counts what is complete.
        steps.retain(|row| (row.epoch, row.step) <= (progress.epochs + 1, progress.step));
        Ok(Self {
            network,
            epochs,
            step: progress.step,
            epoch_seconds: progress.epoch_seconds,
            stop: progress.stop,
            optimizer,
            schedule: progress.schedule,
            loss_scale: progress.loss_scale,
            loss_sum: progress.loss_sum,
            steps,
        })
    }

    /// Writes logs and checkpoint.
    pub(super) fn save(&self, job: &Job<'_>) -> Result<(), TrainError> {
        log::write_epochs(&job.folder.epochs(), &self.epochs, &job.plan.data.labels)?;
        log::write_steps(&job.folder.steps(), &self.steps)?;
        let progress = Progress {
            digest: job.digest.to_owned(),
            epochs: self.epochs.len(),
            step: self.step,
            epoch_seconds: self.epoch_seconds,
            loss_sum: self.loss_sum,
            optimizer_steps: self.optimizer.steps(),
            stop: self.stop,
            schedule: self.schedule.clone(),
            loss_scale: self.loss_scale.clone(),
        };
        let (network, moments) = (weights::to_host(&self.network), self.optimizer.to_host());
        let all: BTreeMap<_, _> =
            weights::with_prefix(WEIGHTS, &network).chain(weights::with_prefix(OPTIMIZER, &moments)).collect();
        Ok(tensors::write(&job.folder.checkpoint(), &all, &progress)?)
    }

    /// Writes the weights for good and removes the checkpoint, which is four times as large.
    pub(super) fn finish(&self, job: &Job<'_>) -> Result<(), TrainError> {
        weights::save(&self.network.valid(), &job.folder.weights())?;
        Ok(store::remove_if_present(&job.folder.checkpoint())?)
    }

    /// One step of the optimiser down a loss, at the schedule's learning rate. Where the loss is scaled, a step whose gradients
    /// overflow is left out.
    pub(super) fn descend(&mut self, job: &Job<'_>, step: usize, loss: Tensor<1>) -> Result<(), TrainError> {
        let learning_rate = self.schedule.learning_rate();
        let Some(scale) = &mut self.loss_scale else {
            self.network = self.optimizer.step(self.network.clone(), loss.backward(), learning_rate);
            return Ok(());
        };
        let factor = scale.factor();
        let gradients = (loss * factor).backward();
        let epoch = self.epochs.len();
        let finite = are_finite(&self.network, &gradients).map_err(|failure| failed(job, epoch, step, failure))?;
        scale.note(finite);
        if finite {
            self.network = self.optimizer.scaled_step(self.network.clone(), gradients, learning_rate, Some(factor));
            return Ok(());
        }
        tracing::info!(epoch, step, scale = factor, "gradients overflow: step left out, scale of the loss halved");
        if factor > 1.0 { Ok(()) } else { Err(TrainError::Overflow { epoch, step }) }
    }

    /// A step of the optimiser whose result is thrown away.
    pub(super) fn rehearse(&self, loss: Tensor<1>) {
        let _ = self.optimizer.clone().step(self.network.clone(), loss.backward(), self.schedule.learning_rate());
    }

    /// Notes a finished step.
    pub(super) fn add_step(&mut self, row: StepRow) {
        self.step += 1;
        self.loss_sum += row.loss;
        self.steps.push(row);
    }

    /// Notes a finished epoch, and lets the schedule decide on the learning rate and on the end.
    pub(super) fn end_epoch(&mut self, job: &Job<'_>, validation_loss: f64, dice: &OnlineDice) {
        let train_loss = self.loss_sum / job.plan.train.batches_per_epoch as f64;
        let learning_rate = self.schedule.learning_rate();
        let state = self.schedule.step(train_loss, validation_loss);
        let images = (job.plan.train.batches_per_epoch * job.configuration.batch_size) as f64;
        self.epochs.push(EpochRow {
            epoch: self.epochs.len() + 1,
            train_loss,
            validation_loss,
            train_loss_ema: state.train_ema,
            validation_loss_ema: state.validation_ema,
            best_train_loss_ema: state.best_train,
            best_validation_loss_ema: state.best_validation,
            train_bad_epochs: state.bad_epochs,
            validation_bad_epochs: state.validation_bad_epochs,
            learning_rate,
            next_learning_rate: self.schedule.learning_rate(),
            pseudo_dice: dice.per_class(),
            mean_pseudo_dice: dice.mean(),
            seconds: self.epoch_seconds,
            patches_per_second: images / self.epoch_seconds,
            stop_reason: self.schedule.stop(),
        });
        self.stop = self.schedule.stop();
        self.step = 0;
        self.loss_sum = 0.0;
        self.epoch_seconds = 0.0;
    }
}
