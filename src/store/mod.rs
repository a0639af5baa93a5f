//! Every file name that the program makes, and the only way it writes them: to a temporary name, then renamed.
//!
//! Input: bytes, text or tensors and where they belong. Output: files that are whole whenever the process is killed.
//! Deliberately absent: what the files mean.

pub mod claim;
pub mod outputs;
pub mod rows;
pub mod scratch;
pub mod stamp;
pub mod table;
pub mod tensors;

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// A file could not be read or written.
#[derive(Debug, Error)]
#[error("cannot {verb} `{}`: {source}", path.display())]
pub struct StoreError {
    /// What was tried: read, write, create.
    pub verb: &'static str,
    /// The file.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

/// Writes a file so that it is either the old one or the whole new one, whenever the process is killed.
///
/// Missing parent folders are made.
///
/// # Errors
///
/// When the folder cannot be made or the file cannot be written, with its path.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let fail = |source| StoreError { verb: "write", path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    let temporary = temporary_name(path);
    fs::write(&temporary, bytes).map_err(fail)?;
    #[expect(clippy::disallowed_methods, reason = "this is the one way files are written")]
    fs::rename(&temporary, path).map_err(fail)
}

/// Writes a person's file anew, as [`write_atomic`] does: where it is a link, the file that it leads to, and with the rights that
/// this file has.
///
/// # Errors
///
/// When the file is missing or cannot be written, with its path.
pub fn rewrite(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let fail = |source| StoreError { verb: "write", path: path.to_owned(), source };
    let path = fs::canonicalize(path).map_err(fail)?;
    let rights = fs::metadata(&path).map_err(fail)?.permissions();
    write_atomic(&path, bytes)?;
    fs::set_permissions(&path, rights).map_err(fail)
}

/// Name beside `path` that a file has while it is being written; of this process alone.
pub fn temporary_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    path.with_file_name(name)
}

/// Text of a file.
///
/// # Errors
///
/// When the file cannot be read or is not UTF-8, with its path.
pub fn read_text(path: &Path) -> Result<String, StoreError> {
    fs::read_to_string(path).map_err(|source| StoreError { verb: "read", path: path.to_owned(), source })
}

/// Text of a file, or nothing where there is no such file.
///
/// # Errors
///
/// When the file is there and cannot be read.
pub fn read_text_if_present(path: &Path) -> Result<Option<String>, StoreError> {
    match read_text(path) {
        Ok(text) => Ok(Some(text)),
        Err(failure) if failure.source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Removes a file, if it is there.
///
/// # Errors
///
/// When the file is there and cannot be removed.
pub fn remove_if_present(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(StoreError { verb: "remove", path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// Removes the files of a folder, if there is one; folders in it stay.
///
/// # Errors
///
/// When the folder cannot be read or a file cannot be removed.
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

/// Digest of what a file holds: SHA-256 in hexadecimal. It is read piece by piece.
///
/// # Errors
///
/// When the file cannot be read, with its path.
pub fn digest_of_file(path: &Path) -> Result<String, StoreError> {
    let fail = |source| StoreError { verb: "read", path: path.to_owned(), source };
    // A pipe would be waited for without an end.
    if !fs::metadata(path).map_err(fail)?.is_file() {
        return Err(fail(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")));
    }
    let mut file = fs::File::open(path).map_err(fail)?;
    let (mut hash, mut piece) = (Sha256::new(), vec![0; 1 << 18]);
    loop {
        match file.read(&mut piece).map_err(fail)? {
            0 => return Ok(hex(&hash.finalize())),
            bytes => hash.update(&piece[..bytes]),
        }
    }
}

/// Digest of bytes: SHA-256 in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Digest of a value's JSON, shortened to 16 digits, which tell apart what a person ever makes.
pub fn short_digest(value: &impl Serialize) -> String {
    let text = serde_json::to_vec(value).expect("what is digested is numbers, texts and lists of them");
    digest(&text)[..16].to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_replaces_a_file_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/plan.toml");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(read_text(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    #[cfg(unix)]
    fn a_persons_file_is_rewritten_through_its_link_and_keeps_its_rights() {
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
    fn the_digest_of_a_file_is_that_of_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.nii");
        write_atomic(&path, b"three").unwrap();
        assert_eq!(digest_of_file(&path).unwrap(), digest(b"three"));
    }

    #[test]
    fn files_of_a_folder_are_removed_and_nothing_is_no_fault() {
        let folder = tempfile::tempdir().unwrap();
        write_atomic(&folder.path().join("a"), b"").unwrap();
        write_atomic(&folder.path().join("inner/b"), b"").unwrap();
        remove_files(folder.path()).unwrap();
        remove_files(&folder.path().join("absent")).unwrap();
        assert!(!folder.path().join("a").exists() && folder.path().join("inner/b").exists());
    }

    #[test]
    fn digests_are_sha256() {
        assert_eq!(digest(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    #[cfg(unix)]
    fn a_pipe_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.nii.gz");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        assert!(digest_of_file(&path).unwrap_err().to_string().contains("no regular file"));
    }
}
