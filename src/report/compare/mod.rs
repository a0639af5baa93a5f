//! Comparisons of runs, configurations and ensembles, as tables.

pub mod candidates;
mod models;
mod paired;
mod ranking;
pub mod run_table;

pub use self::paired::paired_differences;
pub use self::ranking::ranking_stability;
