//! Archives written and read, and archives that nobody should read.

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;

use crate::store::StoreError;
use crate::store::archive::{Archive, ArchiveError, write_archive};
use crate::store::digest;

/// An entry of an archive that is built byte by byte.
#[derive(Clone)]
struct Raw {
    name: &'static str,
    content: &'static [u8],
    method: u16,
    flags: u16,
    /// Permissions and type of a Unix file.
    mode: u16,
    /// Sizes that the directory claims, compressed and uncompressed.
    sizes: [u32; 2],
    /// Offset that the directory claims; the real one if `None`.
    offset: Option<u32>,
}

impl Raw {
    fn new(name: &'static str, content: &'static [u8]) -> Self {
        let size = content.len() as u32;
        Self { name, content, method: 0, flags: 0, mode: 0o100_644, sizes: [size; 2], offset: None }
    }
}

/// A ZIP file as APPNOTE.TXT 6.3.10 describes it.
fn zip(entries: &[Raw], comment: &[u8]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let start = entry.offset.unwrap_or(file.len() as u32);
        let mut common = Vec::new();
        for number in [20, entry.flags, entry.method, 0, 0x21] {
            common.extend(u16::to_le_bytes(number));
        }
        common.extend(crc32(entry.content).to_le_bytes());
        entry.sizes.iter().for_each(|size| common.extend(size.to_le_bytes()));
        common.extend((entry.name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        file.extend(b"PK\x03\x04");
        file.extend(&common);
        file.extend(entry.name.as_bytes());
        file.extend(entry.content);
        directory.extend(b"PK\x01\x02");
        directory.extend([20, 3]);
        directory.extend(&common);
        directory.extend([0; 6]);
        directory.extend((u32::from(entry.mode) << 16).to_le_bytes());
        directory.extend(start.to_le_bytes());
        directory.extend(entry.name.as_bytes());
    }
    let count = entries.len() as u16;
    let (start, size) = (file.len() as u32, directory.len() as u32);
    file.extend(directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    file.extend([size.to_le_bytes(), start.to_le_bytes()].concat());
    file.extend((comment.len() as u16).to_le_bytes());
    file.extend(comment);
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 };
    !bytes.iter().fold(!0, |sum: u32, &byte| (0..8).fold(sum ^ u32::from(byte), step))
}

fn open(bytes: &[u8]) -> Result<Vec<(String, u64)>, ArchiveError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.segplan");
    fs::write(&path, bytes).unwrap();
    let archive = Archive::open(&path)?;
    Ok(archive.entries().map(|(name, bytes)| (name.to_owned(), bytes)).collect())
}

fn refused(bytes: &[u8]) -> String {
    let error = open(bytes).unwrap_err();
    assert!(matches!(error, ArchiveError::Damaged { .. }), "{error}");
    let text = error.to_string();
    assert!(text.ends_with("; get an intact copy"), "{text}");
    text.split_once("segplan: ").unwrap().1.replace("; get an intact copy", "")
}

fn written(entries: &[(&str, &[u8])]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/a.segplan");
    write_archive::<StoreError>(&path, |archive| {
        for (name, mut content) in entries.iter().copied() {
            let stored = archive.add(name, &mut content).unwrap();
            assert_eq!(stored.bytes, entries.iter().find(|entry| entry.0 == name).unwrap().1.len() as u64);
        }
        Ok(())
    })
    .unwrap();
    (folder, path)
}

