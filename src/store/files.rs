//! Reads, writes and removes whole files.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::store::error::StoreError;

/// Writes a file atomically: whenever the process is killed, it is the old file or the complete new one. Creates
/// missing parent folders.
///
/// # Errors
///
/// If a folder cannot be created or the file cannot be written, with its path.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    write_atomic_with(path, |file| {
        file.write_all(bytes).map_err(|source| StoreError { verb: "write", path: path.to_owned(), source })
    })
}

/// Writes a file atomically, as [`write_atomic`]; `write` writes its content. If that fails, nothing is left.
///
/// # Errors
///
/// If `write` fails, a folder cannot be created, or the file cannot be written.
pub(super) fn write_atomic_with<E: From<StoreError>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let fail = |source| StoreError { verb: "write", path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    let temporary = temporary_name(path);
    let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&temporary).map_err(fail)?;
    if let Err(error) = write(&mut file) {
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    #[expect(clippy::disallowed_methods, reason = "the only function that writes files")]
    Ok(fs::rename(&temporary, path).map_err(fail)?)
}

/// Rewrites a user's file, as [`write_atomic`]: follows a symbolic link, and keeps the file's permissions.
///
/// # Errors
///
/// If the file is missing or cannot be written, with its path.
pub fn rewrite(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let fail = |source| StoreError { verb: "write", path: path.to_owned(), source };
    let path = fs::canonicalize(path).map_err(fail)?;
    let permissions = fs::metadata(&path).map_err(fail)?.permissions();
    write_atomic(&path, bytes)?;
    fs::set_permissions(&path, permissions).map_err(fail)
}

/// Temporary path of a file while this process writes it, in the same folder.
pub fn temporary_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    path.with_file_name(name)
}

/// Reads a text file.
///
/// # Errors
///
/// If the file cannot be read or is not UTF-8, with its path.
pub fn read_text(path: &Path) -> Result<String, StoreError> {
    fs::read_to_string(path).map_err(|source| StoreError { verb: "read", path: path.to_owned(), source })
}

/// Reads a text file. Returns `None` if it does not exist.
///
/// # Errors
///
/// If the file exists and cannot be read.
pub fn read_text_if_present(path: &Path) -> Result<Option<String>, StoreError> {
    match read_text(path) {
        Ok(text) => Ok(Some(text)),
        Err(failure) if failure.source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Removes a file, if it exists.
///
/// # Errors
///
/// If the file exists and cannot be removed.
pub fn remove_if_present(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(StoreError { verb: "remove", path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// Removes the files of a folder, if it exists; subfolders are kept.
///
/// # Errors
///
/// If the folder cannot be read or a file cannot be removed.
pub fn remove_files(folder: &Path) -> Result<(), StoreError> {
    let fail = |source| StoreError { verb: "read", path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(fail)?,
    };
    for entry in entries {
        let path = entry.map_err(fail)?.path();
        if !path.is_dir() {
            remove_if_present(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_replaces_a_file_and_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/plan.toml");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(read_text(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    #[cfg(unix)]
    fn a_file_is_rewritten_through_its_link_and_keeps_its_permissions() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("plan.toml"), folder.path().join("link.toml"));
        write_atomic(&path, b"one").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&path, &link).unwrap();
        rewrite(&link, b"two").unwrap();
        assert_eq!(read_text(&path).unwrap(), "two");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn files_of_a_folder_are_removed_and_a_missing_folder_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        write_atomic(&folder.path().join("a"), b"").unwrap();
        write_atomic(&folder.path().join("inner/b"), b"").unwrap();
        remove_files(folder.path()).unwrap();
        remove_files(&folder.path().join("absent")).unwrap();
        assert!(!folder.path().join("a").exists() && folder.path().join("inner/b").exists());
    }
}
