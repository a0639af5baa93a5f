//! Data sets on disk: Decathlon and nnU-Net v2 raw folders, their integrity, and the built-in phantom.
//!
//! Input: a folder. Output: a [`Dataset`], or every fault that it has. Deliberately absent: measurements of the images
//! (`fingerprint`) and anything that a plan decides.

mod error;
mod description;
mod exclude;
mod scan;
pub mod gate;
mod verify;
pub mod budget;
pub mod contents;
pub mod images;
pub mod phantom;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use description::FILE as DESCRIPTION;
pub use error::DatasetError;
pub use exclude::UnknownCase;
pub use scan::{declared_labels, scan};
pub use verify::verify;

/// Name of a case: the file stem of its image.
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

/// One case: its image files, and its label map where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Name of the case.
    pub id: CaseId,
    /// One 3D or 4D file, or one 3D file a channel, in channel order.
    pub images: Vec<PathBuf>,
    /// The reference label map; absent for test cases.
    pub labels: Option<PathBuf>,
}

/// A data set: what its channels and labels mean, and which files belong to which case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Folder name, such as `Task04_Hippocampus`.
    pub name: String,
    /// The folder itself.
    pub folder: PathBuf,
    /// Modality of each channel.
    pub channels: Vec<String>,
    /// Foreground classes by label value; background is 0 and not listed.
    pub labels: BTreeMap<u8, String>,
    /// Training cases, sorted by name.
    pub training: Vec<Case>,
    /// Test cases, sorted by name.
    pub test: Vec<Case>,
    /// What is worth a look and no fault: files that belong to no case, a number of cases that is not the declared one.
    pub notes: Vec<String>,
}
