//! Stamps of files: metadata that reveal a change without reading the file.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::store::error::StoreError;

/// Minimum age of a file for its stamp to reveal every later change: the coarsest clock of a file system (FAT) has
/// steps of two seconds.
const MIN_AGE: Duration = Duration::from_secs(3);

/// Size, times and identity of a file, at least one of which changes when the file is replaced or written.
///
/// Any tool can set the modification time, for example when it copies; the change time and the inode cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStamp {
    /// Size in bytes.
    pub size: u64,
    /// Modification time, nanoseconds since 1970; negative before.
    pub modified_ns: i128,
    /// Time of the last change of content, name or permissions, nanoseconds since 1970; `None` on systems without it.
    pub changed_ns: Option<i128>,
    /// Device and inode; `None` on systems without them.
    pub inode: Option<(u64, u64)>,
}

impl FileStamp {
    /// The stamp of the file at a path. The content is not read, so a large data set is checked in moments.
    ///
    /// # Errors
    ///
    /// If the file is missing, with its path.
    pub fn of(path: &Path) -> Result<Self, StoreError> {
        let stamp = fs::metadata(path).and_then(|metadata| Self::of_metadata(&metadata));
        stamp.map_err(|source| StoreError { verb: "read", path: path.to_owned(), source })
    }

    /// The stamp of an open file.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn of_open(file: &File) -> io::Result<Self> {
        Self::of_metadata(&file.metadata()?)
    }

    fn of_metadata(metadata: &Metadata) -> io::Result<Self> {
        let (changed_ns, inode) = identity(metadata);
        Ok(Self { size: metadata.len(), modified_ns: since_1970(metadata.modified()?), changed_ns, inode })
    }

    /// Whether every change from now on changes the stamp; false if the file changed within the last tick of the clock.
    pub fn is_settled(&self) -> bool {
        let last = self.changed_ns.unwrap_or(self.modified_ns).max(self.modified_ns);
        // A time in the future was set by a tool.
        last > since_1970(SystemTime::now()) || last + (MIN_AGE.as_nanos() as i128) < since_1970(SystemTime::now())
    }
}

fn since_1970(time: SystemTime) -> i128 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_nanos() as i128,
        Err(before) => -(before.duration().as_nanos() as i128),
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (Option<i128>, Option<(u64, u64)>) {
    use std::os::unix::fs::MetadataExt as _;
    let changed = i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec());
    (Some(changed), Some((metadata.dev(), metadata.ino())))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> (Option<i128>, Option<(u64, u64)>) {
    (None, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::files::write_atomic;

    #[test]
    fn a_stamp_reveals_a_changed_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.nii");
        write_atomic(&path, b"one").unwrap();
        let before = FileStamp::of(&path).unwrap();
        assert_eq!(before, FileStamp::of(&path).unwrap());
        assert!(!before.is_settled(), "it was just written");
        write_atomic(&path, b"three").unwrap();
        assert_ne!(before, FileStamp::of(&path).unwrap());
    }

    #[test]
    #[cfg(unix)]
    fn a_stamp_reveals_a_replaced_file_of_the_same_size_and_modification_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.nii");
        write_atomic(&path, b"one").unwrap();
        let before = FileStamp::of(&path).unwrap();
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        write_atomic(&path, b"two").unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        let after = FileStamp::of(&path).unwrap();
        assert_eq!((after.size, after.modified_ns), (before.size, before.modified_ns));
        assert_ne!(after, before);
    }

    #[test]
    fn times_before_1970_differ() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.nii");
        write_atomic(&path, b"one").unwrap();
        let modified = |seconds| {
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(UNIX_EPOCH - Duration::from_secs(seconds)).unwrap();
            FileStamp::of(&path).unwrap().modified_ns
        };
        assert_eq!([10, 20].map(modified), [-10_000_000_000, -20_000_000_000]);
    }
}
