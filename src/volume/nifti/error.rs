//! What can be wrong with a NIfTI file.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::volume::Shape;

/// A NIfTI file could not be read or written.
#[derive(Debug, Error)]
#[error("`{}` {fault}", path.display())]
pub struct NiftiError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: NiftiFault,
}

impl NiftiError {
    pub(super) fn at(path: &Path) -> impl FnOnce(NiftiFault) -> Self + '_ {
        move |fault| Self { path: path.to_owned(), fault }
    }
}

/// What is wrong with a NIfTI file, as the end of a sentence that begins with its path.
#[derive(Debug, Error)]
pub enum NiftiFault {
    /// There is nothing at the path.
    #[error("does not exist")]
    Missing,
    /// The operating system refused, or the compressed stream is damaged.
    #[error("cannot be {verb}: {source}")]
    Io {
        /// `read` or `written`.
        verb: &'static str,
        /// Why.
        source: io::Error,
    },
    /// There are fewer bytes than the header promises.
    #[error("is cut off: its header promises {expected} bytes of voxels and {found} were found; copy it again")]
    Truncated {
        /// Bytes of voxels by the header.
        expected: u64,
        /// Bytes of voxels in the file.
        found: u64,
    },
    /// The header promises more than a compressed file of this length can hold.
    #[error(
        "is damaged: its header promises {promised} bytes of voxels, which {length} compressed bytes cannot hold; copy it \
         again"
    )]
    Impossible {
        /// Bytes of voxels by the header.
        promised: u128,
        /// Length of the file in bytes.
        length: u64,
    },
    /// The file does not begin with a NIfTI-1 header.
    #[error("is not a NIfTI-1 file ({reason}); convert it to `.nii.gz`")]
    NotNifti {
        /// What gave it away.
        reason: String,
    },
    /// The header and the voxels are in two files.
    #[error("is one half of a `.hdr` and `.img` pair; convert the pair to one `.nii.gz` file")]
    Pair,
    /// Neither 3D nor 4D.
    #[error("has the dimensions {sizes:?} (x, y, z, …); expected three, or four with the channels last")]
    Rank {
        /// Sizes of the dimensions, x first.
        sizes: Vec<u16>,
    },
    /// A data type that is not a real number.
    #[error("has voxels of NIfTI data type {code}; expected integers or real numbers: convert it to float32")]
    DataType {
        /// The NIfTI code.
        code: i16,
    },
    /// A voxel edge that is no length.
    #[error(
        "has the spacing {spacing:?} mm (x, y, z) in its header; every one must be a number above zero: mend `pixdim`"
    )]
    Spacing {
        /// `pixdim[1..4]`.
        spacing: [f32; 3],
    },
    /// An affine that is not finite.
    #[error("has a placement (sform or qform) with a value that is not a finite number: mend the header")]
    Placement,
    /// A label map of several channels.
    #[error("has {found} channels; expected one, as a label map has")]
    Channels {
        /// Number of channels.
        found: usize,
    },
    /// A channel whose grid has another shape than that of the first.
    #[error("has {found} voxels and the first channel {expected} (z × y × x); give every channel the same grid")]
    ChannelShape {
        /// Shape of the first channel.
        expected: Shape,
        /// Shape of this one.
        found: Shape,
    },
    /// No file was given for an image.
    #[error("is an image without a file")]
    NoFile,
    /// A label that is not an integer.
    #[error("has {voxels} voxels that are not whole numbers, such as {value}; labels are integers: was it resampled?")]
    Fractional {
        /// The first such value.
        value: f64,
        /// How many voxels.
        voxels: usize,
    },
    /// A label too large for a label map.
    #[error("has the label {value}; labels must lie between 0 and {limit}")]
    LabelRange {
        /// The label.
        value: f64,
        /// The largest possible label.
        limit: i16,
    },
    /// A grid too large for a NIfTI-1 file, or an array of another shape than its geometry.
    #[error(
        "cannot be written: the voxels are {voxels} (z × y × x), the geometry {geometry}, and NIfTI-1 allows 32767 an axis"
    )]
    Shape {
        /// Shape of the voxels.
        voxels: Shape,
        /// Shape of the geometry.
        geometry: Shape,
    },
}
