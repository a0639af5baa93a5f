//! The task of training one network, and how it can end.

use burn::tensor::Device;

use crate::plan::schema::{Configuration, ConfigurationName, Plan};
use crate::preprocess::cache::PreparedCase;
use crate::run::StopReason;
use crate::run::folder::FoldFolder;
use crate::run::log::EpochRow;

/// One network to train: a configuration, a fold and a seed.
#[derive(Debug)]
pub struct Job<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Name of the configuration.
    pub name: ConfigurationName,
    /// The configuration.
    pub configuration: &'a Configuration,
    /// Fold that the network is validated on, counted from 0.
    pub fold: usize,
    /// Seed of weights, sampling and augmentation.
    pub seed: u64,
    /// Training cases.
    pub training: &'a [PreparedCase],
    /// Validation cases. They decide only when training stops.
    pub validation: &'a [PreparedCase],
    /// Folder of the results.
    pub folder: &'a FoldFolder,
    /// Digest of all keys of the plan that affect the weights; a checkpoint with another digest is refused.
    pub digest: &'a str,
    /// Device without autodiff.
    pub device: &'a Device,
    /// Number of threads that prepare batches.
    pub workers: usize,
}

/// How training ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The stopping rule fired; the weights are written.
    Finished(StopReason),
    /// A signal interrupted it; a checkpoint is written.
    Interrupted,
}

/// Receives the progress of training.
pub trait Observer {
    /// The device starts to tune its kernels, which can take minutes.
    fn tuning(&mut self, job: &Job<'_>);
    /// Kernel tuning has ended; its time does not count as training time.
    fn tuned(&mut self, job: &Job<'_>, seconds: f64);
    /// A training step is done. `epoch` and `step` are counted from 0.
    fn step(&mut self, job: &Job<'_>, epoch: usize, step: usize, loss: f64);
    /// An epoch is done; `rows` holds all epochs so far.
    fn epoch(&mut self, job: &Job<'_>, rows: &[EpochRow], stop: Option<StopReason>);
}
