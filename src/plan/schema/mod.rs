//! The keys of a plan, a file per table: Rust type, default, range, unit, meaning, source, and the stage that the key decides on.
//!
//! Everything else about a key follows from its declaration: the recipe's defaults ([`recipe`]), the comments of a plan
//! ([`words`]), the JSON Schema ([`json_schema`]), the structure and range checks (`plan/read/structure.rs`), `segplan explain`, and
//! the digests of the stages (`plan/compare/digest.rs`). To add a key, declare it in the file of its table and read it where it is
//! used.

mod declare;
pub mod key;
mod key_type;
pub mod range;
pub mod stage;
pub mod words;

pub mod augment;
pub mod configuration;
pub mod data;
pub mod evaluate;
pub mod loss;
pub mod network;
pub mod optimizer;
pub mod plan;
pub mod postprocess;
pub mod predict;
pub mod preprocess;
pub mod rules;
pub mod run_selection;
pub mod runtime;
pub mod schedule;
pub mod split;
pub mod stopping;
pub mod train;

pub mod json_schema;
pub mod lookup;
pub mod recipe;

pub use self::augment::*;
pub use self::configuration::*;
pub use self::data::*;
pub use self::evaluate::*;
pub use self::key::{DecidedBy, Key, Kind};
pub use self::loss::*;
pub use self::network::*;
pub use self::optimizer::*;
pub use self::plan::*;
pub use self::postprocess::*;
pub use self::predict::*;
pub use self::preprocess::*;
pub use self::rules::*;
pub use self::run_selection::*;
pub use self::runtime::*;
pub use self::schedule::*;
pub use self::split::*;
pub use self::stage::Stage;
pub use self::stopping::*;
pub use self::train::*;

#[cfg(test)]
mod tests;
