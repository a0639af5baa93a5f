//! The bytes of a file, decompressed where they are compressed, and the values that they stand for.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;

use ::nifti::{Endianness, NiftiType};
use flate2::bufread::GzDecoder;

use super::NiftiFault;
use super::format::Format;
use super::header::{self, HEADER_2_BYTES, HEADER_BYTES, Header};

/// First two bytes of a gzip file.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// No deflate stream grows by more than this factor when it is decompressed (zlib's technical notes).
const LARGEST_EXPANSION: u128 = 1032;
/// Bytes decoded at a time; a multiple of every voxel size.
const CHUNK_BYTES: usize = 1 << 18;

type Source = BufReader<File>;

/// A file opened at its first byte. Compression is detected by content, never by name.
pub(super) struct Stream {
    reader: Reader,
    length: u64,
}

enum Reader {
    Plain(Source),
    Gzip(Members),
}

/// The members of a gzip file, one after the other. As in gunzip, whatever follows the last member is ignored.
struct Members {
    /// `None` only while one member is exchanged for the next, and behind the last one.
    member: Option<Box<GzDecoder<Source>>>,
    /// Whether something follows the last member.
    is_followed: bool,
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
                self.is_followed = !next.is_empty();
                break;
            }
            self.member = Some(Box::new(GzDecoder::new(rest)));
        }
        Ok(0)
    }
}

/// Whether a gzip member begins here. A magic number that the end of the buffer cuts in two is taken for one.
fn starts_with_gzip(bytes: &[u8]) -> bool {
    match bytes {
        [] => false,
        [first] => *first == GZIP_MAGIC[0],
        _ => bytes.starts_with(&GZIP_MAGIC),
    }
}

impl Stream {
    pub(super) fn open(path: &Path) -> Result<Self, NiftiFault> {
        let missing = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => absent(path),
            _ => unreadable(source),
        };
        let metadata = fs::metadata(path).map_err(missing)?;
        // A pipe or a device could block for ever, or never end.
        if !metadata.is_file() {
            return Err(NiftiFault::NotAFile { what: if metadata.is_dir() { "a folder" } else { "no regular file" } });
        }
        let length = metadata.len();
        let mut file = BufReader::new(File::open(path).map_err(missing)?);
        let start = file.fill_buf().map_err(unreadable)?;
        if let Some(format) = Format::recognise(start) {
            return Err(NiftiFault::OtherFormat { format });
        }
        let reader = if start.starts_with(&GZIP_MAGIC) {
            Reader::Gzip(Members { member: Some(Box::new(GzDecoder::new(file))), is_followed: false })
        } else {
            Reader::Plain(file)
        };
        Ok(Self { reader, length })
    }

    /// Reads the header and checks that a file of this length can hold the voxels that it promises.
    pub(super) fn header(&mut self) -> Result<Header, NiftiFault> {
        let mut bytes = [0; HEADER_2_BYTES];
        let mut found = self.fill(&mut bytes[..HEADER_BYTES])?;
        if found < HEADER_BYTES {
            let reason = format!("a header has {HEADER_BYTES} bytes and the file has {found}");
            return Err(Format::recognise(&bytes[..found])
                .map_or(NiftiFault::NotNifti { reason }, |format| NiftiFault::OtherFormat { format }));
        }
        if header::is_nifti_2(&bytes) {
            found += self.fill(&mut bytes[HEADER_BYTES..])?;
        }
        let header = Header::parse(&bytes[..found]).map_err(|fault| match (fault, Format::recognise(&bytes)) {
            (NiftiFault::NotNifti { .. }, Some(format)) => NiftiFault::OtherFormat { format },
            (fault, _) => fault,
        })?;
        let (promised, length) = (header.data_bytes(), self.length);
        match self.reader {
            Reader::Plain(_) if promised > u128::from(length.saturating_sub(header.data_offset)) => {
                let expected = u64::try_from(promised).unwrap_or(u64::MAX);
                Err(NiftiFault::Truncated { expected, found: length.saturating_sub(header.data_offset) })
            }
            Reader::Gzip(_) if promised > u128::from(length) * LARGEST_EXPANSION => {
                Err(NiftiFault::Impossible { promised, length })
            }
            Reader::Plain(_) | Reader::Gzip(_) => Ok(header),
        }
    }

    /// Passes all voxels to `take`, in file order and chunk by chunk, after [`Stream::header`]. Nothing but a chunk is held.
    /// Returns whether bytes that belong to no gzip member follow the voxels, which are ignored.
    pub(super) fn values(mut self, header: &Header, mut take: impl FnMut(&[f64])) -> Result<bool, NiftiFault> {
        let gap = header.data_offset - header.bytes as u64;
        io::copy(&mut self.reader.by_ref().take(gap), &mut io::sink()).map_err(unreadable)?;
        let expected = header.data_bytes() as u64;
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut values = Vec::with_capacity(CHUNK_BYTES / header.data_type.size_of());
        let mut found = 0;
        while found < expected {
            let wanted = CHUNK_BYTES.min((expected - found) as usize);
            let read = self.fill(&mut chunk[..wanted])?;
            found += read as u64;
            if read < wanted {
                return Err(NiftiFault::Truncated { expected, found });
            }
            values.clear();
            decode(&chunk[..read], header, |value| values.push(value));
            take(&values);
        }
        // One read past the last voxel makes the decoder compare its checksum.
        self.fill(&mut [0])?;
        Ok(matches!(self.reader, Reader::Gzip(Members { is_followed: true, .. })))
    }

    /// Reads until the buffer is full or the file ends, and says how many bytes there were.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, NiftiFault> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A gzip stream that stops in the middle is a file that was cut off.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(unreadable(error)),
            }
        }
        Ok(filled)
    }
}

