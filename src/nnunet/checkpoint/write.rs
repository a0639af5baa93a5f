//! Writes a checkpoint that nnU-Net predicts with.

use std::path::Path;

use crate::nnunet::archive::{ArchiveError, ArchiveWriter};
use crate::nnunet::checkpoint::encode::pickle;
use crate::nnunet::checkpoint::error::CheckpointError;
use crate::nnunet::checkpoint::{Checkpoint, PICKLE};
use crate::store::write_atomic;

/// Folder of all entries. PyTorch accepts any.
const ROOT: &str = "archive";
/// Version of PyTorch's file format.
const VERSION: &[u8] = b"3\n";

impl Checkpoint {
    /// Writes a file that nnU-Net 2.8.1 loads for prediction, and as pretrained weights. Optimizer, log and
    /// epoch, which only resumed training needs, are absent.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, or the weights have more than 4 GiB.
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let bytes = self.to_bytes().map_err(|error| {
            let path = path.to_owned();
            CheckpointError::Unsupported { path, reason: error.to_string() }
        })?;
        Ok(write_atomic(path, &bytes)?)
    }

    /// The bytes of the file.
    ///
    /// # Errors
    ///
    /// When the weights have more than 4 GiB.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ArchiveError> {
        let mut archive = ArchiveWriter::new(Vec::new());
        archive.add(&format!("{ROOT}/{PICKLE}"), &pickle(self))?;
        archive.add(&format!("{ROOT}/byteorder"), b"little")?;
        for (storage, tensor) in self.weights.values().enumerate() {
            let bytes: Vec<u8> = tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect();
            archive.add(&format!("{ROOT}/data/{storage}"), &bytes)?;
        }
        archive.add(&format!("{ROOT}/version"), VERSION)?;
        archive.finish()
    }
}
