//! Comparisons of runs, configurations and ensembles, as tables.

pub(crate) mod candidates;
mod models;
mod paired;
mod ranking;
pub(crate) mod run_table;

pub(crate) use self::paired::paired_differences;
pub(crate) use self::ranking::ranking_stability;
