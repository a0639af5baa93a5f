//! Why a plan of nnU-Net v2 cannot be imported.

use thiserror::Error;

/// Files that are not those of nnU-Net v2, or that no plan can represent.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ImportError {
    /// An entry is missing or has the wrong type.
    #[error("`{entry}` is not {expected}")]
    Entry {
        /// The entry.
        entry: String,
        /// The expected type.
        expected: &'static str,
    },
    /// Labels or regions that segplan lacks.
    #[error("{0}")]
    Labels(String),
    /// No configuration can be represented.
    #[error("no configuration can be imported: {}", unsupported.join("; "))]
    Nothing {
        /// The reason, for each of them.
        unsupported: Vec<String>,
    },
}
