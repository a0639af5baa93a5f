//! Why new images could not be segmented.

use thiserror::Error;

use crate::dataset::images::ImagesError;
use crate::device::DeviceError;
use crate::network::weights::WeightsError;
use crate::plan::read::PlanError;
use crate::run::RunFileError;
use crate::store::StoreError;
use crate::store::claim::ClaimError;
use crate::store::table::TableError;

/// New images could not be segmented.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "most variants pass on the error of another room")]
pub enum SegmentError {
    #[error(transparent)]
    Plan(Box<PlanError>),
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Images(#[from] ImagesError),
    #[error(transparent)]
    RunFile(#[from] RunFileError),
    #[error(transparent)]
    Score(#[from] TableError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error("`{0}` is no run folder: it has no `plan.toml`; make one with `segplan run PLAN`")]
    NoRun(String),
    #[error("`{run}` has no trained network{of}; train one with `segplan run`")]
    Untrained { run: String, of: String },
    #[error("some images could not be segmented; the others are done:\n  {}", .0.join("\n  "))]
    Cases(Vec<String>),
}
