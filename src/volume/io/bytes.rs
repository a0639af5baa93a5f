//! The bytes of a file, decompressed if they are gzip-compressed.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;

use flate2::bufread::GzDecoder;

use super::error::ImageFileProblem;

/// First two bytes of a gzip file.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// A deflate stream grows at most by this factor when it is decompressed (zlib's technical notes).
const MAX_EXPANSION: u128 = 1032;

type Source = BufReader<File>;

/// A file opened at its first byte. Compression is detected by content, never by name.
pub(super) struct ByteStream {
    reader: Reader,
    length: u64,
}

enum Reader {
    Plain(Source),
    Gzip(Members),
}

/// The members of a gzip file, one after the other. As in gunzip, bytes after the last member are ignored.
struct Members {
    /// `None` only while one member is replaced by the next, and after the last one.
    member: Option<Box<GzDecoder<Source>>>,
    has_trailing_bytes: bool,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(buffer),
            Self::Gzip(members) => members.read(buffer),
        }
    }
}

impl Read for Members {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let mut rest = self.member.take().expect("a member was just read").into_inner();
            let next = rest.fill_buf()?;
            if !starts_with_gzip(next) {
                self.has_trailing_bytes = !next.is_empty();
                break;
            }
            self.member = Some(Box::new(GzDecoder::new(rest)));
        }
        Ok(0)
    }
}

/// Whether a gzip member begins here. A magic number that the end of the buffer cuts in two counts as one.
fn starts_with_gzip(bytes: &[u8]) -> bool {
    match bytes {
        [] => false,
        [first] => *first == GZIP_MAGIC[0],
        _ => bytes.starts_with(&GZIP_MAGIC),
    }
}

impl Read for ByteStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

impl ByteStream {
    /// Opens a regular file.
    pub(super) fn open(path: &Path) -> Result<Self, ImageFileProblem> {
        let missing = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => absent(path),
            _ => ImageFileProblem::read(source),
        };
        let metadata = fs::metadata(path).map_err(missing)?;
        // A pipe or a device could block for ever, or never end.
        if !metadata.is_file() {
            let what = if metadata.is_dir() { "a folder" } else { "not a regular file" };
            return Err(ImageFileProblem::NotAFile { what });
        }
        let length = metadata.len();
        let mut file = BufReader::new(File::open(path).map_err(missing)?);
        let start = file.fill_buf().map_err(ImageFileProblem::read)?;
        let reader = if start.starts_with(&GZIP_MAGIC) {
            Reader::Gzip(Members { member: Some(Box::new(GzDecoder::new(file))), has_trailing_bytes: false })
        } else {
            Reader::Plain(file)
        };
        Ok(Self { reader, length })
    }

    /// Refuses a header that promises more bytes, from an offset on, than a file of this length can contain.
    pub(super) fn check_promise(&self, offset: u64, promised: u128) -> Result<(), ImageFileProblem> {
        let length = self.length;
        match self.reader {
            Reader::Plain(_) if promised > u128::from(length.saturating_sub(offset)) => {
                let expected = u64::try_from(promised).unwrap_or(u64::MAX);
                Err(ImageFileProblem::Truncated { expected, found: length.saturating_sub(offset) })
            }
            Reader::Gzip(_) if promised > u128::from(length) * MAX_EXPANSION => {
                Err(ImageFileProblem::Impossible { promised, length })
            }
            Reader::Plain(_) | Reader::Gzip(_) => Ok(()),
        }
    }

    /// Reads until the buffer is full or the file ends. Returns the number of bytes read.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ImageFileProblem> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A gzip stream that stops in the middle is a truncated file.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(ImageFileProblem::read(error)),
            }
        }
        Ok(filled)
    }

    /// Skips some bytes.
    pub(super) fn skip(&mut self, count: u64) -> Result<(), ImageFileProblem> {
        io::copy(&mut self.by_ref().take(count), &mut io::sink()).map_err(ImageFileProblem::read)?;
        Ok(())
    }

    /// Ends reading: verifies the checksum of a compressed stream. Returns whether bytes that belong to no gzip member
    /// follow.
    pub(super) fn finish(mut self) -> Result<bool, ImageFileProblem> {
        // One read after the last voxel makes the decoder compare its checksum.
        self.fill(&mut [0])?;
        Ok(matches!(self.reader, Reader::Gzip(Members { has_trailing_bytes: true, .. })))
    }
}

/// The problem of a path without a file.
fn absent(path: &Path) -> ImageFileProblem {
    match fs::read_link(path) {
        Ok(target) => ImageFileProblem::BrokenLink { target },
        Err(_) => ImageFileProblem::Missing,
    }
}
