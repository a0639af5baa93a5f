//! The gate: the only code that reads images and label maps, and that checks them while it reads.
//!
//! Input: the files of a case, and what they must contain. Output: voxels that every later stage can rely on, or all
//! issues of the case. `verify`, `plan`, `run`, `predict`, `evaluate`, `augment`, `bench` and `report` read through it;
//! there is no second, weaker path (`tests/architecture.rs` checks the sources).
//!
//! The checks, in order: the header against the length of the file (`volume::io`) and against the memory
//! limit, both before anything is allocated; then the voxels (finite intensities, integer and declared labels), the
//! number of channels, and that all files of the case lie on one grid. Every issue names the case, the file and the
//! remedy, and all issues of a case are reported at once.
//!
//! Differs: nnU-Net commit 6150f1b0 replaces labels below -1 by background. Here every undeclared label is an issue,
//! because a changed reference would go unnoticed.

mod expected;
mod grids;
mod issue;
mod missing;
mod read;
mod reading;

pub use self::expected::Expected;
pub use self::grids::compare_grids;
pub use self::issue::{Issue, IssueKind, Issues};
pub use self::read::{check, count_labels, read_case, read_classes, read_image, read_labels, stream_image};
