//! `[train]`: the training.

use crate::plan::schema::declare::table;
use crate::plan::schema::key::{FIRST_COMMIT, PAPER_2_3};
use crate::plan::schema::optimizer::Optimizer;
use crate::plan::schema::range::{AT_LEAST_1, FRACTION, POSITIVE};
use crate::plan::schema::schedule::Schedule;
use crate::plan::schema::stopping::Stopping;

table! {
    /// The training. Source: arXiv:1809.10486, 2.3.
    pub struct Train decides Train {
        /// Initial learning rate.
        learning_rate: f64 { default: "0.0003", range: POSITIVE, source: PAPER_2_3 },
        /// Training batches per epoch.
        batches_per_epoch: usize { default: "250", range: AT_LEAST_1, source: PAPER_2_3 },
        /// Validation batches per epoch.
        validation_batches_per_epoch: usize { default: "50", range: AT_LEAST_1, source: FIRST_COMMIT },
        /// Maximum number of epochs.
        max_epochs: usize { default: "1000", range: AT_LEAST_1, source: FIRST_COMMIT },
        /// Decay of the exponential moving average of the training loss.
        train_loss_ema_decay: f64 { default: "0.93", range: FRACTION, source: FIRST_COMMIT },
        /// Decay of the exponential moving average of the validation loss.
        validation_loss_ema_decay: f64 { default: "0.9", range: FRACTION, source: FIRST_COMMIT },
        /// The optimiser.
        optimizer: Optimizer { default: "\"adam\"", source: PAPER_2_3 },
        /// The learning-rate schedule.
        schedule: Schedule { default: "\"plateau\"", source: PAPER_2_3 },
        /// The rule that stops training before the maximum number of epochs.
        stopping: Stopping { default: "\"validation_plateau\"", source: PAPER_2_3 },
    }
}
