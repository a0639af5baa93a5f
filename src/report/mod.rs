//! What a run looks like: plots of its training, pictures of its predictions.
//!
//! Input: logs, scores, images. Output: SVG and PNG files. Deliberately absent: anything that changes a result.

pub mod curves;
pub mod montage;
mod style;

use thiserror::Error;

use crate::store::StoreError;

/// A picture could not be drawn or written.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The file could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The drawing library failed.
    #[error("cannot draw `{name}`: {reason}")]
    Drawing {
        /// What was drawn.
        name: String,
        /// Why it failed.
        reason: String,
    },
}
