//! From measurements to a plan.

pub mod assemble;
pub mod baseline;
mod folds;
pub mod measured_numbers;
pub mod memory_limit;
pub mod notes;
pub mod patients;
pub mod planner;
pub mod published;
mod reasons;
pub mod settings;
pub mod unplannable;

pub use self::assemble::{Planned, assemble, normalization, plan_dataset};
pub use self::planner::Measured;
