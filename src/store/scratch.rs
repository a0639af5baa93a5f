//! Temporary files of floats, for data that do not fit into memory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::store::error::StoreError;

/// A temporary file of `f32`. It is removed when it is dropped and, on systems that allow removing an open file, when
/// the process is killed.
#[derive(Debug)]
pub struct Scratch {
    file: File,
    path: PathBuf,
}

impl Scratch {
    /// Creates a file in a folder, and the folder if it is missing.
    ///
    /// # Errors
    ///
    /// If the folder or the file cannot be created.
    pub fn new(folder: &Path) -> Result<Self, StoreError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("._scratch.{}.{number}.partial", std::process::id()));
        let fail = |source| StoreError { verb: "create", path: path.clone(), source };
        fs::create_dir_all(folder).map_err(fail)?;
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path).map_err(fail)?;
        // Systems that refuse this remove the file in `drop`.
        let _ = fs::remove_file(&path);
        Ok(Self { file, path })
    }

    /// Writes values from index `start` on.
    ///
    /// # Errors
    ///
    /// If the disk is full, or refuses.
    pub fn write(&self, start: usize, values: &[f32]) -> Result<(), StoreError> {
        let written = self.seek(start).and_then(|mut file| file.write_all(bytemuck::cast_slice(values)));
        written.map_err(|source| StoreError { verb: "write", path: self.path.clone(), source })
    }

    /// Reads values from index `start` on.
    ///
    /// # Errors
    ///
    /// If fewer values were written, or the disk refuses.
    pub fn read(&self, start: usize, values: &mut [f32]) -> Result<(), StoreError> {
        let read = self.seek(start).and_then(|mut file| file.read_exact(bytemuck::cast_slice_mut(values)));
        read.map_err(|source| StoreError { verb: "read", path: self.path.clone(), source })
    }

    fn seek(&self, start: usize) -> io::Result<&File> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start((start * size_of::<f32>()) as u64))?;
        Ok(file)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::float_cmp, reason = "the values are copied, not computed")]
    fn values_are_read_back_and_the_file_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(folder.path()).unwrap();
        scratch.write(3, &[4.0, 5.0]).unwrap();
        scratch.write(0, &[1.0, 2.0, 3.0]).unwrap();
        let mut found = [0.0; 4];
        scratch.read(1, &mut found).unwrap();
        assert_eq!(found, [2.0, 3.0, 4.0, 5.0]);
        assert!(scratch.read(4, &mut found).is_err());
        drop(scratch);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
