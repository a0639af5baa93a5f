//! Zip archives from untrusted sources: checkpoints of PyTorch, and the archives in which models of nnU-Net are published.
//!
//! Nothing in an archive is trusted. The directory is checked before anything is read by it: entries lie within the file, do not
//! overlap, and occur once; the numbers of the zip64 records agree with the others. The size to which an entry unpacks is limited by the caller.
//!
//! Source: APPNOTE.TXT 6.3.10 of PKWARE, sections 4.3 to 4.5.

mod directory;
mod end;
mod error;
mod fields;
mod write;

#[cfg(test)]
mod tests;

use std::io::{Read, Seek, SeekFrom, Write};

use flate2::Crc;
use flate2::read::DeflateDecoder;

pub(super) use self::error::ArchiveError;

pub(super) use self::directory::{Entry, Method};
pub(super) use self::write::ArchiveWriter;

use self::directory::read_directory;
use self::error::damaged;

/// Bytes that are copied at once.
const CHUNK: usize = 1 << 16;

/// An open archive whose directory is checked.
pub(super) struct Archive<R> {
    reader: R,
    length: u64,
    entries: Vec<Entry>,
}

impl<R: Read + Seek> Archive<R> {
    /// Opens an archive.
    pub(super) fn open(mut reader: R) -> Result<Self, ArchiveError> {
        let length = reader.seek(SeekFrom::End(0))?;
        let entries = read_directory(&mut reader, length)?;
        Ok(Self { reader, length, entries })
    }

    /// Size of the archive itself, bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Reads an entry that is not compressed. Its size is at most that of the archive.
    pub(super) fn read_stored(&mut self, entry: &Entry) -> Result<Vec<u8>, ArchiveError> {
        if entry.method != Method::Stored {
            return damaged(format!("entry `{}` is compressed", entry.name));
        }
        self.reader.seek(SeekFrom::Start(entry.start))?;
        let mut bytes = vec![0; entry.size as usize];
        self.reader.read_exact(&mut bytes)?;
        let mut crc = Crc::new();
        crc.update(&bytes);
        check_crc(entry, &crc)?;
        Ok(bytes)
    }

    /// Copies the content of an entry. Writes at most `entry.size` bytes, however many the compressed bytes unpack to.
    pub(super) fn copy(&mut self, entry: &Entry, to: &mut impl Write) -> Result<(), ArchiveError> {
        self.reader.seek(SeekFrom::Start(entry.start))?;
        let stored = (&mut self.reader).take(entry.compressed);
        match entry.method {
            Method::Stored => copy_checked(stored, entry, to),
            Method::Deflated => copy_checked(DeflateDecoder::new(stored), entry, to),
        }
    }
}

fn copy_checked(mut from: impl Read, entry: &Entry, to: &mut impl Write) -> Result<(), ArchiveError> {
    let (mut crc, mut left) = (Crc::new(), entry.size);
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = from.read(&mut chunk)?;
        if count as u64 > left || (count == 0 && left > 0) {
            return damaged(format!("entry `{}` does not have the {} bytes of its header", entry.name, entry.size));
        }
        if count == 0 {
            return check_crc(entry, &crc);
        }
        crc.update(&chunk[..count]);
        to.write_all(&chunk[..count])?;
        left -= count as u64;
    }
}

/// PyTorch writes 0 if its checksums are switched off.
fn check_crc(entry: &Entry, crc: &Crc) -> Result<(), ArchiveError> {
    let (recorded, found) = (entry.crc32, crc.sum());
    if recorded == 0 || recorded == found {
        return Ok(());
    }
    damaged(format!("the checksum of entry `{}` is {found:08x}; expected {recorded:08x}", entry.name))
}
