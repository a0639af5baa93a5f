//! A training step whose loss has not been read back yet.
//!
//! Reading a value waits for the device. The loss of each step is read after the next step has been submitted, so that the device
//! never waits for the host. Nothing is written to disk before every loss has been read and found finite.

use burn::tensor::Tensor;

use crate::dataset::CaseId;
use crate::device::read_number;
use crate::run::Listener;
use crate::run::log::StepRow;
use crate::train::error::{StepIndex, TrainError};
use crate::train::job::Job;
use crate::train::state::TrainState;

/// A step that was submitted to the device.
pub(super) struct PendingStep {
    pub(super) index: StepIndex,
    /// Loss, detached from the autodiff graph.
    pub(super) loss: Tensor<1>,
    /// Cases of the batch.
    pub(super) cases: Vec<CaseId>,
    /// Seconds to submit the step, including the wait for the loss of the step before.
    pub(super) seconds: f64,
}

impl PendingStep {
    /// Reads the loss, checks it and records the step.
    pub(super) fn finish(
        self,
        job: &Job<'_>,
        state: &mut TrainState,
        listener: &dyn Listener,
    ) -> Result<(), TrainError> {
        let Self { index: StepIndex { epoch, step }, loss, cases, seconds } = self;
        let loss = read_finite_loss(job, loss, self.index, cases)?;
        let (epoch, step) = (epoch + 1, step + 1);
        state.add_step(StepRow { epoch, step, loss, seconds });
        listener.step(job.id(), &job.plan().train, epoch, step, loss);
        Ok(())
    }
}

/// Reads a loss back; fails if the device has failed or the loss is not finite.
pub(super) fn read_finite_loss(
    job: &Job<'_>,
    loss: Tensor<1>,
    index: StepIndex,
    cases: Vec<CaseId>,
) -> Result<f64, TrainError> {
    let loss = read_number(loss).map_err(|failure| index.device_failure(job, failure))?;
    if loss.is_finite() { Ok(loss) } else { Err(index.non_finite(loss, cases)) }
}
