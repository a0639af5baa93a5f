//! `[loss]`: the loss function.

use crate::plan::schema::declare::{table, variants};
use crate::plan::schema::key::FIRST_COMMIT;
use crate::plan::schema::range::AT_LEAST_0;

variants! {
    /// The loss function. Source: arXiv:1809.10486, 2.3.
    pub enum Loss {
        /// soft Dice loss plus cross-entropy.
        DiceCe(DiceCe) = "dice_ce",
    }
}

table! {
    /// Soft Dice loss plus cross-entropy.
    pub struct DiceCe decides Train {
        /// Smoothing term: added to the numerator and the denominator of each Dice term.
        smooth: f64 { default: "0.00001", range: AT_LEAST_0, source: FIRST_COMMIT },
        /// Whether background counts in the Dice term. The paper sums over all classes and does not say whether they include it.
        include_background: bool { default: "false", source: FIRST_COMMIT },
    }
}
