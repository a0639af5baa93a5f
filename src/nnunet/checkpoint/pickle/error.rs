//! Why a pickle cannot be read.

use thiserror::Error;

/// A pickle that is damaged, or that is not of the kind that PyTorch writes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("at byte {at}: {reason}")]
pub(in crate::nnunet::checkpoint) struct PickleError {
    /// Position of the instruction.
    pub(super) at: usize,
    pub(super) reason: String,
}
