//! Image files in and out, in any of the supported formats.
//!
//! Input: paths. Output: voxels chunk by chunk, in file order (x fastest), which is the `[c, z, y, x]` order of
//! [`Image`] and the `[z, y, x]` order of label maps. Images and label maps of a data set are read through
//! [`dataset::gate`](crate::dataset::gate), which checks them before anything is allocated.
//!
//! The formats, their names and their file name endings are one table, [`mod@format`]; no other file names an ending. To
//! add a format: write its reader in a file of its own, add a variant to `format::Format`, and follow the compiler
//! through this file.

mod atomic;
mod bytes;
mod error;
mod foreign;
pub mod format;
mod header;
mod label;
mod nifti;
mod probability_channels;
#[cfg(test)]
pub(crate) mod testing;

use std::path::{Path, PathBuf};

use ndarray::{ArrayView3, ArrayView4};

pub use self::error::{ImageFileError, ImageFileProblem};
pub use self::foreign::ForeignFile;
use self::format::Format;
pub use self::header::ImageHeader;
pub use self::label::to_label;
pub use self::probability_channels::ProbabilityChannels;
use super::{Geometry, Image};

/// An open image file: its header is read and checked, and its voxels can be read.
pub struct ImageReader {
    /// Its header.
    pub header: ImageHeader,
    path: PathBuf,
    reader: FormatReader,
}

enum FormatReader {
    Nifti(nifti::Reader),
}

impl ImageReader {
    /// Opens a file and checks its header, and that the file can hold the voxels that the header promises. Allocates
    /// nothing for them.
    ///
    /// # Errors
    ///
    /// If the file is missing, has another format, or has a header that cannot be used.
    pub fn open(path: &Path) -> Result<Self, ImageFileError> {
        let reader = match Format::of_path(path) {
            Format::Nifti => nifti::Reader::open(path).map(FormatReader::Nifti),
        };
        let reader = reader.map_err(ImageFileError::at(path))?;
        let header = match &reader {
            FormatReader::Nifti(reader) => reader.header.clone(),
        };
        Ok(Self { header, path: path.to_owned(), reader })
    }

    /// Passes all voxels to `take`, scaled, in file order and some thousands at a time.
    ///
    /// # Errors
    ///
    /// If the file ends early, or its compressed stream is damaged.
    pub fn read(self, take: impl FnMut(&[f64])) -> Result<(), ImageFileError> {
        let trailing = match self.reader {
            FormatReader::Nifti(reader) => reader.read(take),
        };
        if trailing.map_err(ImageFileError::at(&self.path))? {
            tracing::warn!("`{}`: ignored bytes after the end of its compressed stream", self.path.display());
        }
        Ok(())
    }
}

/// Reads and checks a header, and that the file can hold the voxels that it promises.
///
/// # Errors
///
/// As [`ImageReader::open`].
pub fn read_header(path: &Path) -> Result<ImageHeader, ImageFileError> {
    Ok(ImageReader::open(path)?.header)
}

/// Writes a label map, `[z, y, x]` with values 0 to 255, as unsigned 8-bit integers, in the format of the path's
/// ending.
///
/// Spacing and orientation are those of the file that `geometry` was read from, to the bit; of a 4D image the three
/// spatial dimensions are kept. The file appears complete or not at all, and the same labels give the same bytes.
/// Creates missing parent folders.
///
/// # Errors
///
/// If a label is out of range, the shapes differ, or the file cannot be written.
pub fn write_labels(path: &Path, labels: ArrayView3<'_, i16>, geometry: &Geometry) -> Result<(), ImageFileError> {
    let outside = labels.iter().copied().find(|&label| u8::try_from(label).is_err());
    let written = match outside {
        Some(label) => Err(ImageFileProblem::LabelRange { value: label, limit: u8::MAX }),
        None => match Format::of_path(path) {
            Format::Nifti => nifti::write_labels(path, labels.mapv(|label| label as u8).view(), geometry),
        },
    };
    written.map_err(ImageFileError::at(path))
}

/// Writes an image as 32-bit floats, in the format of the path's ending: 3D if it has one channel, else 4D.
///
/// # Errors
///
/// If the shapes differ or the file cannot be written.
pub fn write_image(path: &Path, image: &Image) -> Result<(), ImageFileError> {
    let voxels: ArrayView4<'_, f32> = image.voxels.view();
    let written = match Format::of_path(path) {
        Format::Nifti => nifti::write_image(path, voxels, &image.geometry),
    };
    written.map_err(ImageFileError::at(path))
}

/// A file of probabilities that is written channel by channel, so that only one channel is in memory.
#[derive(Debug)]
pub struct ProbabilityWriter {
    path: PathBuf,
    writer: FormatProbabilityWriter,
}

#[derive(Debug)]
enum FormatProbabilityWriter {
    Nifti(nifti::ProbabilityWriter),
}

impl ProbabilityWriter {
    /// Begins a file on the grid of `geometry` with these channels. Creates missing parent folders.
    ///
    /// # Errors
    ///
    /// If the format cannot hold the grid, or the file cannot be created.
    pub fn new(path: &Path, geometry: &Geometry, channels: &ProbabilityChannels) -> Result<Self, ImageFileError> {
        let writer = match Format::of_path(path) {
            Format::Nifti => {
                nifti::ProbabilityWriter::new(path, geometry, channels).map(FormatProbabilityWriter::Nifti)
            }
        };
        Ok(Self { path: path.to_owned(), writer: writer.map_err(ImageFileError::at(path))? })
    }

    /// Writes the probabilities of the next channel, `[z, y, x]`.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    ///
    /// # Panics
    ///
    /// If their shape differs from the geometry's.
    pub fn write(&mut self, channel: ArrayView3<'_, f32>) -> Result<(), ImageFileError> {
        let written = match &mut self.writer {
            FormatProbabilityWriter::Nifti(writer) => writer.write(channel),
        };
        written.map_err(ImageFileError::at(&self.path))
    }

    /// Completes the file, which appears under its name only now.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn finish(self) -> Result<(), ImageFileError> {
        let finished = match self.writer {
            FormatProbabilityWriter::Nifti(writer) => writer.finish(),
        };
        finished.map_err(ImageFileError::at(&self.path))
    }
}
