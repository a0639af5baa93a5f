//! The stopping rule of `[train.stopping]`.

use serde::{Deserialize, Serialize};

use crate::plan::schema::{self, Train};
use crate::run::StopReason;
use crate::run::log::PlateauRow;
use crate::train::plateau_detector::PlateauDetector;
use crate::units::format_number;

/// The state of `[train.stopping]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Stopping {
    /// Only `train.max_epochs` ends training.
    None,
    /// The smoothed validation loss has reached a plateau at a low learning rate.
    ValidationPlateau(ValidationPlateau),
}

/// Training stops when the smoothed validation loss has not improved for *more* than `patience` epochs and the learning rate is
/// below a limit. Source: arXiv:1809.10486, 2.3.
///
/// Differs: nnU-Net commit 6150f1b0 (`network_trainer.py`) watches the smoothed training loss instead, with a patience
/// of 50 epochs and a threshold of 5e-4, and sets the counter back while the learning rate is high. The paper states the validation
/// loss, 60 epochs and 5e-3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ValidationPlateau {
    detector: PlateauDetector,
    patience: usize,
    below_learning_rate: f64,
}

impl Stopping {
    /// The rule before the first epoch.
    pub(crate) fn new(settings: &schema::Stopping) -> Self {
        match settings {
            schema::Stopping::None => Self::None,
            schema::Stopping::ValidationPlateau(settings) => Self::ValidationPlateau(ValidationPlateau {
                detector: PlateauDetector::new(settings.threshold),
                patience: settings.patience_epochs,
                below_learning_rate: settings.below_learning_rate,
            }),
        }
    }

    /// Updates the rule after an epoch: its smoothed validation loss, and the learning rate of the next epoch. Returns why training
    /// stops; `None` if it continues.
    pub(crate) fn update(&mut self, validation_loss_ema: f64, next_learning_rate: f64) -> Option<StopReason> {
        match self {
            Self::None => None,
            Self::ValidationPlateau(rule) => {
                let epochs = rule.detector.update(validation_loss_ema);
                let stops = epochs > rule.patience && next_learning_rate < rule.below_learning_rate;
                stops.then_some(StopReason::ValidationPlateau { epochs })
            }
        }
    }

    /// The plateau that the rule watches, for the log; `None` for rules without one.
    pub(crate) fn plateau(&self) -> Option<PlateauRow> {
        match self {
            Self::None => None,
            Self::ValidationPlateau(rule) => rule.detector.row(),
        }
    }
}

/// The settings of a rule that watches for a plateau of the validation loss; plots show its threshold.
pub(crate) fn plateau_settings(train: &Train) -> Option<&schema::ValidationPlateau> {
    match &train.stopping {
        schema::Stopping::None => None,
        schema::Stopping::ValidationPlateau(rule) => Some(rule),
    }
}

/// The rule as a sentence of a methods paragraph.
pub(crate) fn describe(train: &Train) -> String {
    let max_epochs = train.max_epochs;
    match &train.stopping {
        schema::Stopping::None => format!("Training ended after {max_epochs} epochs."),
        schema::Stopping::ValidationPlateau(rule) => format!(
            "Training stopped when the exponential moving average of the validation loss (decay {}) had not improved by more than \
             {} for more than {} epochs and the learning rate was below {}, or after {max_epochs} epochs.",
            train.validation_loss_ema_decay,
            format_number(rule.threshold),
            rule.patience_epochs,
            format_number(rule.below_learning_rate)
        ),
    }
}
