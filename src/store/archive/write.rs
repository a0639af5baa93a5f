//! Writes archives.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use crate::store::archive::limits::is_entry_name;
use crate::store::digest::hex;
use crate::store::error::StoreError;
use crate::store::files::write_atomic_with;

/// Bytes that are copied at once.
const PIECE: usize = 1 << 18;

/// An entry that has been written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Size, bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

/// An archive that is being written.
pub struct ArchiveWriter<'a> {
    zip: ZipWriter<&'a mut File>,
}

impl ArchiveWriter<'_> {
    /// Appends an entry.
    ///
    /// # Errors
    ///
    /// If the content cannot be read, or the archive cannot be written.
    ///
    /// # Panics
    ///
    /// If [`Archive::open`](crate::store::archive::Archive::open) refuses the name.
    pub fn add(&mut self, name: &str, content: &mut dyn Read) -> io::Result<Stored> {
        assert!(is_entry_name(name), "`{name}` can be the name of an entry");
        // The date and the permissions are the same on every machine: equal contents are equal archives.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .system(System::Unix)
            .unix_permissions(0o644);
        self.zip.start_file(name, options)?;
        let (mut hash, mut piece, mut bytes) = (Sha256::new(), vec![0; PIECE], 0);
        loop {
            match content.read(&mut piece)? {
                0 => return Ok(Stored { bytes, sha256: hex(&hash.finalize()) }),
                read => {
                    hash.update(&piece[..read]);
                    self.zip.write_all(&piece[..read])?;
                    bytes += read as u64;
                }
            }
        }
    }
}

/// Writes an archive atomically; `fill` adds its entries in their order.
///
/// # Errors
///
/// If `fill` fails, or the file cannot be written.
pub fn write_archive<E: From<StoreError>>(
    path: &Path,
    fill: impl FnOnce(&mut ArchiveWriter<'_>) -> Result<(), E>,
) -> Result<(), E> {
    write_atomic_with(path, |file| {
        let mut writer = ArchiveWriter { zip: ZipWriter::new(file) };
        fill(&mut writer)?;
        let written = writer.zip.finish().map(drop).map_err(io::Error::from);
        Ok(written.map_err(|source| StoreError { verb: "write", path: path.to_owned(), source })?)
    })
}
