//! Running a plan: the list of work, the state of each piece, the runner, and one stage per kind of work.
//!
//! Input: a plan. Output: its run folder, filled. Each result carries the digest of the plan and the data that decide it, so that a
//! run can be killed at any instant and started again. Not in this room: the terminal.

mod digests;
mod edited_split;
mod error;
mod estimate;
mod failures;
mod forecast;
mod inspect;
mod lock;
pub mod machine;
mod opening;
mod options;
mod other_plan;
pub mod preflight;
mod record;
mod runner;
pub mod splits;
mod stages;
mod state;
mod status;
mod summary;
mod work;

pub use self::edited_split::EditedSplit;
pub use self::error::ExperimentError;
pub use self::estimate::Estimate;
pub use self::failures::Failures;
pub use self::options::{Options, Stage};
pub use self::runner::{Outcome, run};
pub use self::state::State;
pub use self::status::{Entry, Status};
pub use self::summary::Summary;
pub use self::work::{Members, Piece, Work};
