//! The learning rate drops when the smoothed training loss stops improving. Source: arXiv:1809.10486, 2.3.
//!
//! The same state machine as `torch.optim.lr_scheduler.ReduceLROnPlateau(mode="min", threshold_mode="abs")`, which nnU-Net
//! uses (commit 6150f1b0, `nnUNetTrainer.py`).

use serde::{Deserialize, Serialize};

use super::finished_epoch::FinishedEpoch;
use crate::plan::schema::{self, Train};
use crate::run::log::PlateauRow;
use crate::train::plateau_detector::PlateauDetector;
use crate::units::format_number;

/// The state of the schedule.
///
/// Differs: nnU-Net commit 6150f1b0 uses a threshold of 1e-3; the paper states 5e-3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plateau {
    detector: PlateauDetector,
    factor: f64,
    patience: usize,
}

impl Plateau {
    pub(super) fn new(settings: &schema::Plateau) -> Self {
        let detector = PlateauDetector::new(settings.threshold);
        Self { detector, factor: settings.factor, patience: settings.patience_epochs }
    }

    /// The learning rate drops when the loss has not improved for *more* than `patience` epochs; then the count restarts.
    pub(super) fn next(&mut self, finished: FinishedEpoch) -> f64 {
        if self.detector.update(finished.train_loss_ema) <= self.patience {
            return finished.learning_rate;
        }
        self.detector.restart();
        finished.learning_rate * self.factor
    }

    pub(super) fn row(&self) -> Option<PlateauRow> {
        self.detector.row()
    }
}

pub(super) fn describe(settings: &schema::Plateau, train: &Train) -> String {
    format!(
        "The learning rate was multiplied by {} whenever the exponential moving average of the training loss (decay {}) had not \
         improved by more than {} for more than {} epochs.",
        format_number(settings.factor),
        train.train_loss_ema_decay,
        format_number(settings.threshold),
        settings.patience_epochs
    )
}
