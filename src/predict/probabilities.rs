//! Class probabilities of one image, in memory or spilled to disk.

use std::path::Path;

use ndarray::{Array3, Array4, ArrayView3, Axis, CowArray, Ix3};

use crate::store::StoreError;
use crate::store::scratch::Scratch;

/// Where probabilities are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In memory.
    Memory,
    /// In a scratch file.
    Disk,
}

/// Probabilities of a whole image, `[class, z, y, x]`, written slice by slice and read class by class.
#[derive(Debug)]
pub enum Probabilities {
    /// In memory.
    Memory(Array4<f32>),
    /// In a scratch file.
    Disk {
        /// The file.
        scratch: Scratch,
        /// Classes and voxels of the image, `[class, z, y, x]`.
        shape: [usize; 4],
    },
}

impl Probabilities {
    /// Room for probabilities of this shape, `[class, z, y, x]`; `scratch` is the folder of scratch files.
    pub(super) fn new(shape: [usize; 4], storage: Storage, scratch: &Path) -> Result<Self, StoreError> {
        match storage {
            Storage::Memory => Ok(Self::Memory(Array4::zeros(shape))),
            Storage::Disk => Ok(Self::Disk { scratch: Scratch::new(scratch)?, shape }),
        }
    }

    /// Stores a slice, `[class, y, x]`.
    pub(super) fn set(&mut self, z: usize, slice: ArrayView3<'_, f32>) -> Result<(), StoreError> {
        match self {
            Self::Memory(all) => all.index_axis_mut(Axis(1), z).assign(&slice),
            Self::Disk { scratch, shape: [_, depth, height, width] } => {
                for (class, values) in slice.outer_iter().enumerate() {
                    let values = values.as_standard_layout();
                    let values = values.as_slice().expect("brought into standard layout");
                    scratch.write((class * *depth + z) * *height * *width, values)?;
                }
            }
        }
        Ok(())
    }

    /// Number of classes, background included.
    pub fn classes(&self) -> usize {
        match self {
            Self::Memory(all) => all.len_of(Axis(0)),
            Self::Disk { shape, .. } => shape[0],
        }
    }

    /// Probabilities of one class, `[z, y, x]`.
    ///
    /// # Errors
    ///
    /// If the scratch file cannot be read.
    pub fn class(&self, class: usize) -> Result<CowArray<'_, f32, Ix3>, StoreError> {
        match self {
            Self::Memory(all) => Ok(all.index_axis(Axis(0), class).into()),
            Self::Disk { scratch, shape: [_, depth, height, width] } => {
                let mut values = vec![0.0; depth * height * width];
                scratch.read(class * values.len(), &mut values)?;
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
    fn probabilities_on_disk_equal_those_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let shape = [2, 3, 4, 5];
        let values = Array4::from_shape_fn(shape, |(class, z, y, x)| (class * 1000 + z * 100 + y * 10 + x) as f32);
        for storage in [Storage::Memory, Storage::Disk] {
            let mut probabilities = Probabilities::new(shape, storage, folder.path()).unwrap();
            for z in 0..3 {
                probabilities.set(z, values.index_axis(Axis(1), z)).unwrap();
            }
            assert_eq!(probabilities.classes(), 2);
            for class in 0..2 {
                assert_eq!(probabilities.class(class).unwrap(), values.index_axis(Axis(0), class));
            }
        }
    }
}
