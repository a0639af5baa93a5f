//! Parses a header of either version.

use super::raw::RawHeader;
use super::{version_1, version_2};
use crate::volume::io::error::ImageFileProblem;

/// Whether these are the first bytes of a NIfTI-2 file, in either byte order.
pub(super) fn is_nifti_2(bytes: &[u8]) -> bool {
    let size = [bytes[0], bytes[1], bytes[2], bytes[3]];
    [i32::from_le_bytes(size), i32::from_be_bytes(size)].contains(&(version_2::BYTES as i32))
}

/// Parses a header of version 1 or 2.
pub(super) fn parse(bytes: &[u8]) -> Result<RawHeader, ImageFileProblem> {
    if is_nifti_2(bytes) { version_2::parse(bytes) } else { version_1::parse(bytes) }
}