/// What to report of a path without a file.
fn absent(path: &Path) -> NiftiFault {
    match fs::read_link(path) {
        Ok(target) => NiftiFault::BrokenLink { target },
        Err(_) => NiftiFault::Missing,
    }
}

fn unreadable(source: io::Error) -> NiftiFault {
    NiftiFault::Io { verb: "read", source }
}

/// Real values of stored bytes: as NiBabel does, scaled in double precision.
fn decode(bytes: &[u8], header: &Header, mut push: impl FnMut(f64)) {
    let (slope, intercept) = (header.slope, header.intercept);
    let big = header.geometry.header.endianness == Endianness::Big;
    let mut scaled = |raw: f64| push(raw * slope + intercept);
    match header.data_type {
        NiftiType::Uint8 => each(bytes, big, |raw| scaled(f64::from(u8::from_le_bytes(raw)))),
        NiftiType::Int8 => each(bytes, big, |raw| scaled(f64::from(i8::from_le_bytes(raw)))),
        NiftiType::Uint16 => each(bytes, big, |raw| scaled(f64::from(u16::from_le_bytes(raw)))),
        NiftiType::Int16 => each(bytes, big, |raw| scaled(f64::from(i16::from_le_bytes(raw)))),
        NiftiType::Uint32 => each(bytes, big, |raw| scaled(f64::from(u32::from_le_bytes(raw)))),
        NiftiType::Int32 => each(bytes, big, |raw| scaled(f64::from(i32::from_le_bytes(raw)))),
        NiftiType::Uint64 => each(bytes, big, |raw| scaled(u64::from_le_bytes(raw) as f64)),
        NiftiType::Int64 => each(bytes, big, |raw| scaled(i64::from_le_bytes(raw) as f64)),
        NiftiType::Float32 => each(bytes, big, |raw| scaled(f64::from(f32::from_le_bytes(raw)))),
        NiftiType::Float64 => each(bytes, big, |raw| scaled(f64::from_le_bytes(raw))),
        other => unreachable!("a checked header has no voxels of type {other:?}"),
    }
}

/// Calls `take` with the little-endian bytes of each value.
fn each<const N: usize>(bytes: &[u8], big_endian: bool, mut take: impl FnMut([u8; N])) {
    let (values, rest) = bytes.as_chunks::<N>();
    assert!(rest.is_empty(), "chunks hold whole values: {} bytes are left of {}", rest.len(), bytes.len());
    for &value in values {
        let mut value = value;
        if big_endian {
            value.reverse();
        }
        take(value);
    }
}
