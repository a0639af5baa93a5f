//! Why a run failed, and the exit code of the program for that.

use thiserror::Error;

use crate::dataset::CaseId;
use crate::dataset::gate::Issues;
use crate::device::DeviceError;
use crate::experiment::splits::SplitError;
use crate::experiment::trained_split::EditedSplit;
use crate::fingerprint::FingerprintError;
use crate::network::weights::WeightsError;
use crate::plan::read::PlanError;
use crate::predict::memory::PredictError;
use crate::preprocess::cache::PreprocessError;
use crate::run::NetworkId;
use crate::run::contents::ContentsError;
use crate::run::dataset::DataError;
use crate::run::{RunFileError, UnknownConfiguration};
use crate::store::StoreError;
use crate::store::table::TableError;
use crate::train::TrainError;
use crate::volume::io::ImageFileError;

/// A run failed.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each variant passes on one room's error, whose text says it all")]
pub enum ExperimentError {
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Fingerprint(#[from] FingerprintError),
    #[error(transparent)]
    Preprocess(#[from] PreprocessError),
    #[error(transparent)]
    Split(#[from] SplitError),
    #[error(transparent)]
    RunFile(#[from] RunFileError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Issues(#[from] Issues),
    #[error("case `{case}`: {source}")]
    Nifti { case: CaseId, source: ImageFileError },
    #[error("case `{case}`: {source}")]
    Predict { case: CaseId, source: PredictError },
    #[error(transparent)]
    Contents(#[from] ContentsError),
    #[error("case `{0}` has no reference labels; it cannot be scored")]
    Unlabelled(CaseId),
    #[error("case `{case}` is not in data set `{dataset}`; `splits_final.json` is of another one")]
    UnknownCase { case: CaseId, dataset: String },
    #[error(transparent)]
    UnknownConfiguration(#[from] UnknownConfiguration),
    #[error("fold {fold} is not among the {folds} folds of `split.folds`, counted from 0")]
    UnknownFold { fold: usize, folds: usize },
    #[error(
        "`{folder}` holds results of another plan. These keys differ:\n{differences}\nThese results stay as they are. Beside them, \
         under a name of its own, the changed plan uses what has not changed and makes the rest by this command"
    )]
    OtherPlan { folder: String, differences: String, command: String },
    #[error(transparent)]
    EditedSplit(#[from] EditedSplit),
    #[error(
        "{network}: the first stage's network of fold {fold} predicted `{case}`, which does not go with the folds of \
         `splits_final.json`: put that file back as it was, or train with other folds under another name, `--set name=NAME`"
    )]
    FirstStageSplit { case: CaseId, network: NetworkId, fold: usize },
    #[error("another process is running `{0}`; wait for it, or stop it")]
    Locked(String),
}

impl ExperimentError {
    /// Whether a prediction was stopped because it was asked to.
    pub(super) fn is_stop(&self) -> bool {
        matches!(self, Self::Predict { source: PredictError::Stopped, .. })
    }
}
