//! `[run]`: configurations, folds and seeds to run.

use crate::plan::schema::configuration::ConfigurationName;
use crate::plan::schema::declare::table;
use crate::plan::schema::key::DecidedBy::Planner;
use crate::plan::schema::key::PAPER_2_3;
use crate::plan::schema::range::AT_LEAST_0;

table! {
    /// Configurations, folds and seeds to run, in all combinations.
    pub struct RunSelection decides Nothing {
        /// Configurations to train.
        configurations: Vec<ConfigurationName> { decided_by: Planner },
        /// Folds to train, counted from 0.
        folds: Vec<usize> { default: "[0, 1, 2, 3, 4]", range: AT_LEAST_0, decided_by: Planner, source: PAPER_2_3 },
        /// Seeds of the initial weights, the sampling and the augmentation. Each seed is a run of its own.
        seeds: Vec<u64> { default: "[12345]", range: AT_LEAST_0 },
    }
}
