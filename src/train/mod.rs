//! Training one network: batches, loss, optimiser, schedule, log and checkpoint.
//!
//! Input: prepared cases of one fold and the plan. Output: weights, and one row of the log an epoch. Deliberately absent:
//! folds (a [`Job`] is one), plots and the terminal, which are [`Listener`]s. Source: spec sections 8 to 11.

mod ahead;
pub mod augment;
pub mod checkpoint;
pub mod loader;
pub mod loss;
pub mod online;
pub mod optimizer;
pub mod patches;
pub mod sample;
pub mod scaling;
pub mod schedule;
mod warm_up;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use thiserror::Error;

use crate::dataset::CaseId;
use crate::device::autotunes_kernels;
use crate::network::weights::WeightsError;
use crate::plan::schema::{Configuration, ConfigurationName, Plan};
use crate::preprocess::cache::PreparedCase;
use crate::run::folder::FoldFolder;
use crate::run::{Listener, NetworkId, StopReason};
use crate::store::StoreError;
use crate::store::table::TableError;
use crate::store::tensors::TensorFileError;
use crate::train::ahead::{Ahead, failed, finite};
use crate::train::checkpoint::Training;
use crate::train::loader::{Batch, for_each_batch};
use crate::train::loss::dice_ce;
use crate::train::online::OnlineDice;
use crate::train::patches::{Patches, Set};
use crate::train::warm_up::warm_up;
use crate::volume::Shape;

/// One network to train: a configuration, a fold, a seed.
#[derive(Debug)]
pub struct Job<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Which configuration is trained.
    pub name: ConfigurationName,
    /// The configuration itself.
    pub configuration: &'a Configuration,
    /// Fold, counted from 0.
    pub fold: usize,
    /// Seed of weights, sampling and augmentation.
    pub seed: u64,
    /// Cases to train on.
    pub training: &'a [PreparedCase],
    /// Held-out cases, which choose nothing but the learning rate's end.
    pub validation: &'a [PreparedCase],
    /// Where the results go.
    pub folder: &'a FoldFolder,
    /// Digest of the part of the plan that decides the result; a checkpoint of another one is refused.
    pub digest: &'a str,
    /// Where it is computed.
    pub device: &'a Device,
    /// Threads that prepare batches.
    pub workers: usize,
}

impl Job<'_> {
    /// The network that is trained.
    pub fn network(&self) -> NetworkId {
        NetworkId { configuration: self.name, seed: self.seed, fold: self.fold }
    }
}

/// How a training ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The stopping rule fired; weights are written.
    Finished(StopReason),
    /// It was asked to stop; a checkpoint is written.
    Interrupted,
}

/// Training failed.
#[derive(Debug, Error)]
pub enum TrainError {
    /// The loss is not a number any more.
    #[error(
        "the loss is {loss} at epoch {epoch}, step {step}, on a batch of the cases {}; nothing was written since the last \
         checkpoint: look at these cases with `segplan verify`, or lower `train.learning_rate`",
        cases.iter().map(|case| format!("`{case}`")).collect::<Vec<_>>().join(", ")
    )]
    NonFinite {
        /// Epoch, counted from 0.
        epoch: usize,
        /// Step within the epoch, counted from 0.
        step: usize,
        /// The loss.
        loss: f64,
        /// The cases of the batch.
        cases: Vec<CaseId>,
    },
    /// Gradients overflow 16 bits whatever the loss is multiplied by.
    #[error(
        "gradients are too large for `network.precision = \"f16\"` at epoch {epoch}, step {step}, even those of a loss that is not \
         scaled; the last checkpoint is whole: train with \"bf16\" or \"f32\""
    )]
    Overflow {
        /// Epoch, counted from 0.
        epoch: usize,
        /// Step within the epoch, counted from 0.
        step: usize,
    },
    /// The device has no memory left.
    #[error(
        "the device is out of memory ({reason}) at epoch {epoch}, step {step}, training `{configuration}` (patch {patch}, batch \
         {batch}), which is estimated to take {gibi:.1} GiB; the last checkpoint is whole: lower the batch or the patch, or \
         plan for this card with `segplan plan --memory-gib`"
    )]
    OutOfMemory {
        /// Epoch, counted from 0.
        epoch: usize,
        /// Step within the epoch, counted from 0.
        step: usize,
        /// What the device says.
        reason: String,
        /// The configuration.
        configuration: ConfigurationName,
        /// Its patch.
        patch: Shape,
        /// Its batch size.
        batch: usize,
        /// The planner's estimate of the memory that it takes to train.
        gibi: f64,
    },
    /// The device failed otherwise.
    #[error("the device failed at epoch {epoch}, step {step}: {reason}; the last checkpoint is whole")]
    Device {
        /// Epoch, counted from 0.
        epoch: usize,
        /// Step within the epoch, counted from 0.
        step: usize,
        /// What the device says.
        reason: String,
    },
    /// A checkpoint of another plan is in the way.
    #[error("`{path}` was written by another plan")]
    OtherPlan {
        /// The checkpoint.
        path: String,
    },
    /// A fold has no cases to train on, or none to validate on.
    #[error("fold {fold} has {training} training and {validation} validation cases; each needs at least one")]
    NoCases {
        /// The fold.
        fold: usize,
        /// Cases to train on.
        training: usize,
        /// Cases to validate on.
        validation: usize,
    },
    /// Weights or checkpoint could not be read or written.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A checkpoint could not be read or written.
    #[error(transparent)]
    Tensors(#[from] TensorFileError),
    /// A checkpoint is damaged.
    #[error(
        "{0}; put an intact copy back, or remove it and run the plan again, which trains this network from the beginning"
    )]
    Checkpoint(TensorFileError),
    /// A file could not be removed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log could not be read or written.
    #[error(transparent)]
    Log(#[from] TableError),
}

