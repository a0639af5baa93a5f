//! Probabilities as a NIfTI file, written class by class so that no more than one class is held.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use ndarray::ArrayView3;

use super::header::LARGEST_SIZE;
use super::write::temporary_name;
use super::{NiftiError, NiftiFault};
use crate::volume::Geometry;

/// Bytes before the voxels: the header, and four that say that no extension follows.
const FIRST_VOXEL_BYTE: usize = 352;
/// Stored values of 0 to this stand for probabilities of 0 to 1.
const STEPS: f32 = 255.0;
/// NIfTI code of unsigned 8-bit integers.
const UINT8: i16 = 2;
/// NIfTI code of an image of estimates, whose name says of what.
const ESTIMATE: i16 = 1001;

/// A 4D NIfTI file of probabilities, compressed, that is being written: unsigned 8-bit integers whose slope of 1/255 makes
/// readers see 0 to 1; the fourth axis is the class, background first. Its intent name is `probabilities`, and its description
/// names the labels.
#[derive(Debug)]
pub struct ProbabilityWriter {
    path: PathBuf,
    temporary: PathBuf,
    writer: Option<GzEncoder<BufWriter<File>>>,
    shape: [usize; 3],
}

impl ProbabilityWriter {
    /// Begins a file on the grid of `geometry` of background and these labels. Missing parent folders are made.
    ///
    /// # Errors
    ///
    /// When the grid is too large for NIfTI, or the file cannot be made.
    pub fn new(path: &Path, geometry: &Geometry, labels: &[u8]) -> Result<Self, NiftiError> {
        let fail = |source| NiftiError::at(path)(NiftiFault::Io { verb: "written", source });
        let shape = geometry.shape;
        if shape.0.iter().any(|&size| size > usize::from(LARGEST_SIZE)) {
            return Err(NiftiError::at(path)(NiftiFault::Shape { voxels: shape, geometry: shape }));
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(fail)?;
        }
        let temporary = temporary_name(path, "nii.gz");
        let file = BufWriter::new(File::create(&temporary).map_err(fail)?);
        let mut writer = GzEncoder::new(file, Compression::fast());
        writer.write_all(&header(geometry, labels)).map_err(fail)?;
        Ok(Self { path: path.to_owned(), temporary, writer: Some(writer), shape: shape.0 })
    }

    /// Writes the probabilities of the next class, `[z, y, x]`.
    ///
    /// # Errors
    ///
    /// When they cannot be written.
    ///
    /// # Panics
    ///
    /// When they are of another shape.
    pub fn write(&mut self, class: ArrayView3<'_, f32>) -> Result<(), NiftiError> {
        assert_eq!(class.shape(), self.shape, "shapes of probabilities and image");
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let mut written = Ok(());
        for plane in class.outer_iter() {
            let bytes: Vec<u8> = plane.iter().map(|value| (value * STEPS).round().clamp(0.0, STEPS) as u8).collect();
            written = written.and_then(|()| writer.write_all(&bytes));
        }
        written.map_err(|source| self.failed(source))
    }

    /// Gives the file its name.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<(), NiftiError> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        writer.finish().and_then(|mut file| file.flush()).map_err(|source| self.failed(source))?;
        #[expect(clippy::disallowed_methods, reason = "NIfTI files are written here, to a temporary name first")]
        fs::rename(&self.temporary, &self.path).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> NiftiError {
        NiftiError::at(&self.path)(NiftiFault::Io { verb: "written", source })
    }
}

impl Drop for ProbabilityWriter {
    fn drop(&mut self) {
        if self.writer.is_some() {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// The header, in little-endian order, and the four bytes after it. Source: the NIfTI-1 standard, `nifti1.h`.
fn header(geometry: &Geometry, labels: &[u8]) -> [u8; FIRST_VOXEL_BYTE] {
    let from = &geometry.header;
    let mut bytes = [0; FIRST_VOXEL_BYTE];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    let [z, y, x] = geometry.shape.0.map(|size| size as i16);
    put(0, &348_i32.to_le_bytes());
    for (place, size) in [4, x, y, z, labels.len() as i16 + 1, 1, 1, 1].into_iter().enumerate() {
        put(40 + 2 * place, &size.to_le_bytes());
    }
    put(68, &ESTIMATE.to_le_bytes());
    put(70, &UINT8.to_le_bytes());
    put(72, &8_i16.to_le_bytes());
    let [handedness, dx, dy, dz, ..] = from.pixdim;
    for (place, size) in [handedness, dx, dy, dz, 1.0, 1.0, 1.0, 1.0].into_iter().enumerate() {
        put(76 + 4 * place, &size.to_le_bytes());
    }
    put(108, &(FIRST_VOXEL_BYTE as f32).to_le_bytes());
    put(112, &(1.0 / STEPS).to_le_bytes());
    put(123, &[from.xyzt_units]);
    let listed: Vec<String> = labels.iter().map(u8::to_string).collect();
    let description = format!("segplan probabilities; labels 0 {}", listed.join(" "));
    put(148, &description.as_bytes()[..description.len().min(79)]);
    put(252, &from.qform_code.to_le_bytes());
    put(254, &from.sform_code.to_le_bytes());
    let quaternion = [from.quatern_b, from.quatern_c, from.quatern_d, from.quatern_x, from.quatern_y, from.quatern_z];
    let placement = quaternion.into_iter().chain(from.srow_x).chain(from.srow_y).chain(from.srow_z);
    for (place, value) in placement.enumerate() {
        put(256 + 4 * place, &value.to_le_bytes());
    }
    put(328, b"probabilities");
    put(344, b"n+1\0");
    bytes
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::volume::nifti::read_image;
    use crate::volume::{Shape, Spacing};

    #[test]
    fn probabilities_are_read_back_on_the_same_grid_and_an_unfinished_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/case.nii.gz");
        let geometry = Geometry::axis_aligned(Shape([2, 3, 4]), Spacing([3.0, 0.5, 0.7]), [1.0, -2.0, 3.0]);
        let first = Array3::from_shape_fn((2, 3, 4), |(z, y, x)| (z * 12 + y * 4 + x) as f32 / 23.0);
        let second = first.mapv(|value| 1.001 - value);
        let mut writer = ProbabilityWriter::new(&path, &geometry, &[7]).unwrap();
        writer.write(first.view()).unwrap();
        assert!(!path.exists());
        writer.write(second.view()).unwrap();
        writer.finish().unwrap();
        let read = read_image(std::slice::from_ref(&path)).unwrap();
        assert_eq!(read.voxels.dim(), (2, 2, 3, 4));
        assert_eq!((read.geometry.spacing, read.geometry.affine), (geometry.spacing, geometry.affine));
        for (found, expected) in read.voxels.iter().zip(first.iter().chain(&second)) {
            assert!((found - expected.clamp(0.0, 1.0)).abs() <= 0.5 / STEPS + 1e-6, "{found}, expected {expected}");
        }
        assert_eq!(&read.geometry.header.intent_name[..13], b"probabilities");

        drop(ProbabilityWriter::new(&folder.path().join("deep/other.nii.gz"), &geometry, &[7]).unwrap());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
