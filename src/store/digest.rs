//! SHA-256 digests of files and values.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::store::error::StoreError;

/// SHA-256 of a file's content in hexadecimal, read in pieces.
///
/// # Errors
///
/// If the file cannot be read, with its path.
pub fn digest_of_file(path: &Path) -> Result<String, StoreError> {
    let fail = |source| StoreError { verb: "read", path: path.to_owned(), source };
    // Reading a pipe could block for ever.
    if !fs::metadata(path).map_err(fail)?.is_file() {
        return Err(fail(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
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

/// SHA-256 of bytes in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of a value's JSON, shortened to 16 hexadecimal digits.
pub fn short_digest(value: &impl Serialize) -> String {
    let text = serde_json::to_vec(value).expect("numbers, texts and lists of them are JSON");
    digest(&text)[..16].to_owned()
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::files::write_atomic;

    #[test]
    fn the_digest_of_a_file_is_that_of_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.nii");
        write_atomic(&path, b"three").unwrap();
        assert_eq!(digest_of_file(&path).unwrap(), digest(b"three"));
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
        assert!(digest_of_file(&path).unwrap_err().to_string().contains("not a regular file"));
    }
}
