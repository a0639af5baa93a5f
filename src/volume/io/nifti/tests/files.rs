//! Files that the tests share.

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::Array4;

use crate::volume::io::ImageFileProblem;
use crate::volume::io::testing::read_image;
use crate::volume::{Geometry, Image, Shape, Spacing};

pub(super) fn values_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/values")
}

pub(super) fn reference_file(name: &str) -> PathBuf {
    values_folder().join("nifti").join(name)
}

pub(super) fn problem(path: &Path) -> ImageFileProblem {
    read_image(&[path.to_owned()]).expect_err("the file is damaged").problem
}

/// A small image on a grid of its own.
pub(super) fn image(channels: usize, [z, y, x]: [usize; 3]) -> Image {
    let voxels = Array4::from_shape_fn((channels, z, y, x), |(c, z, y, x)| (c * 1000 + z * 100 + y * 10 + x) as f32);
    let geometry = Geometry::axis_aligned(Shape([z, y, x]), Spacing([2.5, 0.7, 0.9]), [-3.0, 4.5, 10.125]);
    Image { voxels, geometry }
}

/// Bytes of an uncompressed file with one 16-bit field of its header replaced.
pub(super) fn with_field(offset: usize, value: i16) -> Vec<u8> {
    let mut bytes = fs::read(reference_file("scaled_int16.nii")).expect("reference file");
    bytes[offset..offset + 2].copy_from_slice(&value.to_le_bytes());
    bytes
}
