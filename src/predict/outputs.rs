//! Outputs of the networks for one image, in memory or spilled to disk: probabilities or logits, whichever `predict.average` names.

use std::path::Path;

use ndarray::{Array3, Array4, ArrayView3, Axis, CowArray, Ix3};

use crate::store::StoreError;
use crate::store::scratch::Scratch;

/// Where outputs are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In memory.
    Memory,
    /// In a scratch file.
    Disk,
}

/// Outputs for a whole image, `[channel, z, y, x]`, written slice by slice and read channel by channel. A channel is a class or a
/// region.
#[derive(Debug)]
pub enum Outputs {
    /// In memory.
    Memory(Array4<f32>),
    /// In a scratch file.
    Disk {
        /// The file.
        scratch: Scratch,
        /// Channels and voxels of the image, `[channel, z, y, x]`.
        shape: [usize; 4],
    },
}

impl Outputs {
    /// Room for outputs of this shape, `[channel, z, y, x]`; `scratch` is the folder of scratch files.
    pub(super) fn new(shape: [usize; 4], storage: Storage, scratch: &Path) -> Result<Self, StoreError> {
        match storage {
            Storage::Memory => Ok(Self::Memory(Array4::zeros(shape))),
            Storage::Disk => Ok(Self::Disk { scratch: Scratch::new(scratch)?, shape }),
        }
    }

    /// Stores a slice, `[channel, y, x]`.
    pub(super) fn set(&mut self, z: usize, slice: ArrayView3<'_, f32>) -> Result<(), StoreError> {
        match self {
            Self::Memory(all) => all.index_axis_mut(Axis(1), z).assign(&slice),
            Self::Disk { scratch, shape: [_, depth, height, width] } => {
                for (channel, values) in slice.outer_iter().enumerate() {
                    let values = values.as_standard_layout();
                    let values = values.as_slice().expect("brought into standard layout");
                    scratch.write((channel * *depth + z) * *height * *width, values)?;
                }
            }
        }
        Ok(())
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        match self {
            Self::Memory(all) => all.len_of(Axis(0)),
            Self::Disk { shape, .. } => shape[0],
        }
    }

    /// Outputs of one channel, `[z, y, x]`.
    ///
    /// # Errors
    ///
    /// If the scratch file cannot be read.
    pub fn channel(&self, channel: usize) -> Result<CowArray<'_, f32, Ix3>, StoreError> {
        match self {
            Self::Memory(all) => Ok(all.index_axis(Axis(0), channel).into()),
            Self::Disk { scratch, shape: [_, depth, height, width] } => {
                let mut values = vec![0.0; depth * height * width];
                scratch.read(channel * values.len(), &mut values)?;
                let values =
                    Array3::from_shape_vec((*depth, *height, *width), values).expect("as many values were read");
                Ok(values.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::float_cmp, reason = "the values are copied, not computed")]
    fn outputs_on_disk_equal_those_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let shape = [2, 3, 4, 5];
        let values = Array4::from_shape_fn(shape, |(channel, z, y, x)| (channel * 1000 + z * 100 + y * 10 + x) as f32);
        for storage in [Storage::Memory, Storage::Disk] {
            let mut outputs = Outputs::new(shape, storage, folder.path()).unwrap();
            for z in 0..3 {
                outputs.set(z, values.index_axis(Axis(1), z)).unwrap();
            }
            assert_eq!(outputs.channels(), 2);
            for channel in 0..2 {
                assert_eq!(outputs.channel(channel).unwrap(), values.index_axis(Axis(0), channel));
            }
        }
    }
}
