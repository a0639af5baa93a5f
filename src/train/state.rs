//! A training between two steps: everything that the next step depends on.
//!
//! Random numbers do not belong to the state: they are functions of seed, fold, epoch, step and sample.

use burn::tensor::{Device, Gradients, Tensor};

use crate::network::UNet;
use crate::random::{Key, Purpose, stream};
use crate::run::log::{EpochRow, StepRow};
use crate::train::job::Job;
use crate::train::loss_scale::LossScale;
use crate::train::optimizer::Optimizer;
use crate::train::progress::Progress;
use crate::train::pseudo_dice::PseudoDice;

/// A training between two steps.
#[derive(Debug)]
pub(super) struct TrainState {
    /// The network, on the autodiff device.
    pub(super) network: UNet,
    pub(super) optimizer: Optimizer,
    /// The loss scale of `network.precision = "f16"`.
    pub(super) loss_scale: Option<LossScale>,
    pub(super) progress: Progress,
    /// The log: one row per finished epoch.
    pub(super) epochs: Vec<EpochRow>,
    /// The log: one row per finished step.
    pub(super) steps: Vec<StepRow>,
    /// Finished steps of the current epoch.
    pub(super) step: usize,
    /// Sum of the losses of the current epoch.
    pub(super) loss_sum: f64,
    /// Seconds spent on the current epoch.
    pub(super) epoch_seconds: f64,
}

impl TrainState {
    /// The state before the first step.
    pub(super) fn new(job: &Job<'_>, network: UNet) -> Self {
        Self {
            network,
            optimizer: Optimizer::new(&job.plan().train.optimizer),
            loss_scale: LossScale::new(job.plan().network.precision),
            progress: Progress::new(&job.plan().train),
            epochs: Vec::new(),
            steps: Vec::new(),
            step: 0,
            loss_sum: 0.0,
            epoch_seconds: 0.0,
        }
    }

    /// Updates the network at the current learning rate. `scale` is the factor of the loss, if it was scaled.
    pub(super) fn optimizer_step(&mut self, gradients: Gradients, scale: Option<f64>) {
        let learning_rate = self.progress.learning_rate();
        self.network = self.optimizer.step(self.network.clone(), gradients, learning_rate, scale);
    }

    /// A backward pass and an optimiser step that leave the state unchanged.
    pub(super) fn dry_run_step(&self, loss: Tensor<1>) {
        let (mut optimizer, learning_rate) = (self.optimizer.clone(), self.progress.learning_rate());
        let _ = optimizer.step(self.network.clone(), loss.backward(), learning_rate, None);
    }

    /// Records a finished step.
    pub(super) fn add_step(&mut self, row: StepRow) {
        self.step += 1;
        self.loss_sum += row.loss;
        self.steps.push(row);
    }

    /// Records a finished epoch, and decides on the next learning rate and on the end of training.
    pub(super) fn end_epoch(&mut self, job: &Job<'_>, validation_loss: f64, dice: &PseudoDice) {
        let train_loss = self.loss_sum / job.plan().train.batches_per_epoch as f64;
        let summary = self.progress.end_epoch(train_loss, validation_loss);
        let patches = (job.plan().train.batches_per_epoch * job.configuration().batch_size) as f64;
        self.epochs.push(EpochRow {
            epoch: self.epochs.len() + 1,
            train_loss,
            validation_loss,
            train_loss_ema: summary.train_loss_ema,
            validation_loss_ema: summary.validation_loss_ema,
            train_plateau: summary.train_plateau,
            validation_plateau: summary.validation_plateau,
            learning_rate: summary.learning_rate,
            next_learning_rate: summary.next_learning_rate,
            pseudo_dice: dice.per_class(),
            mean_pseudo_dice: dice.mean(),
            seconds: self.epoch_seconds,
            patches_per_second: patches / self.epoch_seconds,
            stop_reason: summary.stop_reason,
        });
        self.step = 0;
        self.loss_sum = 0.0;
        self.epoch_seconds = 0.0;
    }
}

/// A network with random weights, which depend on seed and fold alone.
pub(super) fn initial_network(job: &Job<'_>, device: &Device) -> UNet {
    let key = Key { purpose: Purpose::Weights, seed: job.seed, counters: [job.fold as u64, 0, 0, 0] };
    job.network.init(&mut stream(key), device)
}
