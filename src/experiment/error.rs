//! Why a run failed.

use thiserror::Error;

use crate::dataset::CaseId;
use crate::dataset::gate::Issues;
use crate::device::DeviceError;
use crate::experiment::edited_split::EditedSplit;
use crate::experiment::splits::SplitError;
use crate::fingerprint::FingerprintError;
use crate::network::weights::WeightsError;
use crate::plan::read::PlanError;
use crate::predict::PredictError;
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
#[expect(missing_docs, reason = "most variants pass on the error of another room")]
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
    Image { case: CaseId, source: ImageFileError },
    #[error("case `{case}`: {source}")]
    Predict { case: CaseId, source: PredictError },
    #[error(transparent)]
    Contents(#[from] ContentsError),
    #[error("case `{0}` has no reference labels; it cannot be scored")]
    Unlabelled(CaseId),
    #[error("case `{case}` is not in data set `{dataset}`; `splits_final.json` belongs to another data set")]
    UnknownCase { case: CaseId, dataset: String },
    #[error(transparent)]
    UnknownConfiguration(#[from] UnknownConfiguration),
    #[error("fold {fold} is not among the {folds} folds of `split.folds`, counted from 0")]
    UnknownFold { fold: usize, folds: usize },
    #[error(
        "the plan has changed since the results in `{folder}`. These keys differ:\n{differences}\nThe old results are kept. To run \
         the changed plan under a new name, reusing what is unchanged:"
    )]
    OtherPlan { folder: String, differences: String, command: String },
    #[error(transparent)]
    EditedSplit(#[from] EditedSplit),
    #[error(
        "{network}: `{case}` was predicted by fold {fold} of the first stage, which contradicts the folds in `splits_final.json`: \
         restore that file, or train with other folds under another name, `--set name=NAME`"
    )]
    FirstStageSplit { case: CaseId, network: NetworkId, fold: usize },
    #[error("another process is running `{0}`; wait until it ends, or stop it")]
    Locked(String),
}

impl ExperimentError {
    /// Whether a prediction was stopped by a signal.
    pub(super) fn is_stop(&self) -> bool {
        matches!(self, Self::Predict { source: PredictError::Interrupted, .. })
    }
}
