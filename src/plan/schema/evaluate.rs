//! `[evaluate]`: scores of predictions.

use crate::plan::schema::declare::table;
use crate::plan::schema::range::AT_LEAST_0;

table! {
    /// Scores of predictions.
    pub struct Evaluate decides Evaluate {
        /// Tolerance of the normalised surface Dice. The Medical Segmentation Decathlon uses 1 to 7, depending on the task.
        surface_tolerance_mm: f64 { default: "1.0", range: AT_LEAST_0, unit: "mm" },
    }
}