#[test]
fn entries_are_read_back_and_equal_entries_are_equal_files() {
    let entries: [(&str, &[u8]); 3] = [("b/c.bin", &[7; 1000]), ("a.txt", b"text"), ("empty", b"")];
    let (_one, path) = written(&entries);
    let (_two, again) = written(&entries);
    assert_eq!(fs::read(&path).unwrap(), fs::read(again).unwrap());
    let archive = Archive::open(&path).unwrap();
    let found: Vec<(&str, u64)> = archive.entries().collect();
    assert_eq!(found, [("a.txt", 4), ("b/c.bin", 1000), ("empty", 0)]);
    assert_eq!(archive.read("a.txt", 4).unwrap(), b"text");
    let mut content = Vec::new();
    archive.reader("b/c.bin").unwrap().0.read_to_end(&mut content).unwrap();
    assert_eq!(digest(&content), digest(&[7; 1000]));
    let large = archive.read("a.txt", 3).unwrap_err().to_string();
    assert!(large.contains("its entry `a.txt` has 4 bytes; expected at most 3"), "{large}");
    assert!(archive.read("c", 1).unwrap_err().to_string().contains("it has no entry `c`"));
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn a_plain_archive_of_another_program_is_read() {
    let file = zip(&[Raw::new("a.txt", b"text"), Raw::new("b/c", b"")], b"");
    assert_eq!(open(&file).unwrap(), [("a.txt".to_owned(), 4), ("b/c".to_owned(), 0)]);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in ["../a", "a/../../b", "/etc/passwd", "C:/a", "a\\b", "a//b", "a/", "", ".", ".hidden", "a\0b", "ä"] {
        let text = refused(&zip(&[Raw::new(name, b"")], b""));
        assert!(text.contains("has a name that segplan does not write") || text.contains("plain"), "{name:?}: {text}");
    }
}

#[test]
fn links_compressed_encrypted_and_overlapping_entries_are_refused() {
    let plain = Raw::new("a", b"text");
    let refused_with = |entry: Raw| refused(&zip(&[entry], b""));
    assert!(refused_with(Raw { mode: 0o120_777, ..plain.clone() }).contains("is no plain file"));
    assert!(refused_with(Raw { flags: 1, ..plain.clone() }).contains("is no plain file"));
    let bomb = Raw { method: 8, sizes: [4, u32::MAX - 1], ..plain.clone() };
    assert!(refused_with(bomb).contains("is compressed"));
    assert!(refused_with(Raw { sizes: [4, 5], ..plain.clone() }).contains("its size is wrong"));
    assert!(refused_with(Raw { sizes: [1 << 30; 2], ..plain.clone() }).contains("reaches beyond its end"));
    let twice = refused(&zip(&[plain.clone(), plain.clone()], b""));
    assert!(twice.contains("two of its entries have the same name"), "{twice}");
    let other = Raw { name: "b", offset: Some(0), ..plain.clone() };
    assert!(refused(&zip(&[plain, other], b"")).contains("overlap"));
}

#[test]
fn other_ends_than_those_that_segplan_writes_are_refused() {
    let plain = zip(&[Raw::new("a", b"text")], b"");
    assert!(refused(&zip(&[Raw::new("a", b"text")], b"note")).contains("does not end like an archive"));
    assert!(refused(&[b"junk", plain.as_slice()].concat()).contains("its directory is not at its end"));
    assert!(refused(&[plain.as_slice(), b"junk"].concat()).contains("does not end like an archive"));
    assert!(refused(&zip(&[], b"")).contains("its directory is empty"));
    assert!(refused(b"").contains("shorter than an archive"));
    assert!(refused(&[0; 300]).contains("does not end like an archive"));
    // A count of entries that the file cannot contain.
    let mut many = plain.clone();
    let at = many.len() - 14;
    many[at..at + 4].copy_from_slice(&[0xFE, 0xFF, 0xFE, 0xFF]);
    assert!(refused(&many).contains("too large"));
    for length in 0..plain.len() {
        open(&plain[..length]).unwrap_err();
    }
}

#[test]
fn a_failed_archive_leaves_nothing_and_a_folder_is_no_archive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.segplan");
    let fail = |path: &PathBuf| StoreError { verb: "read", path: path.clone(), source: std::io::Error::other("no") };
    write_archive(&path, |_| Err(fail(&path))).unwrap_err();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(Archive::open(folder.path()).unwrap_err().to_string().contains("not a regular file"));
}
