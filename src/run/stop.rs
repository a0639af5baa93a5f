//! Why training ended.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::units::counted;

/// Why training ended, with the epochs that the reason refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The smoothed validation loss stopped improving and the learning rate is below its limit.
    ValidationPlateau {
        /// Epochs without improvement.
        epochs: usize,
    },
    /// `train.max_epochs` was reached.
    MaxEpochs {
        /// Epochs trained.
        epochs: usize,
    },
}

impl StopReason {
    /// Name of the reason in `epochs.parquet`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ValidationPlateau { .. } => "validation_plateau",
            Self::MaxEpochs { .. } => "max_epochs",
        }
    }

    /// The reason of this name; `epochs` were trained, the last `plateau` of them without improvement.
    pub(super) fn of_name(name: &str, epochs: usize, plateau: usize) -> Option<Self> {
        let all = [Self::ValidationPlateau { epochs: plateau }, Self::MaxEpochs { epochs }];
        all.into_iter().find(|reason| reason.name() == name)
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ValidationPlateau { epochs } => {
                write!(out, "validation loss did not improve for {}", counted(*epochs, "epoch"))
            }
            Self::MaxEpochs { epochs } => write!(out, "max_epochs ({epochs}) reached"),
        }
    }
}
