//! The input of the schedules.

/// A finished epoch, as far as schedules read it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FinishedEpoch {
    /// Learning rate of the epoch.
    pub(crate) learning_rate: f64,
    /// Exponential moving average of the training loss.
    pub(crate) train_loss_ema: f64,
}
