//! What the file system says of a file, by which a change is noticed without reading it.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::store::StoreError;

/// How long ago a file must have changed for its stamp to tell later changes apart: the coarsest clock of a file system in use
/// (FAT) counts in steps of two seconds.
const SETTLED: Duration = Duration::from_secs(3);

/// Size, times and identity of a file, one of which differs when it has been replaced or written to.
///
/// The time of modification can be set by anybody, such as a tool that copies; the time of change and the inode cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStamp {
    /// Bytes.
    pub size: u64,
    /// Time of the last modification, nanoseconds since 1970; negative before.
    pub modified_ns: i128,
    /// Time of the last change of contents, name or rights, nanoseconds since 1970; unknown where the system has none.
    pub changed_ns: Option<i128>,
    /// Device and inode; unknown where the system has none.
    pub inode: Option<(u64, u64)>,
}

impl FileStamp {
    /// The stamp of the file at a path. Its contents are not read: a data set of many gigabytes is checked in a moment.
    ///
    /// # Errors
    ///
    /// When the file is missing, with its path.
    pub fn of(path: &Path) -> Result<Self, StoreError> {
        let stamp = fs::metadata(path).and_then(|metadata| Self::of_metadata(&metadata));
        stamp.map_err(|source| StoreError { verb: "read", path: path.to_owned(), source })
    }

    /// The stamp of an open file.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn of_open(file: &File) -> io::Result<Self> {
        Self::of_metadata(&file.metadata()?)
    }

    fn of_metadata(metadata: &Metadata) -> io::Result<Self> {
        let (changed_ns, inode) = identity(metadata);
        Ok(Self { size: metadata.len(), modified_ns: since_1970(metadata.modified()?), changed_ns, inode })
    }

    /// Whether a change from now on changes the stamp: not where the file was changed within the last tick of the clock.
    pub fn is_settled(&self) -> bool {
        let last = self.changed_ns.unwrap_or(self.modified_ns).max(self.modified_ns);
        // A time in the future is one that somebody has set.
        last > since_1970(SystemTime::now()) || last + (SETTLED.as_nanos() as i128) < since_1970(SystemTime::now())
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
    use crate::store::write_atomic;

    #[test]
    fn a_stamp_notices_a_changed_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.nii");
        write_atomic(&path, b"one").unwrap();
        let before = FileStamp::of(&path).unwrap();
        assert_eq!(before, FileStamp::of(&path).unwrap());
        assert!(!before.is_settled(), "it was written just now");
        write_atomic(&path, b"three").unwrap();
        assert_ne!(before, FileStamp::of(&path).unwrap());
    }

    #[test]
    #[cfg(unix)]
    fn a_stamp_notices_a_replaced_file_of_the_same_size_and_time_of_modification() {
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
