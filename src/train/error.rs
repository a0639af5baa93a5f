//! Errors of training.

use thiserror::Error;

use crate::dataset::CaseId;
use crate::device::DeviceFailure;
use crate::network::weights::WeightsError;
use crate::plan::schema::ConfigurationName;
use crate::store::StoreError;
use crate::store::table::TableError;
use crate::store::tensors::TensorFileError;
use crate::train::job::Job;
use crate::units::{quoted, to_gib};
use crate::volume::Shape;

/// Training failed. Epochs and steps are counted from 1.
#[allow(missing_docs, reason = "the message of each variant explains its fields")]
#[derive(Debug, Error)]
pub enum TrainError {
    #[error(
        "the loss is {loss} at epoch {epoch}, step {step}, on a batch of the cases {}; nothing was written since the last \
         checkpoint: check these cases with `segplan verify`, or lower `train.learning_rate`",
        quoted(cases.iter().map(|case| &case.0))
    )]
    NonFinite { epoch: usize, step: usize, loss: f64, cases: Vec<CaseId> },
    #[error(
        "gradients overflow with `network.precision = \"f16\"` at epoch {epoch}, step {step}, even without loss scaling; the last \
         checkpoint is intact: train with \"bf16\" or \"f32\""
    )]
    Overflow { epoch: usize, step: usize },
    #[error(
        "the device is out of memory ({reason}) at epoch {epoch}, step {step}, while training `{configuration}` (patch {patch}, \
         batch {batch}), whose estimated memory is {gib:.1} GiB; the last checkpoint is intact: lower the batch size or the patch \
         size, or plan for this GPU with `segplan plan --memory-gib`"
    )]
    OutOfMemory {
        epoch: usize,
        step: usize,
        reason: String,
        configuration: ConfigurationName,
        patch: Shape,
        batch: usize,
        gib: f64,
    },
    #[error("the device failed at epoch {epoch}, step {step}: {reason}; the last checkpoint is intact")]
    Device { epoch: usize, step: usize, reason: String },
    #[error("`{path}` was written by another plan")]
    OtherPlan { path: String },
    #[error("fold {fold} has {training} training and {validation} validation cases; each needs at least one")]
    NoCases { fold: usize, training: usize, validation: usize },
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Tensors(#[from] TensorFileError),
    #[error(
        "{0}; restore an intact copy, or remove it and run the plan again, which trains this network from the beginning"
    )]
    Checkpoint(TensorFileError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Log(#[from] TableError),
}

/// A training step, for errors; both counted from 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct StepIndex {
    pub(super) epoch: usize,
    pub(super) step: usize,
}

impl StepIndex {
    pub(super) fn non_finite(self, loss: f64, cases: Vec<CaseId>) -> TrainError {
        TrainError::NonFinite { epoch: self.epoch + 1, step: self.step + 1, loss, cases }
    }

    pub(super) fn overflow(self) -> TrainError {
        TrainError::Overflow { epoch: self.epoch + 1, step: self.step + 1 }
    }

    /// Logs a step that was skipped because its gradients overflowed.
    pub(super) fn log_skipped(self, scale: f64) {
        let Self { epoch, step } = self;
        tracing::info!(epoch, step, scale, "gradients overflow: step skipped, loss scale halved");
    }

    /// Converts a device failure.
    pub(super) fn device_failure(self, job: &Job<'_>, failure: DeviceFailure) -> TrainError {
        let (epoch, step) = (self.epoch + 1, self.step + 1);
        let reason = match failure {
            DeviceFailure::Other(reason) => return TrainError::Device { epoch, step, reason },
            DeviceFailure::OutOfMemory(reason) => reason,
        };
        let (patch, batch) = (job.configuration().patch_size, job.configuration().batch_size);
        let (configuration, gib) = (job.network.name(), to_gib(job.network.training_bytes()));
        TrainError::OutOfMemory { epoch, step, reason, configuration, patch, batch, gib }
    }
}
