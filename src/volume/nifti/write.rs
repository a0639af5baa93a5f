//! Writing through a temporary name.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ::nifti::NiftiHeader;
use ::nifti::writer::WriterOptions;
use flate2::Compression;
use ndarray::{ArrayView3, Axis};

use super::header::LARGEST_SIZE;
use super::{NiftiError, NiftiFault};
use crate::volume::{Geometry, Image, Shape};

/// Writes a label map as unsigned 8-bit integers, with the spacing and the affine of the image that it belongs to.
///
/// `labels` is `[z, y, x]` with values 0 to 255. The header is that of `geometry` to the bit where it says spacing and
/// placement; of a 4D image the three dimensions of space are kept. The file appears whole or not at all, and the same
/// labels give the same bytes. Missing parent folders are made.
///
/// # Errors
///
/// When a label is out of range, the shapes differ, or the file cannot be written.
pub fn write_labels(path: &Path, labels: ArrayView3<'_, i16>, geometry: &Geometry) -> Result<(), NiftiError> {
    let fail = NiftiError::at(path);
    let outside = labels.iter().copied().find(|&label| u8::try_from(label).is_err());
    if let Some(label) = outside {
        return Err(fail(NiftiFault::LabelRange { value: f64::from(label), limit: i16::from(u8::MAX) }));
    }
    let bytes = labels.mapv(|label| label as u8);
    let shape = Shape(labels.dim().into());
    // The crate takes the first axis of an array as x, which is the last one here.
    let written = write(path, shape, geometry, |options| {
        if is_flat(geometry) {
            options.write_nifti(&bytes.index_axis(Axis(0), 0).reversed_axes())
        } else {
            options.write_nifti(&bytes.view().reversed_axes())
        }
    });
    written.map_err(fail)
}

/// Whether the file that a grid comes from has two dimensions.
fn is_flat(geometry: &Geometry) -> bool {
    geometry.header.dim[0] == 2 && geometry.shape.0[0] == 1
}

/// Writes an image as 32-bit floats: 3D of one channel, 4D of several.
///
/// # Errors
///
/// When the shapes differ or the file cannot be written.
pub fn write_image(path: &Path, image: &Image) -> Result<(), NiftiError> {
    let voxels = image.voxels.view();
    let (channels, z, y, x) = voxels.dim();
    let written = write(path, Shape([z, y, x]), &image.geometry, |options| {
        if channels == 1 {
            options.write_nifti(&voxels.index_axis(Axis(0), 0).reversed_axes())
        } else {
            options.write_nifti(&voxels.reversed_axes())
        }
    });
    written.map_err(NiftiError::at(path))
}

/// Writes through `save`, to a temporary name first, an array of `shape` on the grid of `geometry`.
fn write(
    path: &Path,
    shape: Shape,
    geometry: &Geometry,
    save: impl FnOnce(&WriterOptions<'_>) -> ::nifti::Result<()>,
) -> Result<(), NiftiFault> {
    if shape != geometry.shape || shape.0.iter().any(|&size| size == 0 || size > usize::from(LARGEST_SIZE)) {
        return Err(NiftiFault::Shape { voxels: shape, geometry: geometry.shape });
    }
    let failed = |source| NiftiFault::Io { verb: "written", source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let header = written_header(&geometry.header);
    let gzip = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    let temporary = temporary_name(path, if gzip { "nii.gz" } else { "nii" });
    // The crate drops the last extension of a name and puts `nii` or `nii.gz` in place of the one before it, so what is
    // not compressed needs one extension more to come out as named.
    let mut options = WriterOptions::new(if gzip { temporary.clone() } else { temporary.with_added_extension("nii") })
        .reference_header(&header);
    if gzip {
        options = options.compression_level(Compression::default());
    }
    if let Err(error) = save(&options) {
        // The error to tell is the first one, even if the unfinished file cannot be removed.
        let _ = fs::remove_file(&temporary);
        return Err(failed(io::Error::other(error)));
    }
    #[expect(clippy::disallowed_methods, reason = "NIfTI files are written here, to a temporary name first")]
    fs::rename(&temporary, path).map_err(failed)
}

/// The input's header without what was said of the input's values and of dimensions past the third.
fn written_header(input: &NiftiHeader) -> NiftiHeader {
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

/// Name of the unfinished file, beside the finished one.
///
/// Names that begin with `._` are no cases to any reader of such folders, should the process be killed while it writes.
pub(super) fn temporary_name(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from("._");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.partial.{ending}", std::process::id()));
    path.with_file_name(name)
}
