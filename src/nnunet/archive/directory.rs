//! The directory of a zip archive: names, sizes and positions of its entries, checked before anything is read by them.

use std::collections::BTreeSet;
use std::io::{Read, Seek, SeekFrom};

use crate::nnunet::archive::end::{find_directory, read_at};
use crate::nnunet::archive::error::{ArchiveError, damaged};
use crate::nnunet::archive::fields::Fields;

const HEADER: [u8; 4] = *b"PK\x01\x02";
const LOCAL_HEADER: [u8; 4] = *b"PK\x03\x04";
const LOCAL_HEADER_LENGTH: u64 = 30;
const ZIP64_FIELD: u16 = 1;
/// Bit of an encrypted entry.
const ENCRYPTED: u16 = 1;
/// Bits of the Unix file type in the external attributes, and the value of a symbolic link.
const FILE_TYPE: u32 = 0o170_000;
const SYMBOLIC_LINK: u32 = 0o120_000;

/// How the bytes of an entry are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::nnunet) enum Method {
    /// As they are.
    Stored,
    /// Compressed with DEFLATE.
    Deflated,
}

/// One entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::nnunet) struct Entry {
    pub(in crate::nnunet) name: String,
    pub(in crate::nnunet) method: Method,
    /// Size of the file, bytes.
    pub(in crate::nnunet) size: u64,
    /// Whether the entry is a symbolic link of Unix.
    pub(in crate::nnunet) is_link: bool,
    /// Bytes in the archive.
    pub(super) compressed: u64,
    /// 0 if the writer computed none.
    pub(super) crc32: u32,
    /// Position of the local header; after [`place`], of the first byte of data.
    pub(super) start: u64,
}

/// Reads the directory of an archive of `length` bytes. The names differ, the entries lie within the file, and they do not overlap:
/// together, they store at most `length` bytes.
pub(super) fn read_directory(reader: &mut (impl Read + Seek), length: u64) -> Result<Vec<Entry>, ArchiveError> {
    let directory = find_directory(reader, length)?;
    let bytes = read_at(reader, directory.start, directory.length)?;
    let mut fields = Fields::new(&bytes);
    let mut entries = (0..directory.entries).map(|_| read_entry(&mut fields)).collect::<Result<Vec<_>, _>>()?;
    if !fields.is_empty() {
        return damaged("its directory has more bytes than its entries");
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = entries.iter().find(|entry| !names.insert(entry.name.as_str())) {
        return damaged(format!("entry `{}` occurs twice", twice.name));
    }
    place(reader, &mut entries, directory.start)?;
    Ok(entries)
}

fn read_entry(fields: &mut Fields<'_>) -> Result<Entry, ArchiveError> {
    if fields.bytes(4)? != HEADER {
        return damaged("an entry of its directory is damaged");
    }
    // Versions of the writer and of the format.
    fields.bytes(4)?;
    let (flags, method) = (fields.u16()?, fields.u16()?);
    // Time and date.
    fields.bytes(4)?;
    let (crc32, compressed, size) = (fields.u32()?, fields.u32()?, fields.u32()?);
    let (name, extra, comment) = (fields.u16()?, fields.u16()?, fields.u16()?);
    // Disk and internal attributes.
    fields.bytes(4)?;
    let (attributes, start) = (fields.u32()?, fields.u32()?);
    let name = fields.bytes(name.into())?;
    let extra = fields.bytes(extra.into())?;
    fields.bytes(comment.into())?;
    let Ok(name) = String::from_utf8(name.to_vec()) else {
        return damaged(format!("the name `{}` is not UTF-8", String::from_utf8_lossy(name)));
    };
    if flags & ENCRYPTED != 0 {
        return damaged(format!("entry `{name}` is encrypted"));
    }
    let method = match method {
        0 => Method::Stored,
        8 => Method::Deflated,
        other => return damaged(format!("entry `{name}` has compression method {other}; expected none or DEFLATE")),
    };
    let [size, compressed, start] = wide(extra, [size, compressed, start])?;
    if method == Method::Stored && size != compressed {
        return damaged(format!("entry `{name}` is not compressed, and has {size} bytes in {compressed}"));
    }
    let is_link = attributes >> 16 & FILE_TYPE == SYMBOLIC_LINK;
    Ok(Entry { name, method, size, is_link, compressed, crc32, start })
}

/// The numbers of an entry: those that are too large for 32 bits are in an extra field, in this order.
fn wide(extra: &[u8], numbers: [u32; 3]) -> Result<[u64; 3], ArchiveError> {
    let mut fields = Fields::new(extra);
    let mut found = Fields::new(&[]);
    // Padding, such as PyTorch's, may be shorter than a field.
    while let (Ok(kind), Ok(length)) = (fields.u16(), fields.u16()) {
        let Ok(content) = fields.bytes(length.into()) else { break };
        if kind == ZIP64_FIELD {
            found = Fields::new(content);
        }
    }
    let mut all = [0; 3];
    for (number, known) in all.iter_mut().zip(numbers) {
        *number = if known == u32::MAX { found.u64()? } else { known.into() };
    }
    Ok(all)
}

/// Replaces the position of each local header by that of the entry's data. Entries must not overlap one another or the directory.
fn place(reader: &mut (impl Read + Seek), entries: &mut [Entry], directory: u64) -> Result<(), ArchiveError> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|&at| entries[at].start);
    for (rank, &at) in order.iter().enumerate() {
        let limit = order.get(rank + 1).map_or(directory, |&next| entries[next].start);
        let entry = &mut entries[at];
        let outside = || damaged(format!("entry `{}` overlaps another one, or lies outside of the file", entry.name));
        if entry.start.checked_add(LOCAL_HEADER_LENGTH).is_none_or(|end| end > limit || end > directory) {
            return outside();
        }
        reader.seek(SeekFrom::Start(entry.start))?;
        let mut header = [0; LOCAL_HEADER_LENGTH as usize];
        reader.read_exact(&mut header)?;
        if !header.starts_with(&LOCAL_HEADER) {
            return damaged(format!("entry `{}` has no header", entry.name));
        }
        let mut lengths = Fields::new(&header[26..]);
        let start = entry.start + LOCAL_HEADER_LENGTH + u64::from(lengths.u16()?) + u64::from(lengths.u16()?);
        if start.checked_add(entry.compressed).is_none_or(|end| end > limit || end > directory) {
            return outside();
        }
        entry.start = start;
    }
    Ok(())
}
