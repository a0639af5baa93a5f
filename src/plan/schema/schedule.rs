//! `[train.schedule]`: the learning-rate schedule.

use crate::plan::schema::declare::{table, variants};
use crate::plan::schema::key::PAPER_2_3;
use crate::plan::schema::range::{AT_LEAST_0, OPEN_FRACTION};

variants! {
    /// The learning-rate schedule.
    pub enum Schedule {
        /// the learning rate drops when the smoothed training loss stops improving.
        Plateau(Plateau) = "plateau",
    }
}

table! {
    /// The learning rate drops when the smoothed training loss stops improving, as `torch.optim.lr_scheduler.ReduceLROnPlateau`.
    pub struct Plateau decides Train {
        /// Factor by which the learning rate is multiplied at a plateau. The paper divides by 5.
        factor: f64 { default: "0.2", range: OPEN_FRACTION, source: PAPER_2_3 },
        /// Epochs without improvement before the learning rate drops.
        patience_epochs: usize { default: "30", range: AT_LEAST_0, source: PAPER_2_3 },
        /// Minimum improvement of the smoothed training loss.
        threshold: f64 { default: "0.005", range: AT_LEAST_0, source: PAPER_2_3 },
    }
}
