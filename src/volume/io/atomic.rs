//! Image files that appear complete or not at all: written under a temporary name, then renamed.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file that is being written under a temporary name; dropped without [`publish`](Self::publish), it is removed.
#[derive(Debug)]
pub(super) struct PartialFile {
    path: PathBuf,
    /// The temporary path, beside the final one.
    pub(super) temporary: PathBuf,
}

impl PartialFile {
    /// Creates the missing parent folders, and chooses the temporary path, which ends in `ending`.
    pub(super) fn new(path: &Path, ending: &str) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(Self { path: path.to_owned(), temporary: temporary_path(path, ending) })
    }

    /// Gives the complete file its final name.
    pub(super) fn publish(self) -> io::Result<()> {
        #[expect(clippy::disallowed_methods, reason = "image files are written here, to a temporary name first")]
        fs::rename(&self.temporary, &self.path)
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        // Absent if it was published; the caller reports why it is incomplete otherwise.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Names that begin with `._` are skipped by every reader of such folders, should the process be killed while it
/// writes.
fn temporary_path(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from("._");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.partial{ending}", std::process::id()));
    path.with_file_name(name)
}
