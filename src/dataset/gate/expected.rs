//! The requirements on the files of a case.

use std::collections::BTreeMap;

use crate::dataset::definition::Dataset;

/// The requirements on the files of a case.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Channels of its image.
    pub channels: usize,
    /// Declared foreground labels; background is 0.
    pub labels: &'a BTreeMap<u8, String>,
    /// Maximum memory of the voxels of a case, bytes.
    pub memory_bytes: u64,
}

impl<'a> Expected<'a> {
    /// What `dataset.json` declares.
    pub fn of(dataset: &'a Dataset, memory_bytes: u64) -> Self {
        Self { channels: dataset.channels.len(), labels: &dataset.labels, memory_bytes }
    }
}
