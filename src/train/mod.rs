//! Trains one network.
//!
//! Input: the prepared cases of a fold and the plan. Output: weights, a log of epochs and steps, and a checkpoint meanwhile.
//! Deliberately absent: folds (a `Job` is one), plots and the terminal (a [`Listener`]). Source: arXiv:1809.10486, 2.3;
//! see `crate::guide::method`.

pub mod augment;
pub(crate) mod batches;
pub(crate) mod checkpoint;
mod ema;
mod error;
mod job;
pub(crate) mod loader;
pub mod loss;
mod loss_scale;
pub mod optimizer;
pub mod patch;
mod pending;
mod plateau_detector;
pub(crate) mod progress;
mod pseudo_dice;
pub(crate) mod sampler;
pub(crate) mod schedule;
mod state;
pub(crate) mod stopping;
mod warm_up;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

pub use self::error::TrainError;
pub(crate) use self::job::{Ending, Job};

use self::batches::{CaseSet, EpochBatches};
use self::error::StepIndex;
use self::loader::{Batch, for_each_batch};
use self::loss_scale::are_finite;
use self::pending::{PendingStep, read_finite_loss};
use self::pseudo_dice::PseudoDice;
use self::state::TrainState;
use self::warm_up::warm_up;
use crate::device::autotunes_kernels;
use crate::run::Listener;

/// Trains until the stopping rule fires or `interrupted` is set; resumes from a checkpoint if there is one.
///
/// The result does not depend on the number of interruptions.
///
/// # Errors
///
/// If the loss is not finite, the device fails, or a file cannot be read or written.
pub(crate) fn train(job: &Job<'_>, interrupted: &AtomicBool, listener: &dyn Listener) -> Result<Ending, TrainError> {
    if job.training.is_empty() || job.validation.is_empty() {
        let (training, validation) = (job.training.len(), job.validation.len());
        return Err(TrainError::NoCases { fold: job.fold, training, validation });
    }
    let device = job.device.clone().autodiff();
    let mut state = checkpoint::start_or_resume(job, &device)?;
    if state.progress.stop_reason().is_none() && autotunes_kernels(job.device) {
        let network = job.id();
        listener.say(&format!("{network}: tuning kernels for `{}`", job.plan().runtime.device));
        let seconds = warm_up(job, &state, &device)?;
        listener.say(&format!("{network}: kernel tuning took {seconds:.1} s (not counted as training time)"));
    }
    loop {
        if let Some(reason) = state.progress.stop_reason() {
            checkpoint::finish(job, &state)?;
            return Ok(Ending::Finished(reason));
        }
        let begun = Instant::now();
        train_epoch(job, &mut state, &device, interrupted, listener)?;
        state.epoch_seconds += begun.elapsed().as_secs_f64();
        if interrupted.load(Ordering::Relaxed) {
            checkpoint::save(job, &state)?;
            return Ok(Ending::Interrupted);
        }
        let begun = Instant::now();
        let validation = validate(job, &state)?;
        state.epoch_seconds += begun.elapsed().as_secs_f64();
        state.end_epoch(job, validation.loss, &validation.dice);
        checkpoint::save(job, &state)?;
        listener.epoch(job.id(), &job.plan().train, job.folder, &state.epochs);
    }
}

/// The remaining training steps of the current epoch.
fn train_epoch(
    job: &Job<'_>,
    state: &mut TrainState,
    device: &Device,
    interrupted: &AtomicBool,
    listener: &dyn Listener,
) -> Result<(), TrainError> {
    let epoch = state.epochs.len();
    let batches = EpochBatches::new(job, CaseSet::Training, epoch);
    let steps = state.step..job.plan().train.batches_per_epoch;
    let mut pending: Option<PendingStep> = None;
    // An error of `None` means that a signal interrupted the epoch.
    let result = for_each_batch(steps, job.workers, &|step| batches.batch(step), |step, batch| {
        if interrupted.load(Ordering::Relaxed) {
            return Err(None);
        }
        let begun = Instant::now();
        let index = StepIndex { epoch, step };
        let loss = submit_step(job, state, device, index, &batch)?;
        // The device works on this step while the host waits for the loss of the previous one.
        if let Some(previous) = pending.take() {
            previous.finish(job, state, listener)?;
        }
        pending = Some(PendingStep { index, loss, cases: batch.cases, seconds: begun.elapsed().as_secs_f64() });
        Ok(())
    });
    if let Err(Some(failure)) = result {
        return Err(failure);
    }
    pending.map_or(Ok(()), |last| last.finish(job, state, listener))?;
    let index = StepIndex { epoch, step: state.step };
    device.sync().map_err(|error| index.device_failure(job, error.into()))
}

/// One training step, submitted to the device. Returns the loss, which is not read back yet.
fn submit_step(
    job: &Job<'_>,
    state: &mut TrainState,
    device: &Device,
    index: StepIndex,
    batch: &Batch,
) -> Result<Tensor<1>, TrainError> {
    let (images, labels) = batch.to_device(device);
    let outputs = state.network.forward_all(images);
    let loss = loss::compute(outputs, labels, job.configuration().dice_scope(), &job.plan().loss);
    let detached_loss = loss.clone().inner();
    match &mut state.loss_scale {
        None => {
            let gradients = loss.backward();
            state.optimizer_step(gradients, None);
        }
        Some(scale) => {
            let factor = scale.factor();
            let gradients = (loss * factor).backward();
            let finite = are_finite(&state.network, &gradients);
            let finite = finite.map_err(|failure| index.device_failure(job, failure))?;
            scale.update(finite);
            if finite {
                state.optimizer_step(gradients, Some(factor));
            } else if factor > 1.0 {
                index.log_skipped(factor);
            } else {
                return Err(index.overflow());
            }
        }
    }
    device.flush().map_err(|error| index.device_failure(job, error.into()))?;
    Ok(detached_loss)
}

/// The result of the validation batches of an epoch.
struct Validation {
    /// Mean loss of the batches.
    loss: f64,
    /// Dice of their pooled voxels.
    dice: PseudoDice,
}

fn validate(job: &Job<'_>, state: &TrainState) -> Result<Validation, TrainError> {
    let network = state.network.valid();
    let epoch = state.epochs.len();
    let batches = EpochBatches::new(job, CaseSet::Validation, epoch);
    let mut dice = PseudoDice::new(job.network.outputs());
    let mut sum = 0.0;
    let steps = job.plan().train.validation_batches_per_epoch;
    for_each_batch(0..steps, job.workers, &|step| batches.batch(step), |step, batch| {
        let (images, labels) = batch.to_device(job.device);
        let outputs = network.forward_all(images);
        let predicted = outputs[0].clone().argmax(1);
        let loss = loss::compute(outputs, labels, job.configuration().dice_scope(), &job.plan().loss);
        sum += read_finite_loss(job, loss, StepIndex { epoch, step }, batch.cases)?;
        let predicted = predicted.into_data().convert::<i32>().try_into_vec().expect("just converted");
        dice.add(&predicted, &batch.labels);
        Ok::<_, TrainError>(())
    })?;
    Ok(Validation { loss: sum / steps as f64, dice })
}
