//! Checkpoints: a training can be interrupted after any step, and ends with the same weights as one that was not.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::network::weights;
use crate::run::folder::FoldFolder;
use crate::run::log;
use crate::store;
use crate::store::tensors::{self, TensorFile, TensorFileError};
use crate::train::error::TrainError;
use crate::train::job::Job;
use crate::train::loss_scale::LossScale;
use crate::train::optimizer::Optimizer;
use crate::train::progress::Progress;
use crate::train::state::{TrainState, initial_network};

/// Prefix of the network's tensors in a checkpoint.
const WEIGHTS: &str = "weights.";
/// Prefix of the optimiser's tensors in a checkpoint.
const OPTIMIZER: &str = "optimizer.";

/// The part of a checkpoint that is not tensors. The logs have files of their own.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    digest: String,
    /// Finished epochs.
    epochs: usize,
    /// Finished steps of the current epoch.
    step: usize,
    epoch_seconds: f64,
    loss_sum: f64,
    optimizer_steps: u64,
    progress: Progress,
    #[serde(default)]
    loss_scale: Option<LossScale>,
}

/// How far the training of a checkpoint has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CheckpointSummary {
    /// Digest of all keys of the plan that affect the weights.
    pub(crate) digest: String,
    /// Finished epochs.
    pub(crate) epochs: usize,
    /// Finished steps of the current epoch.
    pub(crate) step: usize,
}

/// Reads how far a checkpoint has come. Returns `None` if there is no readable checkpoint.
pub(crate) fn read_summary(folder: &FoldFolder) -> Option<CheckpointSummary> {
    let header: Header = TensorFile::peek(&folder.checkpoint()).ok()?.metadata().ok()?;
    Some(CheckpointSummary { digest: header.digest, epochs: header.epochs, step: header.step })
}

/// Resumes from the checkpoint of a job, or starts with random weights if there is none.
pub(super) fn start_or_resume(job: &Job<'_>, device: &Device) -> Result<TrainState, TrainError> {
    let state = TrainState::new(job, initial_network(job, device));
    if job.folder.checkpoint().is_file() { resume(job, state, device) } else { Ok(state) }
}

/// Replaces a new state by that of the checkpoint.
fn resume(job: &Job<'_>, new: TrainState, device: &Device) -> Result<TrainState, TrainError> {
    let path = job.folder.checkpoint();
    let damaged = |error| match error {
        TensorFileError::Damaged { .. } => TrainError::Checkpoint(error),
        TensorFileError::Io { .. } => TrainError::Tensors(error),
    };
    let file = TensorFile::open(&path).map_err(damaged)?;
    let header: Header = file.metadata().map_err(damaged)?;
    if header.digest != job.digest {
        return Err(TrainError::OtherPlan { path: path.display().to_string() });
    }
    tracing::info!(path = %path.display(), epochs = header.epochs, step = header.step, "resuming from a checkpoint");
    let network = weights::from_host(new.network, weights::read(WEIGHTS, &file)?, &path)?;
    let tensors = weights::read(OPTIMIZER, &file)?;
    let settings = &job.plan().train.optimizer;
    let optimizer = Optimizer::from_host(settings, header.optimizer_steps, tensors, device, &path)?;
    // The logs are written before the checkpoint; rows beyond it belong to steps that will be repeated.
    let mut epochs = log::read_epochs(&job.folder.epochs())?;
    epochs.truncate(header.epochs);
    let mut steps = log::read_steps(&job.folder.steps())?;
    // Rows are counted from 1; the header counts what is finished.
    steps.retain(|row| (row.epoch, row.step) <= (header.epochs + 1, header.step));
    Ok(TrainState {
        network,
        optimizer,
        loss_scale: header.loss_scale,
        progress: header.progress,
        epochs,
        steps,
        step: header.step,
        loss_sum: header.loss_sum,
        epoch_seconds: header.epoch_seconds,
    })
}

/// Writes the logs and the checkpoint.
pub(super) fn save(job: &Job<'_>, state: &TrainState) -> Result<(), TrainError> {
    log::write_epochs(&job.folder.epochs(), &state.epochs, &job.plan().data.labels)?;
    log::write_steps(&job.folder.steps(), &state.steps)?;
    let header = Header {
        digest: job.digest.to_owned(),
        epochs: state.epochs.len(),
        step: state.step,
        epoch_seconds: state.epoch_seconds,
        loss_sum: state.loss_sum,
        optimizer_steps: state.optimizer.steps(),
        progress: state.progress.clone(),
        loss_scale: state.loss_scale.clone(),
    };
    let (network, moments) = (weights::to_host(&state.network), state.optimizer.to_host());
    let all: BTreeMap<_, _> =
        weights::with_prefix(WEIGHTS, &network).chain(weights::with_prefix(OPTIMIZER, &moments)).collect();
    Ok(tensors::write(&job.folder.checkpoint(), &all, &header)?)
}

/// Writes the final weights and removes the checkpoint, which is four to five times as large.
pub(super) fn finish(job: &Job<'_>, state: &TrainState) -> Result<(), TrainError> {
    weights::save(&state.network.valid(), &job.folder.weights())?;
    Ok(store::remove_if_present(&job.folder.checkpoint())?)
}
