//! NIfTI-1 headers.

use ::nifti::NiftiHeader;

use super::raw::{RawHeader, invalid};
use crate::volume::io::error::ImageFileProblem;

/// Bytes of a NIfTI-1 header.
pub(super) const BYTES: usize = 348;

/// Parses a NIfTI-1 header.
pub(super) fn parse(bytes: &[u8]) -> Result<RawHeader, ImageFileProblem> {
    let header = NiftiHeader::from_reader(&bytes[..BYTES]).map_err(|error| invalid(error.to_string()))?;
    if header.sizeof_hdr != BYTES as i32 {
        return Err(invalid("its header does not start with the number 348"));
    }
    if &header.magic == b"ni1\0" {
        return Err(ImageFileProblem::Pair);
    }
    Ok(RawHeader {
        bytes: BYTES,
        offset: header.vox_offset.into(),
        slope: header.scl_slope.into(),
        intercept: header.scl_inter.into(),
        header,
    })
}
