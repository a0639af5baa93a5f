//! Reading a header and checking every number of it that is used.

use ::nifti::{NiftiHeader, NiftiType};

use super::NiftiFault;
use super::version_2;
use crate::volume::Geometry;

/// Bytes of a NIfTI-1 header.
pub(super) const HEADER_BYTES: usize = 348;
/// Bytes of a NIfTI-2 header.
pub(super) const HEADER_2_BYTES: usize = version_2::BYTES;
/// NIfTI-1 stores sizes as signed 16-bit integers.
pub(super) const LARGEST_SIZE: u16 = i16::MAX as u16;
/// Two axes are parallel, for any use of them, below this sine of their angle (or, for three, this volume of unit axes).
const SINGULAR: f64 = 1e-6;
/// Length that three parts of a unit quaternion may have: more than rounding to single precision makes of 1.
const LONGEST_QUATERNION: f64 = 1.001;

/// What a NIfTI file says of itself, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The grid.
    pub geometry: Geometry,
    /// Size of the fourth dimension; 1 for a 3D file.
    pub channels: usize,
    /// How a voxel is stored.
    pub data_type: NiftiType,
    /// Factor from stored to real values; 1 where the file names none.
    pub slope: f64,
    /// Added after the factor; 0 where the file names none.
    pub intercept: f64,
    /// Where the voxels begin, in bytes from the start of the (decompressed) file.
    pub(super) data_offset: u64,
    /// Bytes of the header itself: 348, or 540 for NIfTI-2.
    pub(super) bytes: usize,
}

/// Whether these are the first bytes of a NIfTI-2 file, in either byte order.
pub(super) fn is_nifti_2(bytes: &[u8]) -> bool {
    let size = [bytes[0], bytes[1], bytes[2], bytes[3]];
    [i32::from_le_bytes(size), i32::from_be_bytes(size)].contains(&(version_2::BYTES as i32))
}

impl Header {
    /// Bytes of all voxels of all channels as stored.
    pub fn data_bytes(&self) -> u128 {
        let sizes = self.geometry.shape.0.into_iter().chain([self.channels, self.data_type.size_of()]);
        sizes.map(|size| size as u128).product()
    }

    /// Reads a header, of version 1 or 2, from the first bytes of a file; at least 348.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, NiftiFault> {
        let (header, voxels) = if is_nifti_2(bytes) { version_2::parse(bytes)? } else { version_1(bytes)? };
        let channels = channels(&header)?;
        let data_type = data_type(&header)?;
        check_placement(&header)?;
        let (slope, intercept) = scaling(voxels.slope, voxels.intercept);
        let data_offset = data_offset(&voxels)?;
        let geometry = Geometry::from_header(header);
        check_axes(&geometry)?;
        Ok(Self { geometry, channels, data_type, slope, intercept, data_offset, bytes: voxels.header_bytes })
    }
}

/// Where the voxels are in a file, and how they are scaled, as written.
pub(super) struct Voxels {
    /// Bytes of the header.
    pub(super) header_bytes: usize,
    /// `vox_offset`.
    pub(super) offset: f64,
    /// `scl_slope`.
    pub(super) slope: f64,
    /// `scl_inter`.
    pub(super) intercept: f64,
}

fn version_1(bytes: &[u8]) -> Result<(NiftiHeader, Voxels), NiftiFault> {
    let not_nifti = |reason: &str| NiftiFault::NotNifti { reason: reason.to_owned() };
    let header = NiftiHeader::from_reader(&bytes[..HEADER_BYTES]).map_err(|error| not_nifti(&error.to_string()))?;
    if header.sizeof_hdr != HEADER_BYTES as i32 {
        return Err(not_nifti("its header does not start with the number 348"));
    }
    if &header.magic == b"ni1\0" {
        return Err(NiftiFault::Pair);
    }
    let voxels = Voxels {
        header_bytes: HEADER_BYTES,
        offset: header.vox_offset.into(),
        slope: header.scl_slope.into(),
        intercept: header.scl_inter.into(),
    };
    Ok((header, voxels))
}

