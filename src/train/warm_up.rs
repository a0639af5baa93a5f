//! The first step on a graphics card, before any clock runs.
//!
//! A card's backend compiles its kernels when they are first needed, and times several for one task to keep the fastest. That
//! takes seconds to minutes, which are no part of an epoch: a step is rehearsed, and what comes out of it thrown away.

use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;

use crate::train::ahead::failed;
use crate::train::checkpoint::Training;
use crate::train::loss::dice_ce;
use crate::train::patches::{Patches, Set};
use crate::train::{Job, TrainError, upload};

/// Rehearses a training and a validation step; the seconds that it took.
pub(super) fn warm_up(job: &Job<'_>, training: &Training, device: &Device) -> Result<f64, TrainError> {
    let begun = Instant::now();
    let batch = Patches::new(job, Set::Training, 0).batch(0);
    let loss = |logits, labels| dice_ce(logits, labels, job.configuration.dice_scope(), job.plan.loss.dice_ce());
    let (images, labels) = upload(&batch, device);
    training.rehearse(loss(training.network.forward(images), labels));
    let (images, labels) = upload(&batch, job.device);
    let logits = training.network.valid().forward(images);
    let predicted = logits.clone().argmax(1);
    let _ = (predicted, loss(logits, labels));
    device.sync().map_err(|error| failed(job, training.epochs.len(), training.step, error.into()))?;
    Ok(begun.elapsed().as_secs_f64())
}
