//! Recognising files that are not NIfTI by their first bytes, so that a message can say what they are and what to do.

use std::fmt;

/// Where a DICOM file has its magic number.
const DICOM_OFFSET: usize = 128;

/// What a file is in place of a NIfTI file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
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
    /// A header of `MetaImage`.
    MetaImage,
    /// A PNG picture.
    Png,
    /// A TIFF picture.
    Tiff,
    /// An HDF5 file, which MINC 2 is, too.
    Hdf5,
    /// An XML or JSON text.
    Text,
}

impl Format {
    /// The format of a file that starts with these bytes; `None` if they could be those of a NIfTI or gzip file.
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
            texts.into_iter().find(|(start, _)| text.starts_with(start)).map(|(_, format)| format)
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Empty => "is empty; copy or download it again",
            Self::LfsPointer => "is a Git LFS pointer and not the image itself; fetch the images: `git lfs pull`",
            Self::Html => "is an HTML page and not an image, probably the error page of a download; download it again",
            Self::Zip => "is a zip archive and not an image; unpack it first: `unzip FILE`",
            Self::Dicom => "is a DICOM file; convert the series to NIfTI first: `dcm2niix -z y -o OUTPUT FOLDER`",
            Self::Nrrd => {
                "is an NRRD file; only NIfTI is read: convert it to `.nii.gz`, for example with SimpleITK or 3D Slicer"
            }
            Self::MetaImage => {
                "is a MetaImage file; only NIfTI is read: convert it to `.nii.gz`, for example with SimpleITK or 3D Slicer"
            }
            Self::Png => "is a PNG picture; only NIfTI is read: convert it to `.nii.gz`, for example with SimpleITK",
            Self::Tiff => "is a TIFF picture; only NIfTI is read: convert it to `.nii.gz`, for example with SimpleITK",
            Self::Hdf5 => "is an HDF5 or MINC 2 file; only NIfTI is read: convert it to `.nii.gz` (MINC: `mnc2nii`)",
            Self::Text => "is a text (XML or JSON) and not an image; replace it by the image",
        })
    }
}
