//! What a run looks like: plots of its training, pictures of its predictions, and the report that a paper takes.
//!
//! Input: logs, scores, images; for a report, finished run folders. Output: SVG and PNG files, tables, a page.
//! Deliberately absent: anything that changes a result.

mod chart;
pub mod curves;
pub mod live;
pub mod montage;
pub mod augmentation;
mod style;

pub mod scores;
pub mod record;
pub mod ensembles;
mod gaps;
pub mod numbers;
pub mod summary;
mod wilcoxon;
pub mod comparison;
pub mod candidates;
pub mod confusion;
pub mod tables;
pub mod latex;
pub mod figures;
mod outline;
mod sheet;
pub mod cases;
pub mod methods;
pub mod page;
pub mod claim;
pub mod markdown;
pub mod side_by_side;
pub mod write;
#[cfg(test)]
mod testing;

use thiserror::Error;

use crate::report::record::RecordError;
use crate::store::StoreError;
use crate::store::claim::ClaimError;
use crate::store::table::TableError;

/// A picture could not be drawn or written.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The file could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A run could not be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A table could not be written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The files may not be written.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The drawing library failed.
    #[error("cannot draw `{name}`: {reason}")]
    Drawing {
        /// What was drawn.
        name: String,
        /// Why it failed.
        reason: String,
    },
}
