//! `[train.optimizer]`: the optimiser.

use crate::plan::schema::declare::{table, variants};
use crate::plan::schema::key::FIRST_COMMIT;
use crate::plan::schema::range::AT_LEAST_0;

variants! {
    /// The optimiser.
    pub enum Optimizer {
        /// Adam, as `torch.optim.Adam`.
        Adam(Adam) = "adam",
    }
}

table! {
    /// Adam with the L2 term in the gradient, as `torch.optim.Adam`.
    pub struct Adam decides Train {
        /// Weight decay: an L2 term added to the gradient.
        weight_decay: f64 { default: "0.00003", range: AT_LEAST_0, source: FIRST_COMMIT },
        /// AMSGrad: whether the maximum of the second moment is kept.
        amsgrad: bool { default: "true", source: FIRST_COMMIT },
    }
}
