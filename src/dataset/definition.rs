//! A data set: its channels, classes and cases.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::dataset::case::Case;

/// A data set: the meaning of its channels and labels, and the files of each case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Folder name, such as `Task04_Hippocampus`.
    pub name: String,
    /// The folder.
    pub folder: PathBuf,
    /// Modality of each channel.
    pub channels: Vec<String>,
    /// Foreground classes by label value; background is 0 and not listed.
    pub labels: BTreeMap<u8, String>,
    /// Training cases, sorted by identifier.
    pub training: Vec<Case>,
    /// Test cases, sorted by identifier.
    pub test: Vec<Case>,
    /// Remarks that are no errors: files that belong to no case, a declared number of cases that differs.
    pub notes: Vec<String>,
}
