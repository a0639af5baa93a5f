//! Counts epochs without improvement, as `torch.optim.lr_scheduler.ReduceLROnPlateau` with an absolute threshold.

use serde::{Deserialize, Serialize};

use crate::run::log::PlateauRow;

/// The best value so far and the number of epochs since.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PlateauDetector {
    threshold: f64,
    best: Option<f64>,
    bad_epochs: usize,
}

impl PlateauDetector {
    /// A detector without values. A value is an improvement if it is below the best one by more than `threshold`.
    pub(super) fn new(threshold: f64) -> Self {
        Self { threshold, best: None, bad_epochs: 0 }
    }

    /// Adds the value of an epoch, lower is better, and returns the number of epochs without improvement.
    pub(super) fn update(&mut self, value: f64) -> usize {
        match self.best {
            Some(best) if value >= best - self.threshold => self.bad_epochs += 1,
            _ => {
                self.best = Some(value);
                self.bad_epochs = 0;
            }
        }
        self.bad_epochs
    }

    /// Restarts the count of epochs; the best value is kept.
    pub(super) fn restart(&mut self) {
        self.bad_epochs = 0;
    }

    /// The columns of the log; `None` before the first value.
    pub(super) fn row(&self) -> Option<PlateauRow> {
        Some(PlateauRow { best: self.best?, bad_epochs: self.bad_epochs })
    }
}
