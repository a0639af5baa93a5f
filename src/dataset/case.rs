//! Cases.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Case identifier: the file name of its image without ending and channel number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CaseId(pub String);

impl fmt::Display for CaseId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0)
    }
}

impl AsRef<str> for CaseId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// One case: its image files, and its label map if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its identifier.
    pub id: CaseId,
    /// One 3D or 4D file, or one 3D file per channel, in channel order.
    pub images: Vec<PathBuf>,
    /// The reference label map; `None` for test cases.
    pub labels: Option<PathBuf>,
}
