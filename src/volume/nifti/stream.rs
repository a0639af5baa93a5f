//! The bytes of a file, decompressed where they are compressed, and the values that they stand for.

use std::fs::File;
use std::io::{self, BufReader, Chain, Cursor, Read};
use std::path::Path;

use ::nifti::{Endianness, NiftiType};
use flate2::read::MultiGzDecoder;

use super::NiftiFault;
use super::header::{HEADER_BYTES, Header};

/// First two bytes of a gzip file.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// No deflate stream grows by more than this factor when it is decompressed (zlib's technical notes).
const LARGEST_EXPANSION: u128 = 1032;
/// Bytes decoded at a time; a multiple of every voxel size.
const CHUNK_BYTES: usize = 1 << 18;

type Prefixed = Chain<Cursor<Vec<u8>>, BufReader<File>>;

/// A file opened at its first byte. Compression is told by content, never by name.
pub(super) struct Stream {
    reader: Reader,
    length: u64,
}

enum Reader {
    Plain(Prefixed),
    Gzip(Box<MultiGzDecoder<Prefixed>>),
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(buffer),
            Self::Gzip(file) => file.read(buffer),
        }
    }
}

impl Stream {
    pub(super) fn open(path: &Path) -> Result<Self, NiftiFault> {
        let file = File::open(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => NiftiFault::Missing,
            _ => unreadable(source),
        })?;
        let length = file.metadata().map_err(unreadable)?.len();
        let mut file = BufReader::new(file);
        let mut magic = Vec::new();
        file.by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut magic).map_err(unreadable)?;
        let gzipped = magic == GZIP_MAGIC;
        let whole = Cursor::new(magic).chain(file);
        let reader = if gzipped { Reader::Gzip(Box::new(MultiGzDecoder::new(whole))) } else { Reader::Plain(whole) };
        Ok(Self { reader, length })
    }

    /// Reads the header and checks that a file of this length can hold the voxels that it promises.
    pub(super) fn header(&mut self) -> Result<Header, NiftiFault> {
        let mut bytes = [0; HEADER_BYTES];
        let found = self.fill(&mut bytes)?;
        if found < HEADER_BYTES {
            let reason = format!("a header has {HEADER_BYTES} bytes and the file holds {found}");
            return Err(NiftiFault::NotNifti { reason });
        }
        let header = Header::parse(&bytes)?;
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

    /// Reads all voxels, in file order, after [`Stream::header`].
    ///
    /// Memory grows with what the file really holds, never with what its header promises.
    pub(super) fn values<T>(mut self, header: &Header, convert: impl Fn(f64) -> T) -> Result<Vec<T>, NiftiFault> {
        let gap = header.data_offset - HEADER_BYTES as u64;
        io::copy(&mut self.reader.by_ref().take(gap), &mut io::sink()).map_err(unreadable)?;
        let expected = header.data_bytes() as u64;
        let mut values = Vec::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut found = 0;
        while found < expected {
            let wanted = CHUNK_BYTES.min((expected - found) as usize);
            let read = self.fill(&mut chunk[..wanted])?;
            found += read as u64;
            if read < wanted {
                return Err(NiftiFault::Truncated { expected, found });
            }
            decode(&chunk[..read], header, |value| values.push(convert(value)));
        }
        // One read past the last voxel makes the decoder compare its checksum.
        self.fill(&mut [0])?;
        Ok(values)
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
