//! `[split]`: how the cases are split into folds.

use crate::plan::schema::declare::table;
use crate::plan::schema::key::DecidedBy::Planner;
use crate::plan::schema::key::PAPER_2_3;
use crate::plan::schema::range::{AT_LEAST_0, at_least};

table! {
    /// How the cases are split into folds.
    pub struct Split decides Train {
        /// Number of folds of the cross-validation.
        folds: usize { default: "5", range: at_least(2.0), decided_by: Planner, source: PAPER_2_3 },
        /// Seed of the shuffle that makes the folds.
        seed: u64 { default: "12345", range: AT_LEAST_0 },
        /// Regular expression that finds the patient in the name of a case, such as "^(.*)_scan": its first group, or the whole
        /// match. All cases of a patient are in the same fold. If empty, each case is a patient of its own.
        patient_pattern: String { default: "\"\"", source: PAPER_2_3 },
    }
}
