//! The lock of a run folder: one process at a time works on a run.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::experiment::error::ExperimentError;
use crate::run::folder::RunFolder;
use crate::store::StoreError;
use crate::store::stamp::FileStamp;

/// The lock of a run folder, released when dropped. If the folder is empty then, it is removed: a refused run does not occupy its
/// name.
#[derive(Debug)]
pub(super) struct Lock {
    folder: PathBuf,
    path: PathBuf,
    /// Locked while it is open.
    _file: File,
}

impl Lock {
    pub(super) fn take(folder: &RunFolder) -> Result<Self, ExperimentError> {
        let path = folder.lock();
        loop {
            let file = open(folder)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &path) => {
                    return Ok(Self { folder: folder.root.clone(), path, _file: file });
                }
                // The process that held it has removed the file in between.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(ExperimentError::Locked(folder.root.display().to_string()));
                }
                Err(TryLockError::Error(source)) => return Err(StoreError { verb: "lock", path, source }.into()),
            }
        }
    }
}

fn open(folder: &RunFolder) -> Result<File, StoreError> {
    let path = folder.lock();
    let has_parent = || folder.root.parent().is_some_and(Path::is_dir);
    loop {
        match fs::create_dir_all(&folder.root).and_then(|()| File::create(&path)) {
            // The process that held the lock has removed the folder in between.
            Err(source) if source.kind() == io::ErrorKind::NotFound && has_parent() => {}
            made => return made.map_err(|source| StoreError { verb: "create", path, source }),
        }
    }
}

/// Whether a path still names an open file.
fn is_at(file: &File, path: &Path) -> bool {
    match (FileStamp::of_open(file), FileStamp::of(path)) {
        (Ok(open), Ok(named)) => open.inode == named.inode,
        _ => false,
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let Ok(mut entries) = fs::read_dir(&self.folder) else { return };
        let is_alone = entries.all(|entry| entry.is_ok_and(|entry| entry.path() == self.path));
        if is_alone {
            // If either fails, the remaining file or folder does no harm.
            let _ = fs::remove_file(&self.path);
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_keeps_others_out_and_an_unused_folder_goes_with_it() {
        let runs = tempfile::tempdir().unwrap();
        let folder = RunFolder::new(runs.path(), "run");
        let lock = Lock::take(&folder).unwrap();
        assert!(matches!(Lock::take(&folder), Err(ExperimentError::Locked(_))));
        drop(lock);
        assert!(!folder.root.exists());

        let lock = Lock::take(&folder).unwrap();
        fs::write(folder.resolved_plan(), "").unwrap();
        drop(lock);
        assert!(folder.resolved_plan().exists() && Lock::take(&folder).is_ok());
    }
}
