//! Errors of prediction.

use thiserror::Error;

use crate::device::DeviceFailure;
use crate::network::PlannedNetwork;
use crate::plan::schema::ConfigurationName;
use crate::preprocess::footprint::TooLarge;
use crate::store::StoreError;
use crate::units::to_gib;
use crate::volume::Shape;
use crate::volume::io::ImageFileError;

/// An image could not be predicted.
#[allow(missing_docs, reason = "the message of each variant explains its fields")]
#[derive(Debug, Error)]
pub enum PredictError {
    #[error(
        "its images and probabilities need {:.2} GiB of memory, and the limit is {:.2} GiB; raise `runtime.memory_gib`, or \
         `--memory-gib` of `segplan predict`, to {}",
        to_gib(*needed as u64), to_gib(*limit as u64), to_gib(*needed as u64).ceil()
    )]
    TooLarge { needed: usize, limit: usize },
    /// Preprocessing needs more memory than the limit.
    #[error(transparent)]
    Prepare(#[from] TooLarge),
    #[error("prediction was interrupted before its last tile")]
    Interrupted,
    #[error(
        "the device is out of memory ({reason}) while predicting with `{configuration}` (patch {patch}, batch {batch}), which needs \
         less than the {gib:.1} GiB estimated for training; close other programs that use the device, or choose another one with \
         `--device`"
    )]
    OutOfMemory { reason: String, configuration: ConfigurationName, patch: Shape, batch: usize, gib: f64 },
    #[error(transparent)]
    Device(DeviceFailure),
    /// Probabilities could not be spilled to disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Probabilities could not be written for the user.
    #[error(transparent)]
    Image(#[from] ImageFileError),
}

impl PredictError {
    /// Converts a device failure.
    pub(super) fn of_device(failure: DeviceFailure, network: PlannedNetwork<'_>) -> Self {
        match failure {
            DeviceFailure::Other(_) => Self::Device(failure),
            DeviceFailure::OutOfMemory(reason) => {
                let (configuration, gib) = (network.name(), to_gib(network.training_bytes()));
                let (patch, batch) = (network.configuration().patch_size, network.configuration().batch_size);
                Self::OutOfMemory { reason, configuration, patch, batch, gib }
            }
        }
    }
}
