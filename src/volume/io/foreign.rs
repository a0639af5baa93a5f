//! Recognises files of other formats by their first bytes, so that a message can name the format and the remedy.

use std::fmt;

use super::format::{DEFAULT_ENDING, names_text};

/// Offset of the magic number of a DICOM file.
const DICOM_OFFSET: usize = 128;

/// A kind of file that is no supported image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignFile {
    /// No bytes at all.
    Empty,
    /// The text that Git LFS leaves where it has not fetched the file.
    LfsPointer,
    /// A web page, such as the error page of a download.
    Html,
    /// A zip archive.
    Zip,
    /// A DICOM file.
    Dicom,
    /// An NRRD file.
    Nrrd,
    /// A `MetaImage` header.
    MetaImage,
    /// A PNG picture.
    Png,
    /// A TIFF picture.
    Tiff,
    /// An HDF5 file; MINC 2 is one.
    Hdf5,
    /// An XML or JSON text.
    Text,
}

impl ForeignFile {
    /// Recognises a file by its first bytes. Returns `None` if they could start a supported or a gzip file.
    pub(super) fn recognise(start: &[u8]) -> Option<Self> {
        let text: String = start.iter().take(64).map(|&byte| byte.to_ascii_lowercase() as char).collect();
        let text =
            text.trim_start_matches(|letter: char| letter.is_whitespace() || "\u{ef}\u{bb}\u{bf}".contains(letter));
        let magic = |bytes: &[u8]| start.starts_with(bytes);
        let texts = [
            ("version https://git-lfs", Self::LfsPointer),
            ("<!doctype html", Self::Html),
            ("<html", Self::Html),
            ("nrrd0", Self::Nrrd),
            ("objecttype", Self::MetaImage),
            ("ndims", Self::MetaImage),
            ("<", Self::Text),
            ("{", Self::Text),
        ];
        if start.is_empty() {
            Some(Self::Empty)
        } else if magic(b"PK\x03\x04") || magic(b"PK\x05\x06") {
            Some(Self::Zip)
        } else if start.get(DICOM_OFFSET..DICOM_OFFSET + 4) == Some(b"DICM") {
            Some(Self::Dicom)
        } else if magic(b"\x89PNG") {
            Some(Self::Png)
        } else if magic(b"II*\0") || magic(b"MM\0*") {
            Some(Self::Tiff)
        } else if magic(b"\x89HDF") {
            Some(Self::Hdf5)
        } else {
            texts.into_iter().find(|(start, _)| text.starts_with(start)).map(|(_, kind)| kind)
        }
    }
}

impl fmt::Display for ForeignFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Empty => return out.write_str("is empty; copy or download it again"),
            Self::LfsPointer => {
                return out.write_str("is a Git LFS pointer, not the image itself; fetch the images: `git lfs pull`");
            }
            Self::Html => {
                return out.write_str("is an HTML page, probably the error page of a download; download it again");
            }
            Self::Zip => return out.write_str("is a zip archive; unpack it first: `unzip FILE`"),
            Self::Dicom => {
                return out.write_str("is a DICOM file; convert the series first: `dcm2niix -z y -o OUTPUT FOLDER`");
            }
            Self::Text => return out.write_str("is a text file (XML or JSON); replace it with the image"),
            Self::Nrrd => "an NRRD file",
            Self::MetaImage => "a MetaImage file",
            Self::Png => "a PNG picture",
            Self::Tiff => "a TIFF picture",
            Self::Hdf5 => "an HDF5 or MINC 2 file",
        };
        let supported = names_text();
        write!(
            out,
            "is {name}; supported formats: {supported}; convert it to `{DEFAULT_ENDING}`, for example with SimpleITK or 3D Slicer"
        )
    }
}
