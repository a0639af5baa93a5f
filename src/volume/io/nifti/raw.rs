//! A header as written, of either version.

use ::nifti::NiftiHeader;

use crate::volume::io::error::ImageFileProblem;
use crate::volume::io::format::Format;

/// NIfTI-1 stores sizes as signed 16-bit integers.
pub(super) const MAX_SIZE: u16 = i16::MAX as u16;

/// A header as written, before any check.
pub(super) struct RawHeader {
    /// As a NIfTI-1 header, whatever the version of the file.
    pub(super) header: NiftiHeader,
    /// Bytes of the header in the file.
    pub(super) bytes: usize,
    /// `vox_offset`.
    pub(super) offset: f64,
    /// `scl_slope`.
    pub(super) slope: f64,
    /// `scl_inter`.
    pub(super) intercept: f64,
}

/// The problem of a file that is not NIfTI.
pub(super) fn invalid(reason: impl Into<String>) -> ImageFileProblem {
    ImageFileProblem::Invalid { format: Format::Nifti.name(), reason: reason.into() }
}
