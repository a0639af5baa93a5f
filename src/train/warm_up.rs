//! Kernel tuning before the first epoch.
//!
//! A GPU backend compiles its kernels on first use and times several variants to keep the fastest, which takes seconds to minutes.
//! A dry run of a training and a validation step does this before the clock of the first epoch starts.

use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;

use crate::train::batches::{CaseSet, EpochBatches};
use crate::train::error::{StepIndex, TrainError};
use crate::train::job::Job;
use crate::train::loss;
use crate::train::state::TrainState;

/// Runs a training and a validation step without changing the state. Returns the seconds taken.
pub(super) fn warm_up(job: &Job<'_>, state: &TrainState, device: &Device) -> Result<f64, TrainError> {
    let begun = Instant::now();
    let batch = EpochBatches::new(job, CaseSet::Training, 0).batch(0);
    let compute_loss =
        |outputs, labels| loss::compute(outputs, labels, job.configuration().dice_scope(), &job.plan().loss);
    let (images, labels) = batch.to_device(device);
    state.dry_run_step(compute_loss(state.network.forward_all(images), labels));
    let (images, labels) = batch.to_device(job.device);
    let outputs = state.network.valid().forward_all(images);
    let predicted = outputs[0].clone().argmax(1);
    let _ = (predicted, compute_loss(outputs, labels));
    let index = StepIndex { epoch: state.epochs.len(), step: state.step };
    device.sync().map_err(|error| index.device_failure(job, error.into()))?;
    Ok(begun.elapsed().as_secs_f64())
}
