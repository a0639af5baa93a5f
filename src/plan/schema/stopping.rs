//! `[train.stopping]`: when training stops before the maximum number of epochs.

use crate::plan::schema::declare::{table, variants};
use crate::plan::schema::key::PAPER_2_3;
use crate::plan::schema::range::AT_LEAST_0;

variants! {
    /// The rule that stops training before the maximum number of epochs.
    pub enum Stopping {
        /// training runs for `train.max_epochs` epochs.
        None = "none",
        /// training stops when the smoothed validation loss stops improving and the learning rate is low.
        ValidationPlateau(ValidationPlateau) = "validation_plateau",
    }
}

table! {
    /// Training stops when the smoothed validation loss stops improving and the learning rate is low.
    pub struct ValidationPlateau decides Train {
        /// Epochs without improvement before training stops.
        patience_epochs: usize { default: "60", range: AT_LEAST_0, source: PAPER_2_3 },
        /// Minimum improvement of the smoothed validation loss.
        threshold: f64 { default: "0.005", range: AT_LEAST_0, source: PAPER_2_3 },
        /// Learning rate below which training may stop.
        below_learning_rate: f64 { default: "0.000001", range: AT_LEAST_0, source: PAPER_2_3 },
    }
}
