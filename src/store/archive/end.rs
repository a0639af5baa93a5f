//! The records at the end of an archive, which are checked before the directory is parsed.
//!
//! A general reader of ZIP files accepts comments, leading and trailing bytes, and searches for earlier records if the last ones are
//! invalid, so that the number of entries it allocates memory for can come from anywhere. Here the last record has to describe a
//! directory of a bounded size directly before it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use crate::store::archive::limits::{MAX_DIRECTORY, MAX_ENTRIES};

/// Size of the record at the end without a comment, bytes. APPNOTE 4.3.16.
const END: usize = 22;
const END_SIGNATURE: &[u8] = b"PK\x05\x06";
/// Size of the record at the end of archives of more than 4 GiB, and of the record that points to it. APPNOTE 4.3.14, 4.3.15.
const END_64: usize = 56;
const LOCATOR: usize = 20;
const END_64_SIGNATURE: &[u8] = b"PK\x06\x06";
const LOCATOR_SIGNATURE: &[u8] = b"PK\x06\x07";
const ENTRY_SIGNATURE: &[u8] = b"PK\x01\x02";
/// Values that refer to the record of large archives.
const IN_END_64: (u64, u64) = (0xFFFF, 0xFFFF_FFFF);

/// The directory of an archive.
struct Directory {
    entries: u64,
    bytes: u64,
    start: u64,
    /// Where the records behind it begin.
    end: u64,
}

/// Checks the end of an archive of this many bytes. Returns the reason if it is not as segplan writes it.
pub(super) fn check_end(file: &mut File, bytes: u64) -> io::Result<Result<(), &'static str>> {
    let tail_bytes = bytes.min((END + LOCATOR + END_64) as u64);
    file.seek(SeekFrom::Start(bytes - tail_bytes))?;
    let mut tail = vec![0; tail_bytes as usize];
    file.read_exact(&mut tail)?;
    let directory = match read_end(&tail, bytes) {
        Ok(directory) => directory,
        Err(reason) => return Ok(Err(reason)),
    };
    if directory.entries == 0 || directory.entries > MAX_ENTRIES || directory.bytes > MAX_DIRECTORY {
        return Ok(Err("its directory is empty or too large"));
    }
    if directory.start.checked_add(directory.bytes) != Some(directory.end) {
        return Ok(Err("its directory is not at its end"));
    }
    let mut signature = [0; 4];
    file.seek(SeekFrom::Start(directory.start))?;
    file.read_exact(&mut signature)?;
    Ok(if signature == ENTRY_SIGNATURE { Ok(()) } else { Err("it has no directory") })
}

fn read_end(tail: &[u8], bytes: u64) -> Result<Directory, &'static str> {
    let Some((before, end)) = tail.split_last_chunk::<END>() else { return Err("it is shorter than an archive") };
    let [disks, comment] = [number(end, 4, 4), number(end, 20, 2)];
    if !end.starts_with(END_SIGNATURE) || disks != 0 || comment != 0 {
        return Err("it does not end like an archive");
    }
    let (here, entries) = (number(end, 8, 2), number(end, 10, 2));
    let found = Directory { entries, bytes: number(end, 12, 4), start: number(end, 16, 4), end: bytes - END as u64 };
    let is_large = entries == IN_END_64.0 || found.bytes == IN_END_64.1 || found.start == IN_END_64.1;
    if here != entries {
        return Err("it is a part of an archive");
    }
    if is_large { read_end_64(before, found.end) } else { Ok(found) }
}

/// Reads the record of a large archive, and the pointer to it, before the byte `end`.
fn read_end_64(before: &[u8], end: u64) -> Result<Directory, &'static str> {
    let (Some((rest, locator)), broken) = (before.split_last_chunk::<LOCATOR>(), "its directory is damaged") else {
        return Err("it is shorter than an archive");
    };
    let Some(record) = rest.last_chunk::<END_64>() else { return Err("it is shorter than an archive") };
    let start = end - (LOCATOR + END_64) as u64;
    let is_locator = locator.starts_with(LOCATOR_SIGNATURE) && number(locator, 8, 8) == start;
    let is_record = record.starts_with(END_64_SIGNATURE) && number(record, 4, 8) == (END_64 - 12) as u64;
    let is_whole = number(record, 16, 8) == 0 && number(record, 24, 8) == number(record, 32, 8);
    if !is_locator || !is_record || !is_whole {
        return Err(broken);
    }
    Ok(Directory {
        entries: number(record, 32, 8),
        bytes: number(record, 40, 8),
        start: number(record, 48, 8),
        end: start,
    })
}

/// A little-endian number of at most 8 bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    bytes[at..at + length].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}
