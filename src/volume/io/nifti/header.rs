//! Parses a header and checks every value that is used.

use ::nifti::{Endianness, NiftiHeader, NiftiType};

use super::parse::parse;
use super::placement::{geometry, sizes};
use super::raw::{MAX_SIZE, RawHeader, invalid};
use crate::volume::geometry::Geometry;
use crate::volume::io::error::ImageFileProblem;

/// Two axes count as parallel below this sine of their angle; three axes as singular below this volume of unit axes.
const MIN_SPAN: f64 = 1e-6;
/// Maximum length of the last three components of a unit quaternion, with a margin for rounding to single precision.
const MAX_QUATERNION: f64 = 1.001;

/// A checked header: the grid, and how and where the voxels are stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    pub(super) geometry: Geometry,
    /// Size of the fourth dimension; 1 for a 3D file.
    pub(super) channels: usize,
    /// Data type of a stored voxel.
    pub(super) data_type: NiftiType,
    pub(super) is_big_endian: bool,
    /// Factor from stored to real values; 1 if the file has none.
    pub(super) slope: f64,
    /// Added after the factor; 0 if the file has none.
    pub(super) intercept: f64,
    /// Offset of the voxels from the start of the decompressed file, bytes.
    pub(super) data_offset: u64,
    /// Bytes of the header itself: 348, or 540 for NIfTI-2.
    pub(super) bytes: usize,
}

impl Header {
    /// Bytes of all voxels of all channels as stored.
    pub(super) fn data_bytes(&self) -> u128 {
        let sizes = self.geometry.shape.0.into_iter().chain([self.channels, self.data_type.size_of()]);
        sizes.map(|size| size as u128).product()
    }

    /// Parses the first bytes of a file, at least 348, of version 1 or 2.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, ImageFileProblem> {
        let RawHeader { header, bytes: header_bytes, offset, slope, intercept } = parse(bytes)?;
        let channels = channels(&header)?;
        let data_type = data_type(&header)?;
        check_placement(&header)?;
        let (slope, intercept) = scaling(slope, intercept);
        let data_offset = data_offset(offset, header_bytes)?;
        let geometry = geometry(&header, &bytes[..header_bytes]);
        check_axes(&geometry)?;
        let is_big_endian = header.endianness == Endianness::Big;
        Ok(Self { geometry, channels, data_type, is_big_endian, slope, intercept, data_offset, bytes: header_bytes })
    }
}

/// Number of channels. A 2D file is one slice; dimensions after the fourth must be 1.
fn channels(header: &NiftiHeader) -> Result<usize, ImageFileProblem> {
    let rank = usize::from(header.dim[0]).min(7);
    let sizes = &header.dim[1..=rank];
    let positive = sizes.iter().all(|&size| (1..=MAX_SIZE).contains(&size));
    if rank < 2 || !positive || sizes.iter().skip(4).any(|&size| size != 1) {
        return Err(ImageFileProblem::Rank { sizes: sizes.to_vec() });
    }
    Ok(sizes.get(3).copied().map_or(1, usize::from))
}

fn data_type(header: &NiftiHeader) -> Result<NiftiType, ImageFileProblem> {
    match header.data_type() {
        Ok(
            real @ (NiftiType::Uint8
            | NiftiType::Int8
            | NiftiType::Uint16
            | NiftiType::Int16
            | NiftiType::Uint32
            | NiftiType::Int32
            | NiftiType::Uint64
            | NiftiType::Int64
            | NiftiType::Float32
            | NiftiType::Float64),
        ) => Ok(real),
        Ok(NiftiType::Rgb24 | NiftiType::Rgba32) => Err(ImageFileProblem::Colour),
        Ok(NiftiType::Complex64 | NiftiType::Complex128 | NiftiType::Complex256) => Err(ImageFileProblem::Complex),
        Ok(_) | Err(_) => Err(ImageFileProblem::DataType { code: header.datatype }),
    }
}

/// Checks that spacing and orientation are finite, and that no spacing is zero.
///
/// As in NiBabel and ITK, the sign of a spacing has no meaning. A spacing of zero counts as 1 mm along an axis of one
/// slice.
///
/// Differs: along an axis of several slices, both libraries take it for 1 mm; it is refused here, because nothing
/// supports that guess.
fn check_placement(header: &NiftiHeader) -> Result<(), ImageFileProblem> {
    let [_, dx, dy, dz, ..] = header.pixdim;
    let spacing = [dx, dy, dz];
    let sizes = sizes(header);
    if spacing.iter().zip(sizes).any(|(&step, size)| size > 1 && (!step.is_finite() || step == 0.0)) {
        return Err(ImageFileProblem::Spacing { spacing });
    }
    let sform = [header.srow_x, header.srow_y, header.srow_z];
    let quaternion = [header.quatern_b, header.quatern_c, header.quatern_d];
    let offset = [header.quatern_x, header.quatern_y, header.quatern_z];
    let sform_bad = header.sform_code > 0 && !sform.as_flattened().iter().all(|part| part.is_finite());
    let qform_bad = header.qform_code > 0 && !quaternion.iter().chain(&offset).all(|part| part.is_finite());
    if sform_bad || (header.sform_code <= 0 && qform_bad) {
        return Err(ImageFileProblem::Placement);
    }
    let length = quaternion.iter().map(|&part| f64::from(part).powi(2)).sum::<f64>().sqrt();
    if header.sform_code <= 0 && header.qform_code > 0 && length > MAX_QUATERNION {
        return Err(ImageFileProblem::Quaternion { length });
    }
    Ok(())
}

/// Checks that the axes with more than one voxel are linearly independent.
fn check_axes(geometry: &Geometry) -> Result<(), ImageFileProblem> {
    let [z, y, x] = geometry.shape.0;
    let mut axes = Vec::new();
    for (axis, _) in [x, y, z].into_iter().enumerate().filter(|&(_, size)| size > 1) {
        let column = [0, 1, 2].map(|row| geometry.affine[row][axis]);
        let length = column.iter().map(|part| part * part).sum::<f64>().sqrt();
        // Division by zero gives NaN, which fails the comparison below.
        axes.push(column.map(|part| part / length));
    }
    let cross =
        |a: [f64; 3], b: [f64; 3]| [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let spanned = match axes[..] {
        [] => 1.0,
        [a] => dot(a, a),
        [a, b] => dot(cross(a, b), cross(a, b)).sqrt(),
        [a, b, c, ..] => dot(cross(a, b), c).abs(),
    };
    if spanned > MIN_SPAN { Ok(()) } else { Err(ImageFileProblem::Singular) }
}

/// Slope and intercept. A slope of zero or NaN means that stored values are real values.
fn scaling(slope: f64, intercept: f64) -> (f64, f64) {
    if slope == 0.0 || !slope.is_finite() || !intercept.is_finite() { (1.0, 0.0) } else { (slope, intercept) }
}

fn data_offset(written: f64, header_bytes: usize) -> Result<u64, ImageFileProblem> {
    // The header and the four bytes that announce extensions.
    let first = header_bytes as u64 + 4;
    // Some writers leave zero in a single file; the voxels then follow the header.
    if written == 0.0 {
        return Ok(first);
    }
    let offset = written as u64;
    if !written.is_finite() || offset < first {
        return Err(invalid(format!("its voxels begin at byte {written}")));
    }
    Ok(offset)
}
