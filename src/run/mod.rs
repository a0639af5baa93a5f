//! A run: the files of its folder `runs/<name>/`, the data set that it uses, and the interface through which it reports progress.
//!
//! Every on-disk type of a run is declared here, once; `train`, `experiment` and `report` share them. Not in this room:
//! deciding what a run does (`experiment`), or computing anything from its files (`report`).

pub mod contents;
pub mod dataset;
pub mod filter;
pub mod fingerprint;
pub mod folder;
mod json;
pub mod listener;
pub mod log;
pub mod manifest;
mod network;
pub mod postprocessing;
pub mod split;
pub mod state;
mod stop;
mod watch;

pub use self::filter::Filter;
pub use self::json::{RunFileError, read_json};
pub use self::listener::{Listener, Listeners};
pub use self::network::{NetworkId, UnknownConfiguration};
pub use self::split::Split;
pub use self::state::NetworkState;
pub use self::stop::StopReason;
pub use self::watch::Watch;
