//! NIfTI-1 files in and out: 3D and 4D, compressed or not, every real data type, both byte orders.
//!
//! Input: paths. Output: [`Image`] and [`LabelMap`] in `[c, z, y, x]` and `[z, y, x]` order; the file has x fastest, so
//! its bytes are already in that order. Headers are parsed and files are written by the `nifti` crate. Its reader of
//! voxels is not used: it trusts the file's name for compression and reserves memory on the word of the header.
//! Deliberately absent: NIfTI-2, `.hdr`/`.img` pairs, extensions, and the header's units (spacings are millimetres, as
//! everywhere in this field).

mod error;
mod header;
mod probabilities;
mod stream;
mod write;

use std::path::{Path, PathBuf};

use ndarray::{Array3, Array4};

pub use error::{NiftiError, NiftiFault};
pub use header::Header;
pub use probabilities::ProbabilityWriter;
pub use write::{write_image, write_labels};

use super::{Image, LabelMap};
use stream::Stream;

/// How far from an integer a label may lie, for files whose labels are scaled by a rounded slope.
const INTEGER_TOLERANCE: f64 = 1e-4;

/// Reads and checks a header, and that the file can hold the voxels that it promises.
///
/// # Errors
///
/// When the file is missing, is no NIfTI-1 file, or has a header that cannot be used.
pub fn read_header(path: &Path) -> Result<Header, NiftiError> {
    Stream::open(path).and_then(|mut stream| stream.header()).map_err(NiftiError::at(path))
}

/// Reads an image: one 3D or 4D file, or several files whose channels are joined in the order given.
///
/// Voxels are `[c, z, y, x]`; slope and intercept are applied. The geometry is that of the first file. Values that are not
/// finite are kept, for `dataset::verify` to report.
///
/// # Errors
///
/// When a file is missing, damaged or cut off, or has another shape than the first; see [`NiftiFault`].
pub fn read_image(paths: &[PathBuf]) -> Result<Image, NiftiError> {
    let (header, values) = read_joined(paths)?;
    Ok(image(header, values))
}

fn read_joined(paths: &[PathBuf]) -> Result<(Header, Vec<f32>), NiftiError> {
    let mut joined: Option<(Header, Vec<f32>)> = None;
    for path in paths {
        let (header, values) = read_values(path, |value| value as f32).map_err(NiftiError::at(path))?;
        let Some((first, voxels)) = &mut joined else {
            joined = Some((header, values));
            continue;
        };
        if header.geometry.shape != first.geometry.shape {
            let (expected, found) = (first.geometry.shape, header.geometry.shape);
            return Err(NiftiError::at(path)(NiftiFault::ChannelShape { expected, found }));
        }
        first.channels += header.channels;
        voxels.extend(values);
    }
    joined.ok_or_else(|| NiftiError::at(Path::new(""))(NiftiFault::NoFile))
}

fn image(header: Header, values: Vec<f32>) -> Image {
    let [z, y, x] = header.geometry.shape.0;
    let voxels = Array4::from_shape_vec((header.channels, z, y, x), values)
        .expect("as many values were read as the header has voxels");
    Image { voxels, geometry: header.geometry }
}

/// Reads a label map, `[z, y, x]`.
///
/// Labels below -1 become 0: one case of the Decathlon's hippocampus has a single voxel of -2, which the authors of
/// nnU-Net read as background.
///
/// # Errors
///
/// As [`read_image`]; also when a value is not a whole number, with the first such value and their number, or when it is
/// larger than a label can be.
pub fn read_labels(path: &Path) -> Result<LabelMap, NiftiError> {
    labels_of(path).map_err(NiftiError::at(path))
}

fn labels_of(path: &Path) -> Result<LabelMap, NiftiFault> {
    let (header, values) = read_values(path, |value| value)?;
    if header.channels != 1 {
        return Err(NiftiFault::Channels { found: header.channels });
    }
    // Written so that NaN, too, is not whole.
    let whole = |value: &&f64| (**value - nearest(**value)).abs() <= INTEGER_TOLERANCE;
    let mut broken = values.iter().filter(|value| !whole(value)).peekable();
    if let Some(&&value) = broken.peek() {
        return Err(NiftiFault::Fractional { value, voxels: broken.count() });
    }
    if let Some(&value) = values.iter().find(|value| nearest(**value) > f64::from(i16::MAX)) {
        return Err(NiftiFault::LabelRange { value, limit: i16::MAX });
    }
    let label = |value: f64| if nearest(value) < -1.0 { 0 } else { nearest(value) as i16 };
    let labels = Array3::from_shape_vec(header.geometry.shape.0, values.into_iter().map(label).collect())
        .expect("as many values were read as the header has voxels");
    Ok(LabelMap { labels, geometry: header.geometry })
}

/// The nearest integer, as far as an `i64` reaches; `f64::round` is a call of a function on many processors.
fn nearest(value: f64) -> f64 {
    (value + 0.5_f64.copysign(value)) as i64 as f64
}

fn read_values<T>(path: &Path, convert: impl Fn(f64) -> T) -> Result<(Header, Vec<T>), NiftiFault> {
    let mut stream = Stream::open(path)?;
    let header = stream.header()?;
    let values = stream.values(&header, convert)?;
    Ok((header, values))
}

#[cfg(test)]
mod tests;
