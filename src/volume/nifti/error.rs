//! What can be wrong with a NIfTI file.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::format::Format;
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
    /// A symbolic link to nothing.
    #[error("is a link to `{}`, which does not exist; restore that file, or correct the link", target.display())]
    BrokenLink {
        /// Where the link points.
        target: PathBuf,
    },
    /// A folder, a pipe or a device.
    #[error("is {what}; expected a file")]
    NotAFile {
        /// What it is.
        what: &'static str,
    },
    /// A file of another format.
    #[error("{format}")]
    OtherFormat {
        /// The format.
        format: Format,
    },
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
    /// The file does not begin with a NIfTI header.
    #[error("is not a NIfTI file ({reason}); replace it, or convert it to `.nii.gz`")]
    NotNifti {
        /// What gave it away.
        reason: String,
    },
    /// The header and the voxels are in two files.
    #[error(
        "is one half of a `.hdr` and `.img` pair; convert the pair to one `.nii.gz` file, for example with NiBabel: \
         `nib.save(nib.load(\"FILE.hdr\"), \"FILE.nii.gz\")`"
    )]
    Pair,
    /// Not 2D, 3D or 4D.
    #[error("has the dimensions {sizes:?} (x, y, z, …); expected two or three, or four with the channels last")]
    Rank {
        /// Sizes of the dimensions, x first.
        sizes: Vec<u16>,
    },
    /// A NIfTI-2 file larger than NIfTI-1 allows.
    #[error("has the dimensions {sizes:?}; at most 32767 voxels along an axis can be processed: cut the image")]
    TooLong {
        /// `dim` of the header: the number of dimensions, then their sizes, x first.
        sizes: Vec<i64>,
    },
    /// Voxels of three or four colours.
    #[error(
        "has RGB voxels; expected one number for each voxel: write each colour as a channel of its own (`CASE_0000`, \
         `CASE_0001`, `CASE_0002`), and declare three channels"
    )]
    Colour,
    /// Complex voxels.
    #[error(
        "has complex voxels; expected real numbers: write magnitude, or magnitude and phase, as channels of their own"
    )]
    Complex,
    /// A data type that is not a real number.
    #[error("has voxels of NIfTI data type {code}; expected integers or real numbers: convert it to float32")]
    DataType {
        /// The NIfTI code.
        code: i16,
    },
    /// A voxel edge that is no length.
    #[error(
        "has the spacing {spacing:?} (x, y, z) in its header; expected a number other than zero for every axis: correct \
         `pixdim`"
    )]
    Spacing {
        /// `pixdim[1..4]`.
        spacing: [f32; 3],
    },
    /// Axes that do not span a volume.
    #[error(
        "has an sform whose axes are zero or parallel, so that its place is unknown; correct the sform, or set \
         `sform_code` to 0 where the qform is right"
    )]
    Singular,
    /// A rotation that is none.
    #[error(
        "has a qform whose quaternion has the length {length:.3}, above 1, so that its place is unknown; correct the qform"
    )]
    Quaternion {
        /// Length of its last three parts.
        length: f64,
    },
    /// An affine that is not finite.
    #[error("has a placement (sform or qform) with a value that is not a finite number: mend the header")]
    Placement,
    /// A label too large for a file of labels.
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
