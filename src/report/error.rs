//! Why a report could not be written.

use thiserror::Error;

use crate::report::record::RecordError;
use crate::store::StoreError;
use crate::store::claim::ClaimError;
use crate::store::table::TableError;

/// A table, figure or report could not be written.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the messages describe the fields")]
pub enum ReportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error("cannot draw `{name}`: {reason}")]
    Drawing { name: String, reason: String },
}
