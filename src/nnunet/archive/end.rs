//! The end of a zip archive, which locates its directory.

use std::io::{Read, Seek, SeekFrom};

use crate::nnunet::archive::error::{ArchiveError, damaged};
use crate::nnunet::archive::fields::Fields;

const END: [u8; 4] = *b"PK\x05\x06";
const END_LENGTH: u64 = 22;
const LOCATOR: [u8; 4] = *b"PK\x06\x07";
const LOCATOR_LENGTH: u64 = 20;
const END_64: [u8; 4] = *b"PK\x06\x06";
const END_64_LENGTH: u64 = 56;
/// Longest comment at the end of an archive, bytes.
const MAX_COMMENT: u64 = 65_535;

/// Where the directory of an archive is, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) entries: u64,
    pub(super) start: u64,
    pub(super) length: u64,
}

/// Finds the directory of an archive of `length` bytes. It lies within the file, and its length fits the number of entries.
pub(super) fn find_directory(reader: &mut (impl Read + Seek), length: u64) -> Result<Directory, ArchiveError> {
    let (at, plain) = read_end(reader, length)?;
    let (limit, directory) = match read_end_64(reader, at)? {
        None => (at, plain),
        Some((at, wide)) => (at, agreed(plain, wide)?),
    };
    let end = directory.start.checked_add(directory.length);
    if end.is_none_or(|end| end > limit) {
        return damaged("its directory lies outside of the file");
    }
    // The smallest entry of a directory has 46 bytes and a name.
    if directory.entries > directory.length / 47 {
        return damaged(format!("its directory is too short for {} entries", directory.entries));
    }
    Ok(directory)
}

/// Reads `length` bytes at a position. The caller has checked that the file has them.
pub(super) fn read_at(reader: &mut (impl Read + Seek), at: u64, length: u64) -> Result<Vec<u8>, ArchiveError> {
    reader.seek(SeekFrom::Start(at))?;
    let mut bytes = vec![0; length as usize];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The last record of the file, and its position.
fn read_end(reader: &mut (impl Read + Seek), length: u64) -> Result<(u64, Directory), ArchiveError> {
    let tail_length = length.min(END_LENGTH + MAX_COMMENT);
    let tail = read_at(reader, length - tail_length, tail_length)?;
    let fits = |&at: &usize| {
        let comment = tail.get(at + 20..at + 22).map(|bytes| usize::from(bytes[0]) | usize::from(bytes[1]) << 8);
        tail[at..].starts_with(&END) && comment.is_some_and(|comment| at + 22 + comment == tail.len())
    };
    let Some(at) = (0..tail.len()).rev().find(fits) else {
        return damaged("it is no zip archive, or its end is missing");
    };
    let mut fields = Fields::new(&tail[at + 4..]);
    let (disk, directory_disk, here) = (fields.u16()?, fields.u16()?, fields.u16()?);
    let (entries, size, start) = (fields.u16()?, fields.u32()?, fields.u32()?);
    if disk != 0 || directory_disk != 0 || here != entries {
        return damaged("it is one part of a divided archive");
    }
    let directory = Directory { entries: entries.into(), start: start.into(), length: size.into() };
    Ok((length - tail_length + at as u64, directory))
}

/// The record with 64-bit numbers before the last record at `end`, if there is one, and its position.
fn read_end_64(reader: &mut (impl Read + Seek), end: u64) -> Result<Option<(u64, Directory)>, ArchiveError> {
    let Some(at) = end.checked_sub(LOCATOR_LENGTH) else { return Ok(None) };
    let locator = read_at(reader, at, LOCATOR_LENGTH)?;
    if !locator.starts_with(&LOCATOR) {
        return Ok(None);
    }
    let mut fields = Fields::new(&locator[4..]);
    let (_, record_at) = (fields.u32()?, fields.u64()?);
    if record_at.checked_add(END_64_LENGTH).is_none_or(|end| end > at) {
        return damaged("its zip64 record lies outside of the file");
    }
    let record = read_at(reader, record_at, END_64_LENGTH)?;
    if !record.starts_with(&END_64) {
        return damaged("its zip64 record is missing");
    }
    // Length of the record, versions, and disks.
    let mut fields = Fields::new(&record[24..]);
    let (here, entries, length, start) = (fields.u64()?, fields.u64()?, fields.u64()?, fields.u64()?);
    if here != entries {
        return damaged("it is one part of a divided archive");
    }
    Ok(Some((record_at, Directory { entries, start, length })))
}

/// The 64-bit numbers, if the shorter ones of the last record are the same or are the mark for "too large".
fn agreed(plain: Directory, wide: Directory) -> Result<Directory, ArchiveError> {
    let agrees = |plain: u64, wide: u64, mark: u64| plain == mark || plain == wide;
    let all = agrees(plain.entries, wide.entries, u16::MAX.into())
        && agrees(plain.start, wide.start, u32::MAX.into())
        && agrees(plain.length, wide.length, u32::MAX.into());
    if all { Ok(wide) } else { damaged("its zip64 record contradicts its last record") }
}
