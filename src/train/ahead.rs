//! A training step that the device works on while the host goes on: its loss is read back one step later.
//!
//! Reading a number waits for the device. Reading the loss of the step before leaves it the step at hand to work on, so that
//! it never waits for the host; nothing is written to disk before every loss has been read and found finite.

use burn::tensor::Tensor;

use crate::dataset::CaseId;
use crate::device::{DeviceFailure, read_number};
use crate::network::PlannedNetwork;
use crate::run::Listener;
use crate::run::log::StepRow;
use crate::train::checkpoint::Training;
use crate::train::{Job, TrainError};

const GIBI: f64 = (1_u64 << 30) as f64;

/// A step that was handed to the device.
pub(super) struct Ahead {
    pub(super) epoch: usize,
    pub(super) step: usize,
    /// Its loss, without the graph of its gradients.
    pub(super) loss: Tensor<1>,
    /// The cases of its batch.
    pub(super) cases: Vec<CaseId>,
    /// Seconds that it took to hand it over, the wait for the one before included.
    pub(super) seconds: f64,
}

impl Ahead {
    /// Reads the loss back, and notes the step as done.
    pub(super) fn settle(
        self,
        job: &Job<'_>,
        training: &mut Training,
        listener: &dyn Listener,
    ) -> Result<(), TrainError> {
        let Self { epoch, step, loss, cases, seconds } = self;
        let loss = finite(job, loss, epoch, step, cases)?;
        training.add_step(StepRow { epoch: epoch + 1, step: step + 1, loss, seconds });
        listener.step(job.network(), &job.plan.train, epoch + 1, step + 1, loss);
        Ok(())
    }
}

/// A loss, read back; an error when the device has failed, or when it is not a number any more.
pub(super) fn finite(
    job: &Job<'_>,
    loss: Tensor<1>,
    epoch: usize,
    step: usize,
    cases: Vec<CaseId>,
) -> Result<f64, TrainError> {
    let loss = read_number(loss).map_err(|failure| failed(job, epoch, step, failure))?;
    if loss.is_finite() { Ok(loss) } else { Err(TrainError::NonFinite { epoch, step, loss, cases }) }
}

/// What a failure of the device is to a training.
pub(super) fn failed(job: &Job<'_>, epoch: usize, step: usize, failure: DeviceFailure) -> TrainError {
    let reason = match failure {
        DeviceFailure::Other(reason) => return TrainError::Device { epoch, step, reason },
        DeviceFailure::OutOfMemory(reason) => reason,
    };
    let (patch, batch) = (job.configuration.patch_size, job.configuration.batch_size);
    let network = PlannedNetwork::new(job.plan, job.name);
    TrainError::OutOfMemory {
        epoch,
        step,
        reason,
        configuration: job.name,
        patch,
        batch,
        gibi: network.training_bytes() as f64 / GIBI,
    }
}
