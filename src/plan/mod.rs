//! The plan: its keys, the rules of 2018 that plan a data set, and the way between a plan and its TOML file.
//!
//! | folder | input → output |
//! |---|---|
//! | [`schema`] | the keys, each declared once, and everything that follows from the declarations |
//! | [`read`] | files, environment, command line → layers → a valid plan, or all errors with their positions |
//! | [`check`] | a plan → errors and warnings about values that do not fit each other |
//! | [`rules`] | measurements → a plan with reasons |
//! | [`edit`] | a plan → TOML; changes of a plan file that keep everything else |
//! | [`compare`] | plans → differences, stages to run again, digests, changed values |
//!
//! Deliberately absent: running a plan.

pub mod name;
pub mod schema;

pub mod check;
pub mod compare;
pub mod edit;
pub mod explain;
pub mod read;
pub mod rules;

#[cfg(test)]
pub mod testing;
