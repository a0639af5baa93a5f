//! The task of training one network, and how it can end.

use burn::tensor::Device;

use crate::network::PlannedNetwork;
use crate::plan::schema::{Configuration, Plan};
use crate::preprocess::cache::PreparedCase;
use crate::run::folder::FoldFolder;
use crate::run::{NetworkId, StopReason};

/// One network to train: a configuration of a plan, a fold and a seed.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    /// The configuration and its plan.
    pub(crate) network: PlannedNetwork<'a>,
    /// Fold that the network is validated on, counted from 0.
    pub(crate) fold: usize,
    /// Seed of weights, sampling and augmentation.
    pub(crate) seed: u64,
    /// Training cases.
    pub(crate) training: &'a [PreparedCase],
    /// Validation cases. They decide only when training stops.
    pub(crate) validation: &'a [PreparedCase],
    /// Folder of the results.
    pub(crate) folder: &'a FoldFolder,
    /// Digest of all keys of the plan that affect the weights; a checkpoint with another digest is refused.
    pub(crate) digest: &'a str,
    /// Device without autodiff.
    pub(crate) device: &'a Device,
    /// Number of threads that prepare batches.
    pub(crate) workers: usize,
}

impl<'a> Job<'a> {
    pub(super) fn plan(&self) -> &'a Plan {
        self.network.plan()
    }

    pub(super) fn configuration(&self) -> &'a Configuration {
        self.network.configuration()
    }

    /// The network in the run.
    pub(crate) fn id(&self) -> NetworkId {
        NetworkId { configuration: self.network.name(), seed: self.seed, fold: self.fold }
    }
}

/// How training ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The stopping rule fired; the weights are written.
    Finished(StopReason),
    /// A signal interrupted it; a checkpoint is written.
    Interrupted,
}
