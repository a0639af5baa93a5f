//! Probabilities, written channel by channel so that only one channel is in memory.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use ndarray::ArrayView3;

use super::placement::header_of;
use super::raw::MAX_SIZE;
use crate::volume::Geometry;
use crate::volume::io::atomic::PartialFile;
use crate::volume::io::error::ImageFileProblem;
use crate::volume::io::probability_channels::ProbabilityChannels;

/// Bytes before the voxels: the header, and four that announce no extension.
const FIRST_VOXEL_BYTE: usize = 352;
/// The stored value of probability 1.
const STEPS: f32 = 255.0;
/// NIfTI code of unsigned 8-bit integers.
const UINT8: i16 = 2;
/// NIfTI intent code of an image of estimates; the intent name identifies the quantity.
const ESTIMATE: i16 = 1001;

/// A compressed 4D file that is being written: unsigned 8-bit integers whose slope of 1/255 makes readers see 0 to 1.
/// The fourth axis is the channel. The intent name is `probabilities`, and the description lists the channels.
#[derive(Debug)]
pub(crate) struct ProbabilityWriter {
    partial: PartialFile,
    writer: GzEncoder<BufWriter<File>>,
    shape: [usize; 3],
}

impl ProbabilityWriter {
    /// Begins a file on the grid of `geometry` with these channels.
    pub(crate) fn new(
        path: &Path,
        geometry: &Geometry,
        channels: &ProbabilityChannels,
    ) -> Result<Self, ImageFileProblem> {
        let shape = geometry.shape;
        if shape.0.iter().any(|&size| size > usize::from(MAX_SIZE)) {
            return Err(ImageFileProblem::Shape { voxels: shape, geometry: shape });
        }
        let begin = || -> io::Result<Self> {
            let partial = PartialFile::new(path, ".nii.gz")?;
            let file = BufWriter::new(File::create(&partial.temporary)?);
            let mut writer = GzEncoder::new(file, Compression::fast());
            writer.write_all(&header(geometry, channels))?;
            Ok(Self { partial, writer, shape: shape.0 })
        };
        begin().map_err(ImageFileProblem::written)
    }

    /// Writes the probabilities of the next channel, `[z, y, x]`.
    ///
    /// # Panics
    ///
    /// If their shape differs from the geometry's.
    pub(crate) fn write(&mut self, channel: ArrayView3<'_, f32>) -> Result<(), ImageFileProblem> {
        assert_eq!(channel.shape(), self.shape, "shapes of probabilities and image");
        for plane in channel.outer_iter() {
            let bytes: Vec<u8> = plane.iter().map(|value| (value * STEPS).round().clamp(0.0, STEPS) as u8).collect();
            self.writer.write_all(&bytes).map_err(ImageFileProblem::written)?;
        }
        Ok(())
    }

    /// Completes the file.
    pub(crate) fn finish(self) -> Result<(), ImageFileProblem> {
        let written = self.writer.finish().and_then(|mut file| file.flush());
        written.and_then(|()| self.partial.publish()).map_err(ImageFileProblem::written)
    }
}

/// The header, in little-endian order, and the four bytes after it. Source: the NIfTI-1 standard, `nifti1.h`.
fn header(geometry: &Geometry, channels: &ProbabilityChannels) -> [u8; FIRST_VOXEL_BYTE] {
    let from = header_of(geometry);
    let mut bytes = [0; FIRST_VOXEL_BYTE];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    let [z, y, x] = geometry.shape.0.map(|size| size as i16);
    put(0, &348_i32.to_le_bytes());
    for (index, size) in [4, x, y, z, channels.count() as i16, 1, 1, 1].into_iter().enumerate() {
        put(40 + 2 * index, &size.to_le_bytes());
    }
    put(68, &ESTIMATE.to_le_bytes());
    put(70, &UINT8.to_le_bytes());
    put(72, &8_i16.to_le_bytes());
    let [handedness, dx, dy, dz, ..] = from.pixdim;
    for (index, size) in [handedness, dx, dy, dz, 1.0, 1.0, 1.0, 1.0].into_iter().enumerate() {
        put(76 + 4 * index, &size.to_le_bytes());
    }
    put(108, &(FIRST_VOXEL_BYTE as f32).to_le_bytes());
    put(112, &(1.0 / STEPS).to_le_bytes());
    put(123, &[from.xyzt_units]);
    let description = format!("segplan probabilities; {channels}");
    put(148, &description.as_bytes()[..description.len().min(79)]);
    put(252, &from.qform_code.to_le_bytes());
    put(254, &from.sform_code.to_le_bytes());
    let quaternion = [from.quatern_b, from.quatern_c, from.quatern_d, from.quatern_x, from.quatern_y, from.quatern_z];
    let placement = quaternion.into_iter().chain(from.srow_x).chain(from.srow_y).chain(from.srow_z);
    for (index, value) in placement.enumerate() {
        put(256 + 4 * index, &value.to_le_bytes());
    }
    put(328, b"probabilities");
    put(344, b"n+1\0");
    bytes
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ndarray::Array3;

    use super::*;
    use crate::volume::io::ProbabilityWriter;
    use crate::volume::io::testing::read_image;
    use crate::volume::{Shape, Spacing};

    #[test]
    fn probabilities_are_read_back_on_the_same_grid_and_an_incomplete_file_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/case.nii.gz");
        let geometry = Geometry::axis_aligned(Shape([2, 3, 4]), Spacing([3.0, 0.5, 0.7]), [1.0, -2.0, 3.0]);
        let first = Array3::from_shape_fn((2, 3, 4), |(z, y, x)| (z * 12 + y * 4 + x) as f32 / 23.0);
        let second = first.mapv(|value| 1.001 - value);
        let channels = ProbabilityChannels::Classes(vec![7]);
        assert_eq!(channels.to_string(), "labels 0 7");
        assert_eq!(ProbabilityChannels::Regions(vec![1, 3]).to_string(), "regions 1 3");
        let mut writer = ProbabilityWriter::new(&path, &geometry, &channels).unwrap();
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
        assert_eq!(&header_of(&read.geometry).intent_name[..13], b"probabilities");

        drop(ProbabilityWriter::new(&folder.path().join("deep/other.nii.gz"), &geometry, &channels).unwrap());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
