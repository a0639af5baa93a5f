//! Writes a zip archive of entries that are not compressed.

use std::io::Write;

use flate2::Crc;

use crate::nnunet::archive::error::{ArchiveError, damaged};

/// Version of the format that an archive without compression needs, times 10.
const VERSION: u16 = 10;
/// 1 January 1980: the earliest date, so that equal contents make equal files.
const DATE: u16 = 0x21;

/// An archive that is being written. Everything has 32-bit sizes: an archive has at most 4 GiB.
pub(in crate::nnunet) struct ArchiveWriter<W> {
    to: W,
    /// Bytes written so far.
    position: u32,
    directory: Vec<u8>,
    entries: u16,
}

impl<W: Write> ArchiveWriter<W> {
    pub(in crate::nnunet) fn new(to: W) -> Self {
        Self { to, position: 0, directory: Vec::new(), entries: 0 }
    }

    /// Adds an entry.
    pub(in crate::nnunet) fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), ArchiveError> {
        let (Ok(size), Ok(name_length)) = (u32::try_from(bytes.len()), u16::try_from(name.len())) else {
            return damaged(format!("entry `{name}` is larger than 4 GiB"));
        };
        let mut crc = Crc::new();
        crc.update(bytes);
        let mut header = Vec::new();
        for field in [VERSION, 0, 0, 0, DATE] {
            header.extend(field.to_le_bytes());
        }
        for field in [crc.sum(), size, size] {
            header.extend(field.to_le_bytes());
        }
        header.extend(name_length.to_le_bytes());
        header.extend([0; 2]);

        self.directory.extend(b"PK\x01\x02");
        self.directory.extend(VERSION.to_le_bytes());
        self.directory.extend(&header);
        // Comment, disk and attributes.
        self.directory.extend([0; 10]);
        self.directory.extend(self.position.to_le_bytes());
        self.directory.extend(name.as_bytes());

        for part in [b"PK\x03\x04".as_slice(), &header, name.as_bytes(), bytes] {
            self.write(part)?;
        }
        let Some(entries) = self.entries.checked_add(1) else {
            return damaged("an archive has at most 65535 entries");
        };
        self.entries = entries;
        Ok(())
    }

    /// Writes the directory.
    pub(in crate::nnunet) fn finish(mut self) -> Result<W, ArchiveError> {
        let start = self.position;
        let directory = std::mem::take(&mut self.directory);
        self.write(&directory)?;
        let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
        for count in [self.entries; 2] {
            end.extend(count.to_le_bytes());
        }
        for field in [self.position - start, start] {
            end.extend(field.to_le_bytes());
        }
        end.extend([0; 2]);
        self.write(&end)?;
        Ok(self.to)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        let end = u32::try_from(bytes.len()).ok().and_then(|length| self.position.checked_add(length));
        let Some(end) = end else { return damaged("the archive is larger than 4 GiB") };
        self.to.write_all(bytes)?;
        self.position = end;
        Ok(())
    }
}
