//! The files of a run folder, `runs/<name>/`: where each one is, what it holds, and how it is read and written.
//!
//! Every on-disk type of a run is declared here, once; `train`, `experiment` and `report` share them. Not in this room:
//! deciding what a run does (`experiment`), or computing anything from its files (`report`).

pub mod filter;
pub mod fingerprint;
pub mod folder;
mod json;
pub mod log;
pub mod manifest;
mod network;
pub mod split;
pub mod state;
mod stop;

pub use self::filter::Filter;
pub use self::json::{RunFileError, read_json};
pub use self::network::NetworkId;
pub use self::split::Split;
pub use self::state::NetworkState;
pub use self::stop::StopReason;
