//! Reads archives that may come from anyone.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive};

use crate::store::archive::end::check_end;
use crate::store::archive::error::ArchiveError;
use crate::store::archive::limits::is_entry_name;
use crate::store::error::StoreError;

/// Where the content of an entry is in the file.
#[derive(Clone, Copy, Debug)]
struct Range {
    start: u64,
    bytes: u64,
}

/// An open archive whose structure has been checked.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    file: File,
    entries: BTreeMap<String, Range>,
}

impl Archive {
    /// Opens an archive and checks its structure; no entry is read.
    ///
    /// Allocates at most 4 MiB, whatever the file contains.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is not as [`write_archive`](crate::store::archive::write_archive) writes it: it has a comment,
    /// or an entry that is compressed, encrypted, a link or a folder, that overlaps another one or has its name, or whose name could
    /// lead to another folder.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let fail = |source| StoreError { verb: "read", path: path.to_owned(), source };
        let damaged = |reason: String| ArchiveError::damaged(path, reason);
        // Opening a pipe could block for ever.
        let metadata = fs::metadata(path).map_err(fail)?;
        if !metadata.is_file() {
            return Err(fail(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")).into());
        }
        let mut file = File::open(path).map_err(fail)?;
        let bytes = file.metadata().map_err(fail)?.len();
        check_end(&mut file, bytes).map_err(fail)?.map_err(|reason| damaged(reason.to_owned()))?;
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let mut zip =
            ZipArchive::with_config(config, BufReader::new(&file)).map_err(|error| damaged(error.to_string()))?;
        let entries = entries(&mut zip, bytes).map_err(damaged)?;
        drop(zip);
        Ok(Self { path: path.to_owned(), file, entries })
    }

    /// Path of the archive.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names and sizes of all entries, bytes, sorted by name.
    pub fn entries(&self) -> impl Iterator<Item = (&str, u64)> {
        self.entries.iter().map(|(name, range)| (name.as_str(), range.bytes))
    }

    /// A reader of the content of an entry, and its size in bytes.
    ///
    /// # Errors
    ///
    /// If there is no such entry, or the file cannot be read.
    pub fn reader(&self, name: &str) -> Result<(io::Take<&File>, u64), ArchiveError> {
        let range = self.entries.get(name).ok_or_else(|| self.damaged(format!("it has no entry `{name}`")))?;
        let mut file = &self.file;
        file.seek(SeekFrom::Start(range.start)).map_err(|source| self.unreadable(source))?;
        Ok((file.take(range.bytes), range.bytes))
    }

    /// The content of an entry of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// If there is no such entry, it is larger, or the file cannot be read.
    pub fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        let (mut reader, bytes) = self.reader(name)?;
        if bytes > limit {
            return Err(self.damaged(format!("its entry `{name}` has {bytes} bytes; expected at most {limit}")));
        }
        let mut content = Vec::with_capacity(bytes as usize);
        reader.read_to_end(&mut content).map_err(|source| self.unreadable(source))?;
        Ok(content)
    }

    /// The error that this archive is damaged.
    pub fn damaged(&self, reason: impl Into<String>) -> ArchiveError {
        ArchiveError::damaged(&self.path, reason)
    }

    fn unreadable(&self, source: io::Error) -> ArchiveError {
        StoreError { verb: "read", path: self.path.clone(), source }.into()
    }
}

/// The entries of an archive of this many bytes, or the reason why one of them is refused.
fn entries(zip: &mut ZipArchive<BufReader<&File>>, bytes: u64) -> Result<BTreeMap<String, Range>, String> {
    if zip.metadata().has_duplicate_names() {
        return Err("two of its entries have the same name".to_owned());
    }
    let mut found = BTreeMap::new();
    for index in 0..zip.len() {
        let (name, range) = entry(zip, index)?;
        if range.start.checked_add(range.bytes).is_none_or(|end| end > bytes) {
            return Err(format!("its entry `{name}` reaches beyond its end"));
        }
        found.insert(name, range);
    }
    let mut ranges: Vec<Range> = found.values().copied().collect();
    ranges.sort_unstable_by_key(|range| (range.start, range.bytes));
    if ranges.windows(2).any(|pair| pair[0].start + pair[0].bytes > pair[1].start) {
        return Err("its entries overlap".to_owned());
    }
    Ok(found)
}

fn entry(zip: &mut ZipArchive<BufReader<&File>>, index: usize) -> Result<(String, Range), String> {
    let entry = zip.by_index_raw(index).map_err(|error| error.to_string())?;
    let shown = String::from_utf8_lossy(entry.name_raw()).chars().take(80).collect::<String>();
    let refused = |reason: &str| Err(format!("its entry {shown:?} {reason}"));
    let Some(name) = std::str::from_utf8(entry.name_raw()).ok().filter(|name| is_entry_name(name)) else {
        return refused("has a name that segplan does not write");
    };
    if !entry.is_file() || entry.encrypted() {
        return refused("is no plain file");
    }
    if entry.compression() != CompressionMethod::Stored || entry.size() != entry.compressed_size() {
        return refused("is compressed, or its size is wrong");
    }
    let Some(start) = entry.data_start() else { return refused("has no content") };
    Ok((name.to_owned(), Range { start, bytes: entry.size() }))
}
