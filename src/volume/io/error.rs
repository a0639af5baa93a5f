//! Problems of image files.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::foreign::ForeignFile;
use super::format::DEFAULT_ENDING;
use crate::volume::Shape;

/// An image file could not be read or written.
#[derive(Debug, Error)]
#[error("`{}` {problem}", path.display())]
pub struct ImageFileError {
    /// The file.
    pub path: PathBuf,
    /// The problem.
    pub problem: ImageFileProblem,
}

impl ImageFileError {
    pub(super) fn at(path: &Path) -> impl FnOnce(ImageFileProblem) -> Self + '_ {
        move |problem| Self { path: path.to_owned(), problem }
    }
}

/// The problem of an image file, formatted as the end of a sentence that begins with its path.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the message of each variant describes its fields")]
pub enum ImageFileProblem {
    /// Nothing exists at the path.
    #[error("does not exist")]
    Missing,
    /// A symbolic link to nothing.
    #[error("is a link to `{}`, which does not exist; restore that file, or correct the link", target.display())]
    BrokenLink { target: PathBuf },
    /// A folder, a pipe or a device.
    #[error("is {what}; expected a file")]
    NotAFile { what: &'static str },
    /// A recognised file of a format that is not supported.
    #[error("{kind}")]
    Foreign { kind: ForeignFile },
    /// The operating system refused, or the compressed stream is damaged.
    #[error("cannot be {verb}: {source}")]
    Io { verb: &'static str, source: io::Error },
    /// The file has fewer bytes than its header promises.
    #[error(
        "is truncated: its header promises {expected} bytes of voxels, but the file contains {found}; copy it again"
    )]
    Truncated { expected: u64, found: u64 },
    /// The header promises more than a compressed file of this length can contain.
    #[error(
        "is damaged: its header promises {promised} bytes of voxels, more than {length} compressed bytes can contain; copy it \
         again"
    )]
    Impossible { promised: u128, length: u64 },
    /// The file does not begin with a header of its format.
    #[error("is not a valid {format} file ({reason}); replace it, or convert it to `{DEFAULT_ENDING}`")]
    Invalid { format: &'static str, reason: String },
    /// The header and the voxels are in two files.
    #[error(
        "is one half of a `.hdr` and `.img` pair; convert the pair to one file, for example with NiBabel: \
         `nib.save(nib.load(\"FILE.hdr\"), \"FILE{DEFAULT_ENDING}\")`"
    )]
    Pair,
    /// Not 2D, 3D or 4D. Sizes are x first.
    #[error("has the dimensions {sizes:?} (x, y, z, …); expected 2D, 3D, or 4D with the channels last")]
    Rank { sizes: Vec<u16> },
    /// Larger than NIfTI-1, the format of the output, allows. The number of dimensions comes first, then their sizes, x
    /// first.
    #[error("has the dimensions {sizes:?}; the maximum is 32767 voxels per axis: crop the image")]
    TooLong { sizes: Vec<i64> },
    /// RGB or RGBA voxels.
    #[error(
        "has RGB voxels; expected one number per voxel: write each colour as a separate channel (`CASE_0000`, `CASE_0001`, \
         `CASE_0002`), and declare three channels"
    )]
    Colour,
    /// Complex voxels.
    #[error(
        "has complex voxels; expected real numbers: write the magnitude, or magnitude and phase, as separate channels"
    )]
    Complex,
    /// A data type that is not a real number.
    #[error("has voxels of NIfTI data type {code}; expected integers or real numbers: convert it to float32")]
    DataType { code: i16 },
    /// A spacing that is not a length. The order is x, y, z.
    #[error(
        "has the spacing {spacing:?} (x, y, z) in its header; expected a finite number other than zero per axis: correct \
         `pixdim`"
    )]
    Spacing { spacing: [f32; 3] },
    /// Axes that do not span a volume.
    #[error(
        "has an sform with zero or parallel axes, so its orientation is unknown; correct the sform, or set `sform_code` to 0 \
         if the qform is correct"
    )]
    Singular,
    /// A quaternion that is not a rotation.
    #[error(
        "has a qform whose quaternion has length {length:.3}, above 1, so its orientation is unknown; correct the qform"
    )]
    Quaternion { length: f64 },
    /// An affine that is not finite.
    #[error("has a value in its sform or qform that is not a finite number; correct the header")]
    Placement,
    /// A label outside the range of the output.
    #[error("cannot be written: it would contain the label {value}, and labels range from 0 to {limit}")]
    LabelRange { value: i16, limit: u8 },
    /// A grid that the format cannot hold, or an array whose shape differs from its geometry.
    #[error(
        "cannot be written: the voxels are {voxels} (z × y × x), the geometry is {geometry}, and the maximum is 32767 per axis"
    )]
    Shape { voxels: Shape, geometry: Shape },
}

impl ImageFileProblem {
    pub(super) fn read(source: io::Error) -> Self {
        Self::Io { verb: "read", source }
    }

    pub(super) fn written(source: io::Error) -> Self {
        Self::Io { verb: "written", source }
    }
}
