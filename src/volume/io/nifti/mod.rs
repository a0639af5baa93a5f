//! NIfTI: 2D, 3D and 4D, versions 1 and 2, compressed or not, every real data type, both byte orders.
//!
//! NIfTI-1 headers are parsed and files are written by the `nifti` crate. Its reader of voxels is not used: it trusts
//! the file name for compression and allocates what the header promises. Deliberately absent: `.hdr`/`.img` pairs and
//! extensions. Label maps and probabilities are written as NIfTI-1.

mod header;
mod parse;
mod placement;
mod probabilities;
mod raw;
mod version_1;
mod version_2;
mod voxels;
mod write;

use std::path::Path;

use self::header::Header;
pub(super) use self::probabilities::ProbabilityWriter;
pub(super) use self::write::{write_image, write_labels};
use super::bytes::ByteStream;
use super::error::ImageFileProblem;
use super::foreign::ForeignFile;
use super::header::ImageHeader;

/// A file whose header is read and checked.
pub(super) struct Reader {
    pub(super) header: ImageHeader,
    layout: Header,
    stream: ByteStream,
}

impl Reader {
    /// Opens a file, reads its header, and checks that a file of this length can contain the voxels that it promises.
    pub(super) fn open(path: &Path) -> Result<Self, ImageFileProblem> {
        let mut stream = ByteStream::open(path)?;
        let layout = read_header(&mut stream)?;
        stream.check_promise(layout.data_offset, layout.data_bytes())?;
        let header = ImageHeader { geometry: layout.geometry.clone(), channels: layout.channels };
        Ok(Self { header, layout, stream })
    }

    /// Passes all voxels to `take`, scaled, in file order and chunk by chunk; only a chunk is in memory. Returns
    /// whether bytes that belong to no gzip member follow the voxels; they are ignored.
    pub(super) fn read(mut self, take: impl FnMut(&[f64])) -> Result<bool, ImageFileProblem> {
        self.stream.skip(self.layout.data_offset - self.layout.bytes as u64)?;
        voxels::read(&mut self.stream, &self.layout, take)?;
        self.stream.finish()
    }
}

fn read_header(stream: &mut ByteStream) -> Result<Header, ImageFileProblem> {
    let mut bytes = [0; version_2::BYTES];
    let mut found = stream.fill(&mut bytes[..version_1::BYTES])?;
    let foreign = |problem: ImageFileProblem, bytes: &[u8]| match ForeignFile::recognise(bytes) {
        Some(kind) => ImageFileProblem::Foreign { kind },
        None => problem,
    };
    if found < version_1::BYTES {
        let reason = format!("a header has {} bytes, the file {found}", version_1::BYTES);
        return Err(foreign(raw::invalid(reason), &bytes[..found]));
    }
    if parse::is_nifti_2(&bytes) {
        found += stream.fill(&mut bytes[version_1::BYTES..])?;
    }
    Header::read(&bytes[..found]).map_err(|problem| match problem {
        ImageFileProblem::Invalid { .. } => foreign(problem, &bytes),
        problem => problem,
    })
}

#[cfg(test)]
mod tests;
