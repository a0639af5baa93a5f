//! Checkpoints of nnU-Net v2: zip archives of a pickle and the storages of its tensors, read and written without PyTorch.
//!
//! Input and output: a [`Checkpoint`], the part that prediction needs. Reading is safe for files of strangers: nothing is executed, no
//! size in the file is believed, and the memory is bounded by [`MEMORY_FACTOR`]. Not read: the state of the optimizer, the log, and the
//! plans, which the model's folder has as JSON.
//!
//! Differs from the crates that read checkpoints: values of a pickle are shared, not copied. `pytorch-reader` 0.22.1 copies them up to
//! a limit, which a training of 4000 epochs and 117 classes exceeds, and which lets 3 KB occupy 70 MB.
//!
//! Source: `nnUNetTrainer.save_checkpoint` of `nnunetv2` 2.8.1; `torch/serialization.py` and `caffe2/serialize/inline_container.cc`
//! of PyTorch 2.8.

mod aliases;
mod element;
mod encode;
mod error;
mod pickle;
mod read;
mod storages;
mod view;
mod write;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::network::weights::HostTensor;

pub use self::error::CheckpointError;

/// Upper bound of the memory that reading uses at once, per byte of the file.
pub const MEMORY_FACTOR: usize = 64;

/// The entry with everything but the elements of tensors.
const PICKLE: &str = "data.pkl";

/// The parts of a checkpoint that prediction needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Parameters of the network, by nnU-Net's names: one name per tensor, without prefixes of wrappers.
    pub weights: BTreeMap<String, HostTensor>,
    /// Class that trained it, such as `nnUNetTrainer`.
    pub trainer: String,
    /// Configuration, such as `3d_fullres`.
    pub configuration: String,
    /// Fold that it was not trained on, or `all`.
    pub fold: String,
    /// Axes along which predictions may be mirrored, in the order of the patch; `None` if there are none.
    pub mirror_axes: Option<Vec<usize>>,
}
