//! Every file name that the program makes, and the only way it writes them: to a temporary name, then renamed.
//!
//! Input: bytes, text or tensors and where they belong. Output: files that are whole whenever the process is killed.
//! Deliberately absent: what the files mean.

pub mod folder;
pub mod report;
pub mod scratch;
pub mod table;
pub mod tensors;

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
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

/// Whether a file can be written, before anything is computed for it: a trial file is made and removed again in the innermost of
/// its folders that exists.
///
/// # Errors
///
/// When the path is a folder, or nothing can be written into the folder, with the path.
pub fn check_writable(path: &Path) -> Result<(), StoreError> {
    let fail = |source| StoreError { verb: "write", path: path.to_owned(), source };
    let name = path.file_name().filter(|_| !path.is_dir()).ok_or_else(|| fail(io::ErrorKind::IsADirectory.into()))?;
    let whole = std::path::absolute(path).map_err(fail)?;
    let folder = whole.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let trial = temporary_name(&folder.join(name));
    fs::write(&trial, []).and_then(|()| fs::remove_file(&trial)).map_err(fail)
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

/// Size and time of change of a file, which differ when it has been replaced or written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStamp {
    /// Bytes.
    pub size: u64,
    /// Time of the last change, nanoseconds since 1970.
    pub changed_ns: u64,
}

/// The stamp of a file. Its contents are not read: a data set of many gigabytes is checked in a moment.
///
/// # Errors
///
/// When the file is missing, with its path.
pub fn stamp(path: &Path) -> Result<FileStamp, StoreError> {
    let fail = |source| StoreError { verb: "read", path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(fail)?;
    let changed = metadata.modified().map_err(fail)?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(FileStamp { size: metadata.len(), changed_ns: changed.as_nanos() as u64 })
}

/// Digest of what a file holds: SHA-256 in hexadecimal. It is read piece by piece.
///
/// # Errors
///
/// When the file cannot be read, with its path.
pub fn digest_of_file(path: &Path) -> Result<String, StoreError> {
    let fail = |source| StoreError { verb: "read", path: path.to_owned(), source };
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
    fn whether_a_file_can_be_written_is_known_without_a_trace() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        write_atomic(&at.join("file"), b"").unwrap();
        assert!(check_writable(&at.join("new/er/plan.toml")).is_ok() && check_writable(&at.join("file")).is_ok());
        assert!(check_writable(&at.join("file/plan.toml")).is_err(), "a file is no folder");
        assert!(check_writable(at).is_err());
        assert_eq!(fs::read_dir(at).unwrap().count(), 1);
    }

    #[test]
    fn a_stamp_notices_a_changed_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.nii");
        write_atomic(&path, b"one").unwrap();
        let before = stamp(&path).unwrap();
        assert_eq!(before, stamp(&path).unwrap());
        write_atomic(&path, b"three").unwrap();
        assert_ne!(before, stamp(&path).unwrap());
        assert_eq!(digest_of_file(&path).unwrap(), digest(b"three"));
    }

    #[test]
    fn digests_are_sha256() {
        assert_eq!(digest(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
