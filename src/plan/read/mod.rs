//! From TOML files, environment and command line to a valid plan.

pub mod diagnostic;
mod example;
pub mod layer;
pub mod layers;
pub mod load;
pub mod loaded;
mod messages;
mod part;
mod resolve;
pub(in crate::plan) mod structure;
mod sweep;
mod variables;

pub use self::diagnostic::{Diagnostic, PlanError};
pub use self::layer::Source;
pub use self::layers::Layers;
pub use self::load::{load, load_from, load_resolved, load_text, read_file};
pub use self::loaded::LoadedPlan;
pub(in crate::plan) use self::messages::nearest;
