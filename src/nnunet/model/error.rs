//! Why a trained model cannot be imported or exported.

use std::path::PathBuf;

use thiserror::Error;

use crate::device::DeviceError;
use crate::network::weights::WeightsError;
use crate::nnunet::archive::ArchiveError;
use crate::nnunet::checkpoint::CheckpointError;
use crate::nnunet::import::ImportError;
use crate::plan::read::PlanError;
use crate::run::RunFileError;
use crate::store::StoreError;
use crate::store::tensors::TensorFileError;

/// A trained model that cannot be imported or exported.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the message of each variant describes its fields")]
pub enum ModelError {
    /// The path leads to no model.
    #[error(
        "`{}` has no trained model of nnU-Net v2; expected a folder such as nnUNetTrainer__nnUNetPlans__3d_fullres, with plans.json, \
         dataset.json and fold_0, a folder of such folders, or a zip file of nnUNetv2_export_model_to_zip",
        .0.display()
    )]
    NoModel(PathBuf),
    /// A file of the model is missing or damaged.
    #[error("`{}` {reason}", path.display())]
    File { path: PathBuf, reason: String },
    /// No network of the model can be imported.
    #[error("`{}`: {reason}", path.display())]
    Unsupported { path: PathBuf, reason: String },
    /// Networks that predict differently in segplan.
    #[error("`{}` cannot be imported, because predictions would differ:\n  {}", path.display(), reasons.join("\n  "))]
    Inexact { path: PathBuf, reasons: Vec<String> },
    /// A checkpoint that does not belong to the plans beside it.
    #[error("`{}` does not fit its plans.json: {reason}", path.display())]
    Tensors { path: PathBuf, reason: String },
    #[error("`{}`: {source}", path.display())]
    Plans { path: PathBuf, source: ImportError },
    #[error("`{}` is a damaged archive: {source}", path.display())]
    Archive { path: PathBuf, source: ArchiveError },
    /// The run exists.
    #[error("`{}` exists; choose another folder, or delete this one", .0.display())]
    Exists(PathBuf),
    /// A run that nnU-Net cannot represent.
    #[error("`{}` cannot be exported to nnU-Net v2:\n  {}", path.display(), reasons.join("\n  "))]
    NotExpressible { path: PathBuf, reasons: Vec<String> },
    #[error(transparent)]
    Plan(Box<PlanError>),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    RunFile(#[from] RunFileError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    TensorFile(#[from] TensorFileError),
}
