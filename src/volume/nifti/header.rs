//! Reading a header and checking every number of it that is used.

use ::nifti::{NiftiHeader, NiftiType};

use super::NiftiFault;
use crate::volume::Geometry;

/// Bytes of a NIfTI-1 header.
pub(super) const HEADER_BYTES: usize = 348;
/// First possible byte of the voxels: the header and the four bytes that tell of extensions.
const FIRST_VOXEL_BYTE: u64 = 352;
/// NIfTI-1 stores sizes as signed 16-bit integers.
pub(super) const LARGEST_SIZE: u16 = i16::MAX as u16;

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
}

impl Header {
    /// Bytes of all voxels of all channels as stored.
    pub fn data_bytes(&self) -> u128 {
        let sizes = self.geometry.shape.0.into_iter().chain([self.channels, self.data_type.size_of()]);
        sizes.map(|size| size as u128).product()
    }

    /// Reads a header from the first bytes of a file.
    pub(super) fn parse(bytes: &[u8; HEADER_BYTES]) -> Result<Self, NiftiFault> {
        let not_nifti = |reason: &str| NiftiFault::NotNifti { reason: reason.to_owned() };
        let header = NiftiHeader::from_reader(&bytes[..]).map_err(|error| not_nifti(&error.to_string()))?;
        if header.sizeof_hdr != HEADER_BYTES as i32 {
            return Err(not_nifti("its header does not say that it has 348 bytes"));
        }
        if &header.magic == b"ni1\0" {
            return Err(NiftiFault::Pair);
        }
        let channels = channels(&header)?;
        let data_type = data_type(&header)?;
        check_placement(&header)?;
        let (slope, intercept) = scaling(&header);
        let data_offset = data_offset(&header)?;
        Ok(Self { geometry: Geometry::from_header(header), channels, data_type, slope, intercept, data_offset })
    }
}

/// Number of channels. Dimensions past the fourth must be 1.
fn channels(header: &NiftiHeader) -> Result<usize, NiftiFault> {
    let rank = usize::from(header.dim[0]).min(7);
    let sizes = &header.dim[1..=rank];
    let positive = sizes.iter().all(|&size| (1..=LARGEST_SIZE).contains(&size));
    if rank < 3 || !positive || sizes.iter().skip(4).any(|&size| size != 1) {
        return Err(NiftiFault::Rank { sizes: sizes.to_vec() });
    }
    Ok(sizes.get(3).copied().map_or(1, usize::from))
}

fn data_type(header: &NiftiHeader) -> Result<NiftiType, NiftiFault> {
    let fault = NiftiFault::DataType { code: header.datatype };
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
        Ok(_) | Err(_) => Err(fault),
    }
}

fn check_placement(header: &NiftiHeader) -> Result<(), NiftiFault> {
    let [_, dx, dy, dz, ..] = header.pixdim;
    let spacing = [dx, dy, dz];
    if !spacing.iter().all(|&step| step.is_finite() && step > 0.0) {
        return Err(NiftiFault::Spacing { spacing });
    }
    let sform = [header.srow_x, header.srow_y, header.srow_z];
    let quaternion = [header.quatern_b, header.quatern_c, header.quatern_d];
    let offset = [header.quatern_x, header.quatern_y, header.quatern_z];
    let sform_bad = header.sform_code > 0 && !sform.as_flattened().iter().all(|part| part.is_finite());
    let qform_bad = header.qform_code > 0 && !quaternion.iter().chain(&offset).all(|part| part.is_finite());
    if sform_bad || (header.sform_code <= 0 && qform_bad) { Err(NiftiFault::Placement) } else { Ok(()) }
}

/// Slope and intercept. A slope of zero, or one that is not a number, means that stored values are real values.
fn scaling(header: &NiftiHeader) -> (f64, f64) {
    let (slope, intercept) = (f64::from(header.scl_slope), f64::from(header.scl_inter));
    if slope == 0.0 || !slope.is_finite() || !intercept.is_finite() { (1.0, 0.0) } else { (slope, intercept) }
}

fn data_offset(header: &NiftiHeader) -> Result<u64, NiftiFault> {
    // Zero is what some writers leave in a single file; the voxels then follow the header.
    if header.vox_offset == 0.0 {
        return Ok(FIRST_VOXEL_BYTE);
    }
    let offset = header.vox_offset as u64;
    if !header.vox_offset.is_finite() || offset < FIRST_VOXEL_BYTE {
        return Err(NiftiFault::NotNifti { reason: format!("its voxels begin at byte {}", header.vox_offset) });
    }
    Ok(offset)
}
