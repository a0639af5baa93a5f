//! Archives of Python, of ourselves, and damaged ones.

use std::io::Cursor;

use super::*;

fn written(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ArchiveWriter::new(Vec::new());
    for (name, bytes) in entries {
        archive.add(name, bytes).unwrap();
    }
    archive.finish().unwrap()
}

fn refusal(bytes: &[u8]) -> String {
    Archive::open(Cursor::new(bytes)).map(|_| ()).expect_err("damaged").to_string()
}

/// Replaces the first occurrence of some bytes.
fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let at = bytes.windows(old.len()).position(|found| found == old).expect("the bytes occur");
    [&bytes[..at], new, &bytes[at + old.len()..]].concat()
}

#[test]
fn a_written_archive_is_read_back() {
    let bytes = written(&[("a/data.pkl", b"pickle"), ("a/data/0", b""), ("a/ä", b"more")]);
    let mut archive = Archive::open(Cursor::new(&bytes)).unwrap();
    let entries = archive.entries().to_vec();
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["a/data.pkl", "a/data/0", "a/ä"]);
    let read: Vec<Vec<u8>> = entries.iter().map(|entry| archive.read_stored(entry).unwrap()).collect();
    assert_eq!(read, [b"pickle".to_vec(), b"".to_vec(), b"more".to_vec()]);
    let mut copied = Vec::new();
    archive.copy(&entries[2], &mut copied).unwrap();
    assert_eq!(copied, b"more");
}

/// `zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED).writestr("z", "0" * 40)` of Python 3.12, without its date.
const DEFLATED: &[u8] = b"PK\x03\x04\x14\0\0\0\x08\0\0\0!\0\x8e\xbb?\x96\x06\0\0\0(\0\0\0\x01\0\0\0z30 \x0e\0\0\
    PK\x01\x02\x14\x03\x14\0\0\0\x08\0\0\0!\0\x8e\xbb?\x96\x06\0\0\0(\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x80\x01\0\0\0\0z\
    PK\x05\x06\0\0\0\0\x01\0\x01\0/\0\0\0%\0\0\0\0\0";

#[test]
fn a_compressed_entry_of_python_is_copied_and_never_to_more_bytes_than_it_declares() {
    let copy = |bytes: &[u8]| {
        let mut archive = Archive::open(Cursor::new(bytes)).unwrap();
        let (entry, mut copied) = (archive.entries()[0].clone(), Vec::new());
        archive.copy(&entry, &mut copied).map(|()| copied).map_err(|error| error.to_string())
    };
    assert_eq!(copy(DEFLATED).unwrap(), [b'0'; 40]);
    // The directory's size, which follows the second compressed size.
    let at = DEFLATED.len() - 22 - 47 + 24;
    let mut fewer = DEFLATED.to_vec();
    fewer[at] = 39;
    assert_eq!(copy(&fewer).unwrap_err(), "entry `z` does not have the 39 bytes of its header");
    let mut more = DEFLATED.to_vec();
    more[at] = 41;
    assert_eq!(copy(&more).unwrap_err(), "entry `z` does not have the 41 bytes of its header");
    let mut archive = Archive::open(Cursor::new(DEFLATED)).unwrap();
    let entry = archive.entries()[0].clone();
    assert_eq!(archive.read_stored(&entry).unwrap_err().to_string(), "entry `z` is compressed");
}

#[test]
fn contradictions_are_refused() {
    let intact = written(&[("one", b"11111111"), ("two", b"22222222")]);
    assert_eq!(refusal(&intact[..intact.len() - 1]), "it is no zip archive, or its end is missing");
    assert_eq!(refusal(b"no archive"), "it is no zip archive, or its end is missing");
    assert_eq!(refusal(&intact[1..]), "its directory lies outside of the file");
    let twice = written(&[("one", b"1"), ("one", b"2")]);
    assert_eq!(refusal(&twice), "entry `one` occurs twice");

    // The last record: number of entries (twice), length and start of the directory.
    let end = intact.len() - 22;
    let mut many = intact.clone();
    many[end + 8..end + 12].fill(0xff);
    assert_eq!(refusal(&many), "its directory is too short for 65535 entries");
    let mut fewer = intact.clone();
    (fewer[end + 8], fewer[end + 10]) = (1, 1);
    assert_eq!(refusal(&fewer), "its directory has more bytes than its entries");

    // The directory: both entries at the position of the first.
    let start = end - 2 * 49;
    let mut overlapping = intact.clone();
    overlapping[start + 49 + 42..start + 49 + 46].fill(0);
    let message = "entry `one` overlaps another one, or lies outside of the file";
    assert_eq!(refusal(&overlapping), message);
    let mut longer = intact.clone();
    (longer[start + 20], longer[start + 24]) = (9, 9);
    assert_eq!(refusal(&longer), message);
    let mut encrypted = intact.clone();
    encrypted[start + 8] = 1;
    assert_eq!(refusal(&encrypted), "entry `one` is encrypted");
    let mut other = intact.clone();
    other[start + 10] = 14;
    assert_eq!(refusal(&other), "entry `one` has compression method 14; expected none or DEFLATE");
}

#[test]
fn changed_content_is_refused() {
    let changed = replaced(&written(&[("one", b"11111111")]), b"11111111", b"11111112");
    let mut archive = Archive::open(Cursor::new(&changed)).unwrap();
    let entry = archive.entries()[0].clone();
    let message = archive.read_stored(&entry).unwrap_err().to_string();
    assert!(message.starts_with("the checksum of entry `one` is "), "{message}");
    assert_eq!(archive.copy(&entry, &mut Vec::new()).unwrap_err().to_string(), message);
}
