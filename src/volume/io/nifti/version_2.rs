//! NIfTI-2 headers, converted to the NIfTI-1 header of the same image.
//!
//! Source: the NIfTI-2 standard (`nifti2.h`), for the offsets of the fields. Sizes above 32767 voxels per axis are
//! refused, because predictions are written as NIfTI-1.

use ::nifti::{Endianness, NiftiHeader};

use super::raw::{MAX_SIZE, RawHeader, invalid};
use crate::volume::io::error::ImageFileProblem;

/// Bytes of a NIfTI-2 header.
pub(super) const BYTES: usize = 540;
/// Start of the magic number of a single file.
const MAGIC: &[u8] = b"n+2\0";

/// Parses a NIfTI-2 header.
pub(super) fn parse(bytes: &[u8]) -> Result<RawHeader, ImageFileProblem> {
    if bytes.len() < BYTES {
        return Err(invalid("it ends within its NIfTI-2 header"));
    }
    if bytes[4..8] == *b"ni2\0" {
        return Err(ImageFileProblem::Pair);
    }
    if bytes[4..8] != *MAGIC {
        return Err(invalid("its header has 540 bytes, but not the magic number of NIfTI-2"));
    }
    let fields = Fields { bytes, big: bytes[0] == 0 };
    let sizes: [i64; 8] = fields.all(16, Fields::integer_64);
    let mut dim = [1_u16; 8];
    for (size, wide) in dim.iter_mut().zip(sizes) {
        *size = u16::try_from(wide).unwrap_or(u16::MAX);
        if i64::from(*size) != wide || *size > MAX_SIZE {
            return Err(ImageFileProblem::TooLong { sizes: sizes.to_vec() });
        }
    }
    let single = |offset| fields.number(offset) as f32;
    let row = |offset| fields.all::<f64, 4>(offset, Fields::number).map(|value| value as f32);
    let header = NiftiHeader {
        dim,
        datatype: fields.integer_16(12),
        bitpix: fields.integer_16(14),
        pixdim: fields.all::<f64, 8>(104, Fields::number).map(|value| value as f32),
        xyzt_units: fields.integer_32(500) as u8,
        qform_code: fields.integer_32(344) as i16,
        sform_code: fields.integer_32(348) as i16,
        quatern_b: single(352),
        quatern_c: single(360),
        quatern_d: single(368),
        quatern_x: single(376),
        quatern_y: single(384),
        quatern_z: single(392),
        srow_x: row(400),
        srow_y: row(432),
        srow_z: row(464),
        endianness: if fields.big { Endianness::Big } else { Endianness::Little },
        ..NiftiHeader::default()
    };
    Ok(RawHeader {
        header,
        bytes: BYTES,
        offset: fields.integer_64(168) as f64,
        slope: fields.number(176),
        intercept: fields.number(184),
    })
}

struct Fields<'a> {
    bytes: &'a [u8],
    big: bool,
}

impl Fields<'_> {
    fn raw<const N: usize>(&self, offset: usize) -> [u8; N] {
        let mut raw = [0; N];
        raw.copy_from_slice(&self.bytes[offset..offset + N]);
        if self.big {
            raw.reverse();
        }
        raw
    }

    fn integer_16(&self, offset: usize) -> i16 {
        i16::from_le_bytes(self.raw(offset))
    }

    fn integer_32(&self, offset: usize) -> i32 {
        i32::from_le_bytes(self.raw(offset))
    }

    fn integer_64(&self, offset: usize) -> i64 {
        i64::from_le_bytes(self.raw(offset))
    }

    fn number(&self, offset: usize) -> f64 {
        f64::from_le_bytes(self.raw(offset))
    }

    /// Consecutive values of eight bytes each.
    fn all<T, const N: usize>(&self, offset: usize, read: fn(&Self, usize) -> T) -> [T; N] {
        std::array::from_fn(|index| read(self, offset + 8 * index))
    }
}