/// Trains until the stopping rule fires, or until `interrupted` is set; goes on from a checkpoint where there is one.
///
/// The result does not depend on how often it was interrupted.
///
/// # Errors
///
/// A non-finite loss, or files that cannot be read or written.
pub fn train(job: &Job<'_>, interrupted: &AtomicBool, listener: &dyn Listener) -> Result<Ending, TrainError> {
    if job.training.is_empty() || job.validation.is_empty() {
        let (training, validation) = (job.training.len(), job.validation.len());
        return Err(TrainError::NoCases { fold: job.fold, training, validation });
    }
    let device = job.device.clone().autodiff();
    let mut training = Training::start_or_resume(job, &device)?;
    if training.stop.is_none() && autotunes_kernels(job.device) {
        let network = job.network();
        listener.say(&format!("{network}: tuning kernels for `{}`", job.plan.runtime.device));
        let seconds = warm_up(job, &training, &device)?;
        listener.say(&format!("{network}: kernel tuning took {seconds:.1} s (not counted as training time)"));
    }
    loop {
        if let Some(reason) = training.stop {
            training.finish(job)?;
            return Ok(Ending::Finished(reason));
        }
        let begun = Instant::now();
        training_steps(job, &mut training, &device, interrupted, listener)?;
        training.epoch_seconds += begun.elapsed().as_secs_f64();
        if interrupted.load(Ordering::Relaxed) {
            training.save(job)?;
            return Ok(Ending::Interrupted);
        }
        let begun = Instant::now();
        let (validation_loss, dice) = validate(job, &training)?;
        training.epoch_seconds += begun.elapsed().as_secs_f64();
        training.end_epoch(job, validation_loss, &dice);
        training.save(job)?;
        listener.epoch(job.network(), &job.plan.train, job.folder, &training.epochs);
    }
}

/// The training batches of an epoch that are still to be done.
fn training_steps(
    job: &Job<'_>,
    training: &mut Training,
    device: &Device,
    interrupted: &AtomicBool,
    listener: &dyn Listener,
) -> Result<(), TrainError> {
    let epoch = training.epochs.len();
    let patches = Patches::new(job, Set::Training, epoch);
    let steps = training.step..job.plan.train.batches_per_epoch;
    let mut ahead: Option<Ahead> = None;
    let done = for_each_batch(steps, job.workers, &|step| patches.batch(step), |step, batch| {
        if interrupted.load(Ordering::Relaxed) {
            return Err(None);
        }
        let begun = Instant::now();
        let (images, labels) = upload(&batch, device);
        let network = training.network.clone();
        let loss = dice_ce(network.forward(images), labels, job.configuration.dice_scope(), job.plan.loss.dice_ce());
        let read_later = loss.clone().inner();
        training.descend(job, step, loss).map_err(Some)?;
        device.flush().map_err(|error| Some(failed(job, epoch, step, error.into())))?;
        if let Some(before) = ahead.take() {
            before.settle(job, training, listener)?;
        }
        let (cases, seconds) = (batch.cases, begun.elapsed().as_secs_f64());
        ahead = Some(Ahead { epoch, step, loss: read_later, cases, seconds });
        Ok(())
    });
    if let Err(Some(failure)) = done {
        return Err(failure);
    }
    ahead.map_or(Ok(()), |last| last.settle(job, training, listener))?;
    device.sync().map_err(|error| failed(job, epoch, training.step, error.into()))
}

/// Mean loss over the validation batches, and Dice of their pooled voxels.
fn validate(job: &Job<'_>, training: &Training) -> Result<(f64, OnlineDice), TrainError> {
    let network = training.network.valid();
    let device = job.device;
    let epoch = training.epochs.len();
    let patches = Patches::new(job, Set::Validation, epoch);
    let classes = job.plan.classes();
    let mut dice = OnlineDice::new(classes);
    let mut sum = 0.0;
    let steps = job.plan.train.validation_batches_per_epoch;
    for_each_batch(0..steps, job.workers, &|step| patches.batch(step), |step, batch| {
        let (images, labels) = upload(&batch, device);
        let logits = network.forward(images);
        let predicted = logits.clone().argmax(1);
        let loss = dice_ce(logits, labels, job.configuration.dice_scope(), job.plan.loss.dice_ce());
        sum += finite(job, loss, epoch, step, batch.cases)?;
        let predicted = predicted.into_data().convert::<i32>().try_into_vec().expect("just converted");
        dice.add(&predicted, &batch.labels);
        Ok::<_, TrainError>(())
    })?;
    Ok((sum / steps as f64, dice))
}

/// Images `[b, c, z, y, x]` and labels `[b, z, y, x]` on the device.
fn upload(batch: &Batch, device: &Device) -> (Tensor<5>, Tensor<4, Int>) {
    let count = batch.cases.len();
    let [z, y, x] = batch.patch.0;
    let images = TensorData::new(batch.images.clone(), [count, batch.channels, z, y, x]);
    let labels = TensorData::new(batch.labels.clone(), [count, z, y, x]);
    (Tensor::from_data(images, device), Tensor::from_data(labels, device))
}
