//! Why a run failed, and the exit code of the program for that.

use thiserror::Error;

use crate::dataset::CaseId;
use crate::dataset::gate::Faults;
use crate::device::DeviceError;
use crate::experiment::data::DataError;
use crate::experiment::splits::SplitError;
use crate::experiment::trained_split::EditedSplit;
use crate::fingerprint::FingerprintError;
use crate::network::weights::WeightsError;
use crate::plan::read::PlanError;
use crate::plan::schema::{ConfigurationName, Plan};
use crate::predict::memory::PredictError;
use crate::preprocess::cache::PreprocessError;
use crate::report::error::ReportError;
use crate::run::NetworkId;
use crate::run::RunFileError;
use crate::store::StoreError;
use crate::store::claim::ClaimError;
use crate::store::table::TableError;
use crate::train::TrainError;
use crate::volume::nifti::NiftiError;

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
    State(#[from] RunFileError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error(transparent)]
    Faults(#[from] Faults),
    #[error("case `{case}`: {source}")]
    Nifti { case: CaseId, source: NiftiError },
    #[error("case `{case}`: {source}")]
    Predict { case: CaseId, source: PredictError },
    #[error("{0}; `segplan verify` lists every fault of the data set")]
    MissingFile(StoreError),
    #[error("case `{0}` has no reference labels; it cannot be scored")]
    Unlabelled(CaseId),
    #[error("case `{case}` is not in data set `{dataset}`; `splits_final.json` is of another one")]
    UnknownCase { case: CaseId, dataset: String },
    #[error("data set `{dataset}` has no training case `{case}`{first}")]
    NoSuchCase { case: String, dataset: String, first: String },
    #[error("configuration `{name}` is not in the plan; it has {known}")]
    UnknownConfiguration { name: ConfigurationName, known: String },
    #[error("fold {fold} is not among the {folds} folds of `split.folds`, counted from 0")]
    UnknownFold { fold: usize, folds: usize },
    #[error(
        "`{folder}` holds results of another plan. These keys differ:\n{differences}\nThese results stay as they are. Beside them, \
         under a name of its own, the changed plan uses what has not changed and makes the rest by this command"
    )]
    OtherPlan { folder: String, differences: String, command: String },
    #[error(transparent)]
    Claim(#[from] ClaimError),
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
    pub(super) fn unknown_configuration(plan: &Plan, name: ConfigurationName) -> Self {
        let known: Vec<String> = plan.configurations.keys().map(|name| format!("`{name}`")).collect();
        Self::UnknownConfiguration { name, known: known.join(", ") }
    }

    /// Whether a prediction was stopped because it was asked to.
    pub(super) fn is_stop(&self) -> bool {
        matches!(self, Self::Predict { source: PredictError::Stopped, .. })
    }

    /// Exit code of the program: 2 wrong input, 3 damaged data, 1 otherwise.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Plan(_)
            | Self::Data(_)
            | Self::Device(_)
            | Self::NoSuchCase { .. }
            | Self::UnknownConfiguration { .. }
            | Self::UnknownFold { .. }
            | Self::OtherPlan { .. }
            | Self::Claim(
                ClaimError::Exists(_)
                | ClaimError::Folder(_)
                | ClaimError::Input(_)
                | ClaimError::Dataset { .. }
                | ClaimError::Run { .. }
                | ClaimError::Mixed(_)
                | ClaimError::Twice(_),
            )
            | Self::EditedSplit(_)
            | Self::FirstStageSplit { .. }
            | Self::Split(_) => 2,
            Self::Fingerprint(_)
            | Self::Preprocess(_)
            | Self::State(_)
            | Self::Nifti { .. }
            | Self::Faults(_)
            | Self::MissingFile(_)
            | Self::Unlabelled(_)
            | Self::UnknownCase { .. }
            | Self::Train(TrainError::Checkpoint(_) | TrainError::Weights(WeightsError::Damaged { .. }))
            | Self::Weights(_) => 3,
            Self::Predict { .. }
            | Self::Store(_)
            | Self::Claim(ClaimError::Store(_))
            | Self::Train(_)
            | Self::Table(_)
            | Self::Report(_)
            | Self::Locked(_) => 1,
        }
    }
}
