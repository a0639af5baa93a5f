//! Writes label maps and images.

use std::io;
use std::path::Path;

use ::nifti::NiftiHeader;
use ::nifti::writer::WriterOptions;
use flate2::Compression;
use ndarray::{ArrayView3, ArrayView4, Axis};

use super::placement::header_of;
use super::raw::MAX_SIZE;
use crate::volume::io::atomic::PartialFile;
use crate::volume::io::error::ImageFileProblem;
use crate::volume::{Geometry, Shape};

/// Writes a label map, `[z, y, x]`, as unsigned 8-bit integers.
pub(crate) fn write_labels(
    path: &Path,
    labels: ArrayView3<'_, u8>,
    geometry: &Geometry,
) -> Result<(), ImageFileProblem> {
    // The crate takes the first axis of an array as x, which is the last one here.
    write(path, Shape(labels.dim().into()), geometry, |options, is_flat| {
        if is_flat {
            options.write_nifti(&labels.index_axis(Axis(0), 0).reversed_axes())
        } else {
            options.write_nifti(&labels.reversed_axes())
        }
    })
}

/// Writes an image, `[c, z, y, x]`, as 32-bit floats: 3D if it has one channel, else 4D.
pub(crate) fn write_image(
    path: &Path,
    voxels: ArrayView4<'_, f32>,
    geometry: &Geometry,
) -> Result<(), ImageFileProblem> {
    let (channels, z, y, x) = voxels.dim();
    write(path, Shape([z, y, x]), geometry, |options, _| {
        if channels == 1 {
            options.write_nifti(&voxels.index_axis(Axis(0), 0).reversed_axes())
        } else {
            options.write_nifti(&voxels.reversed_axes())
        }
    })
}

/// Writes an array of `shape` on the grid of `geometry` with `save`, whose second argument is whether the grid's file
/// has two dimensions.
fn write(
    path: &Path,
    shape: Shape,
    geometry: &Geometry,
    save: impl FnOnce(&WriterOptions<'_>, bool) -> ::nifti::Result<()>,
) -> Result<(), ImageFileProblem> {
    if shape != geometry.shape || shape.0.iter().any(|&size| size == 0 || size > usize::from(MAX_SIZE)) {
        return Err(ImageFileProblem::Shape { voxels: shape, geometry: geometry.shape });
    }
    let gzip = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    let partial = PartialFile::new(path, if gzip { ".nii.gz" } else { ".nii" }).map_err(ImageFileProblem::written)?;
    let original = header_of(geometry);
    let is_flat = original.dim[0] == 2 && shape.0[0] == 1;
    let header = output_header(&original);
    // The crate drops the last extension of a name and replaces the one before it by `nii` or `nii.gz`, so an
    // uncompressed file needs one more extension to come out as named.
    let name = if gzip { partial.temporary.clone() } else { partial.temporary.with_added_extension("nii") };
    let mut options = WriterOptions::new(name).reference_header(&header);
    if gzip {
        options = options.compression_level(Compression::default());
    }
    save(&options, is_flat).map_err(|error| ImageFileProblem::written(io::Error::other(error)))?;
    partial.publish().map_err(ImageFileProblem::written)
}

/// The input's header without everything that describes the input's values, or dimensions after the third.
fn output_header(input: &NiftiHeader) -> NiftiHeader {
    let [handedness, dx, dy, dz, ..] = input.pixdim;
    NiftiHeader {
        pixdim: [handedness, dx, dy, dz, 1.0, 1.0, 1.0, 1.0],
        intent_code: 0,
        intent_p1: 0.0,
        intent_p2: 0.0,
        intent_p3: 0.0,
        intent_name: [0; 16],
        cal_min: 0.0,
        cal_max: 0.0,
        glmin: 0,
        glmax: 0,
        ..input.clone()
    }
}
