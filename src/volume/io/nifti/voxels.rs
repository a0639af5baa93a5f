//! From stored voxels to real values.

use ::nifti::NiftiType;

use super::header::Header;
use crate::volume::io::bytes::ByteStream;
use crate::volume::io::error::ImageFileProblem;

/// Bytes decoded at a time; a multiple of every voxel size.
const CHUNK_BYTES: usize = 1 << 18;

/// Passes all voxels to `take`, in file order and chunk by chunk, from a stream that is positioned at the first one.
pub(super) fn read(
    stream: &mut ByteStream,
    header: &Header,
    mut take: impl FnMut(&[f64]),
) -> Result<(), ImageFileProblem> {
    let expected = header.data_bytes() as u64;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut values = Vec::with_capacity(CHUNK_BYTES / header.data_type.size_of());
    let mut found = 0;
    while found < expected {
        let wanted = CHUNK_BYTES.min((expected - found) as usize);
        let read = stream.fill(&mut chunk[..wanted])?;
        found += read as u64;
        if read < wanted {
            return Err(ImageFileProblem::Truncated { expected, found });
        }
        values.clear();
        decode(&chunk[..read], header, |value| values.push(value));
        take(&values);
    }
    Ok(())
}

/// Real values of stored bytes, scaled in double precision as in NiBabel.
fn decode(bytes: &[u8], header: &Header, mut push: impl FnMut(f64)) {
    let (slope, intercept) = (header.slope, header.intercept);
    let big = header.is_big_endian;
    let mut scaled = |raw: f64| push(raw * slope + intercept);
    match header.data_type {
        NiftiType::Uint8 => each(bytes, big, |raw| scaled(f64::from(u8::from_le_bytes(raw)))),
        NiftiType::Int8 => each(bytes, big, |raw| scaled(f64::from(i8::from_le_bytes(raw)))),
        NiftiType::Uint16 => each(bytes, big, |raw| scaled(f64::from(u16::from_le_bytes(raw)))),
        NiftiType::Int16 => each(bytes, big, |raw| scaled(f64::from(i16::from_le_bytes(raw)))),
        NiftiType::Uint32 => each(bytes, big, |raw| scaled(f64::from(u32::from_le_bytes(raw)))),
        NiftiType::Int32 => each(bytes, big, |raw| scaled(f64::from(i32::from_le_bytes(raw)))),
        NiftiType::Uint64 => each(bytes, big, |raw| scaled(u64::from_le_bytes(raw) as f64)),
        NiftiType::Int64 => each(bytes, big, |raw| scaled(i64::from_le_bytes(raw) as f64)),
        NiftiType::Float32 => each(bytes, big, |raw| scaled(f64::from(f32::from_le_bytes(raw)))),
        NiftiType::Float64 => each(bytes, big, |raw| scaled(f64::from_le_bytes(raw))),
        other => unreachable!("a checked header has no voxels of type {other:?}"),
    }
}

/// Calls `take` with the little-endian bytes of each value.
fn each<const N: usize>(bytes: &[u8], big_endian: bool, mut take: impl FnMut([u8; N])) {
    let (values, rest) = bytes.as_chunks::<N>();
    assert!(rest.is_empty(), "a chunk of whole values: {} of {} bytes are left over", rest.len(), bytes.len());
    for &value in values {
        let mut value = value;
        if big_endian {
            value.reverse();
        }
        take(value);
    }
}