/// Number of channels. A file of two dimensions is one slice; dimensions past the fourth must be 1.
fn channels(header: &NiftiHeader) -> Result<usize, NiftiFault> {
    let rank = usize::from(header.dim[0]).min(7);
    let sizes = &header.dim[1..=rank];
    let positive = sizes.iter().all(|&size| (1..=LARGEST_SIZE).contains(&size));
    if rank < 2 || !positive || sizes.iter().skip(4).any(|&size| size != 1) {
        return Err(NiftiFault::Rank { sizes: sizes.to_vec() });
    }
    Ok(sizes.get(3).copied().map_or(1, usize::from))
}

fn data_type(header: &NiftiHeader) -> Result<NiftiType, NiftiFault> {
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
        Ok(NiftiType::Rgb24 | NiftiType::Rgba32) => Err(NiftiFault::Colour),
        Ok(NiftiType::Complex64 | NiftiType::Complex128 | NiftiType::Complex256) => Err(NiftiFault::Complex),
        Ok(_) | Err(_) => Err(NiftiFault::DataType { code: header.datatype }),
    }
}

/// Checks that spacing and placement are finite numbers, and that each spacing is one.
///
/// As in NiBabel and ITK, the sign of a spacing means nothing. A spacing of zero is 1 mm along an axis of one slice; along
/// any other axis it is refused (`Differs:` both libraries take it for 1 mm, which is a guess that nothing supports).
fn check_placement(header: &NiftiHeader) -> Result<(), NiftiFault> {
    let [_, dx, dy, dz, ..] = header.pixdim;
    let spacing = [dx, dy, dz];
    let sizes = Geometry::sizes(header);
    if spacing.iter().zip(sizes).any(|(&step, size)| size > 1 && (!step.is_finite() || step == 0.0)) {
        return Err(NiftiFault::Spacing { spacing });
    }
    let sform = [header.srow_x, header.srow_y, header.srow_z];
    let quaternion = [header.quatern_b, header.quatern_c, header.quatern_d];
    let offset = [header.quatern_x, header.quatern_y, header.quatern_z];
    let sform_bad = header.sform_code > 0 && !sform.as_flattened().iter().all(|part| part.is_finite());
    let qform_bad = header.qform_code > 0 && !quaternion.iter().chain(&offset).all(|part| part.is_finite());
    if sform_bad || (header.sform_code <= 0 && qform_bad) {
        return Err(NiftiFault::Placement);
    }
    let length = quaternion.iter().map(|&part| f64::from(part).powi(2)).sum::<f64>().sqrt();
    if header.sform_code <= 0 && header.qform_code > 0 && length > LONGEST_QUATERNION {
        return Err(NiftiFault::Quaternion { length });
    }
    Ok(())
}

/// Checks that the axes of more than one voxel span as many dimensions of the world.
fn check_axes(geometry: &Geometry) -> Result<(), NiftiFault> {
    let [z, y, x] = geometry.shape.0;
    let mut axes = Vec::new();
    for (axis, _) in [x, y, z].into_iter().enumerate().filter(|&(_, size)| size > 1) {
        let column = [0, 1, 2].map(|row| geometry.affine[row][axis]);
        let length = column.iter().map(|part| part * part).sum::<f64>().sqrt();
        // Dividing by zero gives NaN, which no comparison below finds large enough.
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
    if spanned > SINGULAR { Ok(()) } else { Err(NiftiFault::Singular) }
}

/// Slope and intercept. A slope of zero, or one that is not a number, means that stored values are real values.
fn scaling(slope: f64, intercept: f64) -> (f64, f64) {
    if slope == 0.0 || !slope.is_finite() || !intercept.is_finite() { (1.0, 0.0) } else { (slope, intercept) }
}

fn data_offset(voxels: &Voxels) -> Result<u64, NiftiFault> {
    // The header and the four bytes that tell of extensions.
    let first = voxels.header_bytes as u64 + 4;
    // Zero is what some writers leave in a single file; the voxels then follow the header.
    if voxels.offset == 0.0 {
        return Ok(first);
    }
    let offset = voxels.offset as u64;
    if !voxels.offset.is_finite() || offset < first {
        return Err(NiftiFault::NotNifti { reason: format!("its voxels begin at byte {}", voxels.offset) });
    }
    Ok(offset)
}
