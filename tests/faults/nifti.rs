//! NIfTI files written byte by byte, so that any part of them can be wrong.

use std::io::Write as _;
use std::path::Path;

/// NIfTI code of 32-bit floats.
pub(crate) const FLOAT32: i16 = 16;

/// The content of a file, unchecked.
#[derive(Clone, Debug)]
pub(crate) struct Nifti {
    /// Size of each dimension, x first.
    pub(crate) sizes: Vec<i16>,
    /// Code and bits of the data type.
    pub(crate) data_type: (i16, i16),
    /// Spacings, x first.
    pub(crate) pixdim: [f32; 3],
    /// Rows of the sform.
    pub(crate) sform: [[f32; 4]; 3],
    /// Code of the unit of length.
    pub(crate) unit: u8,
    /// Bytes of the voxels.
    pub(crate) voxels: Vec<u8>,
}

impl Nifti {
    /// Floats on a grid without rotation.
    pub(crate) fn of(sizes: [usize; 3], spacing: [f32; 3], values: &[f32]) -> Self {
        let [dx, dy, dz] = spacing;
        Self {
            sizes: sizes.map(|size| size as i16).to_vec(),
            data_type: (FLOAT32, 32),
            pixdim: spacing,
            sform: [[dx, 0.0, 0.0, 5.0], [0.0, dy, 0.0, -7.0], [0.0, 0.0, dz, 11.0]],
            unit: 2,
            voxels: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }

    /// The values of a file of floats.
    pub(crate) fn values(&self) -> Vec<f32> {
        self.voxels.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
    }

    /// Replaces the values of a file of floats.
    pub(crate) fn set_values(&mut self, values: &[f32]) {
        self.voxels = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    }

    /// The bytes of the uncompressed file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 352];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(0, &348_i32.to_le_bytes());
        put(40, &(self.sizes.len() as i16).to_le_bytes());
        for axis in 0..7 {
            put(42 + 2 * axis, &self.sizes.get(axis).copied().unwrap_or(1).to_le_bytes());
        }
        put(70, &self.data_type.0.to_le_bytes());
        put(72, &self.data_type.1.to_le_bytes());
        put(76, &1_f32.to_le_bytes());
        for (axis, step) in self.pixdim.iter().enumerate() {
            put(80 + 4 * axis, &step.to_le_bytes());
        }
        put(108, &352_f32.to_le_bytes());
        put(112, &1_f32.to_le_bytes());
        put(123, &[self.unit]);
        put(254, &1_i16.to_le_bytes());
        for (place, value) in self.sform.as_flattened().iter().enumerate() {
            put(280 + 4 * place, &value.to_le_bytes());
        }
        put(344, b"n+1\0");
        bytes.extend(&self.voxels);
        bytes
    }

    /// Writes the file, compressed if it ends in `.gz`.
    pub(crate) fn write(&self, path: &Path) {
        write(path, &self.bytes());
    }
}

/// Writes the bytes of a file, compressed if it ends in `.gz`.
pub(crate) fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let gzip = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    let packed = if gzip { packed(bytes) } else { bytes.to_vec() };
    std::fs::write(path, packed).unwrap();
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}
