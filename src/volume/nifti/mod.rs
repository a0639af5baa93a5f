//! NIfTI files in and out: 2D, 3D and 4D, version 1 and 2, compressed or not, every real data type, both byte orders.
//!
//! Input: paths. Output: voxels chunk by chunk, in file order (x fastest), which is the `[c, z, y, x]` order of
//! [`Image`](super::Image) and the `[z, y, x]` order of [`LabelMap`](super::LabelMap). NIfTI-1 headers are parsed and files
//! are written by the `nifti` crate. Its reader of voxels is not used: it trusts the file's name for compression and reserves
//! memory on the word of the header. Images and label maps of a data set are read through [`dataset::gate`](crate::dataset::gate),
//! which checks them. Deliberately absent: `.hdr`/`.img` pairs and extensions. Predictions are written as NIfTI-1.

mod error;
mod format;
mod header;
mod probabilities;
mod stream;
mod version_2;
mod write;

use std::path::{Path, PathBuf};

pub use error::{NiftiError, NiftiFault};
pub use format::Format;
pub use header::Header;
pub use probabilities::ProbabilityWriter;
pub use write::{write_image, write_labels};

use stream::Stream;

/// How far from an integer a label may lie, for files whose labels are scaled by a rounded slope.
const INTEGER_TOLERANCE: f64 = 1e-4;

/// A file whose header was read and checked, and whose voxels can be read.
pub struct Volume {
    /// What the header says.
    pub header: Header,
    path: PathBuf,
    stream: Stream,
}

impl Volume {
    /// Opens a file and checks its header, and that the file can hold the voxels that it promises. Nothing is allocated for
    /// them.
    ///
    /// # Errors
    ///
    /// When the file is missing, is not a NIfTI file, or has a header that cannot be used.
    pub fn open(path: &Path) -> Result<Self, NiftiError> {
        let opened = Stream::open(path).and_then(|mut stream| Ok((stream.header()?, stream)));
        let (header, stream) = opened.map_err(NiftiError::at(path))?;
        Ok(Self { header, path: path.to_owned(), stream })
    }

    /// Passes all voxels to `take`, scaled, in file order and some thousands at a time.
    ///
    /// # Errors
    ///
    /// When the file ends early, or its compressed stream is damaged.
    pub fn read(self, take: impl FnMut(&[f64])) -> Result<(), NiftiError> {
        let is_followed = self.stream.values(&self.header, take).map_err(NiftiError::at(&self.path))?;
        if is_followed {
            tracing::warn!("`{}`: bytes behind its compressed stream are ignored", self.path.display());
        }
        Ok(())
    }
}

/// Reads and checks a header, and that the file can hold the voxels that it promises.
///
/// # Errors
///
/// As [`Volume::open`].
pub fn read_header(path: &Path) -> Result<Header, NiftiError> {
    Ok(Volume::open(path)?.header)
}

/// The label that a voxel's value stands for: the nearest integer. `None` if none is near, or the value is not finite.
pub fn label_of(value: f64) -> Option<i64> {
    let label = nearest(value);
    // Written so that NaN, too, is no label.
    ((value - label).abs() <= INTEGER_TOLERANCE).then_some(label as i64)
}

/// The nearest integer, as far as an `i64` reaches; `f64::round` is a call of a function on many processors.
fn nearest(value: f64) -> f64 {
    (value + 0.5_f64.copysign(value)) as i64 as f64
}

/// An image, as the tests of other rooms look at it; everything else reads through [`dataset::gate`](crate::dataset::gate).
#[cfg(test)]
pub(crate) fn read_image(paths: &[PathBuf]) -> Result<super::Image, NiftiError> {
    let (mut voxels, mut geometry, mut channels) = (Vec::new(), None, 0);
    for path in paths {
        let volume = Volume::open(path)?;
        channels += volume.header.channels;
        geometry.get_or_insert(volume.header.geometry.clone());
        volume.read(|values| voxels.extend(values.iter().map(|&value| value as f32)))?;
    }
    let geometry = geometry.expect("at least one file");
    let [z, y, x] = geometry.shape.0;
    let voxels = ndarray::Array4::from_shape_vec((channels, z, y, x), voxels).expect("channels of one shape");
    Ok(super::Image { voxels, geometry })
}

/// A label map, as the tests of other rooms look at it.
#[cfg(test)]
pub(crate) fn read_labels(path: &Path) -> Result<super::LabelMap, NiftiError> {
    let volume = Volume::open(path)?;
    let geometry = volume.header.geometry.clone();
    let mut labels = Vec::new();
    volume.read(|values| labels.extend(values.iter().map(|&value| label_of(value).expect("a label") as i16)))?;
    let labels = ndarray::Array3::from_shape_vec(geometry.shape.0, labels).expect("a label map");
    Ok(super::LabelMap { labels, geometry })
}

#[cfg(test)]
mod tests;
