//! segplan: nnU-Net (arXiv:1809.10486, 2018) as a declarative experiment framework.
//!
//! A data set is measured, the measurements become one editable plan (a TOML file), and the plan becomes a trained,
//! evaluated and reported segmentation model. The order of the modules below is the direction in which data flows, and
//! the dependency rule: a module may name only modules declared above it (`tests/architecture.rs` reads the sources).

pub mod random;
pub mod statistics;
pub mod units;
pub mod volume;

pub mod store;
pub mod kernels;
pub mod device;
pub mod dataset;
pub mod fingerprint;
pub mod plan;
pub mod run;
pub mod preprocess;
pub mod network;
pub mod train;
pub mod predict;
pub mod postprocess;
pub mod evaluate;
pub mod select;
pub mod report;
pub mod experiment;
pub mod nnunet;
pub mod cli;
