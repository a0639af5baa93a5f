//! Plans compared: with another plan, with the rules and the recipe, with their data set, and with themselves at an earlier time.

pub mod changed;
pub mod diff;
pub mod digest;
pub mod named;
pub mod overrides;
mod render;
pub mod show;
pub mod with_data;

pub use self::changed::{ChangedKey, changed_by_hand};
pub use self::diff::{Consequence, Cost, PlanDiff, compare};
pub use self::digest::{Change, StageDigests, changed_keys, first_stage_digest, stage_digests};
pub use self::named::{RESOLVED_PLAN, load_named};
pub use self::overrides::{Override, overrides};
pub use self::with_data::compare_with_data;
