//! A run folder as a report reads it: plan, manifest, fingerprint, splits, epoch logs, scores and selection.
//!
//! Input: a run folder, which is only read. Output: a `RunRecord`. Deliberately absent: any number computed from the scores.

mod ensembles;
pub mod error;
mod read;
mod run_record;

pub use self::error::RecordError;
pub(crate) use self::read::read_run;
pub(crate) use self::run_record::{ModelFold, NetworkRecord, RunRecord};
