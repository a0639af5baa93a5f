//! Between a NIfTI header and a [`Geometry`]: spacing, affine, and the header itself.

use ::nifti::NiftiHeader;

use super::parse::parse;
use crate::volume::geometry::{FileOrigin, Geometry, Shape, Spacing, as_written};

/// The tag of NIfTI headers in a [`FileOrigin`].
const TAG: &str = "nifti";
/// NIfTI code of an affine that maps to scanner coordinates.
const SCANNER: i16 = 1;
/// NIfTI codes of units of length, and the bits of `xyzt_units` that hold them.
const METRE: u8 = 1;
const MILLIMETRE: u8 = 2;
const MICROMETRE: u8 = 3;
const LENGTH_BITS: u8 = 7;

/// The grid that a header describes, whose dimensions and spacings are checked. `bytes` are the header as read.
pub(super) fn geometry(header: &NiftiHeader, bytes: &[u8]) -> Geometry {
    let [x, y, z] = sizes(header);
    let [dx, dy, dz] = steps(header).map(|step| as_written(step as f32) * millimetres(header));
    Geometry {
        shape: Shape([z, y, x]),
        spacing: Spacing([dz, dy, dx]),
        affine: affine(header),
        is_placed: header.sform_code > 0 || header.qform_code > 0,
        origin: FileOrigin::new(TAG, bytes),
    }
}

/// The header that places a file on a grid: the original header if the grid was read from a NIfTI file, else a new one
/// whose sform is the affine.
pub(super) fn header_of(geometry: &Geometry) -> NiftiHeader {
    let original = geometry.origin.header(TAG).and_then(|bytes| Some(parse(bytes).ok()?.header));
    original.unwrap_or_else(|| new_header(geometry))
}

fn new_header(geometry: &Geometry) -> NiftiHeader {
    let [z, y, x] = geometry.shape.0.map(|size| u16::try_from(size).unwrap_or(u16::MAX));
    let [dz, dy, dx] = geometry.spacing.0.map(|step| step as f32);
    let [srow_x, srow_y, srow_z] = geometry.affine.map(|row| row.map(|value| value as f32));
    NiftiHeader {
        dim: [3, x, y, z, 1, 1, 1, 1],
        pixdim: [1.0, dx, dy, dz, 1.0, 1.0, 1.0, 1.0],
        xyzt_units: MILLIMETRE,
        qform_code: 0,
        sform_code: if geometry.is_placed { SCANNER } else { 0 },
        srow_x,
        srow_y,
        srow_z,
        ..NiftiHeader::default()
    }
}

/// Voxels along x, y and z; 1 for an axis that the header does not have.
pub(super) fn sizes(header: &NiftiHeader) -> [usize; 3] {
    let rank = usize::from(header.dim[0]);
    [1, 2, 3].map(|axis| if axis <= rank { usize::from(header.dim[axis]) } else { 1 })
}

/// Spacings along x, y and z in the header's unit: without a sign, and 1 for an axis of one slice without a spacing.
fn steps(header: &NiftiHeader) -> [f64; 3] {
    [1, 2, 3].map(|axis| {
        let step = f64::from(header.pixdim[axis]).abs();
        if step.is_finite() && step > 0.0 { step } else { 1.0 }
    })
}

/// Millimetres per unit of the header's lengths. An unknown unit counts as millimetres, as in ITK.
fn millimetres(header: &NiftiHeader) -> f64 {
    match header.xyzt_units & LENGTH_BITS {
        METRE => 1000.0,
        MICROMETRE => 0.001,
        _ => 1.0,
    }
}

/// The affine in millimetres: the sform if it is set, else the qform, else the spacings alone.
///
/// Source: the NIfTI-1 standard (`nifti1.h`), methods 3, 2 and 1.
fn affine(header: &NiftiHeader) -> [[f64; 4]; 3] {
    let scale = millimetres(header);
    if header.sform_code > 0 {
        return [header.srow_x, header.srow_y, header.srow_z].map(|row| row.map(|value| f64::from(value) * scale));
    }
    let [dx, dy, dz] = steps(header).map(|step| step * scale);
    if header.qform_code <= 0 {
        return [[dx, 0.0, 0.0, 0.0], [0.0, dy, 0.0, 0.0], [0.0, 0.0, dz, 0.0]];
    }
    let flip = if header.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
    let rotation = rotation([header.quatern_b, header.quatern_c, header.quatern_d].map(f64::from));
    let offset = [header.quatern_x, header.quatern_y, header.quatern_z].map(|part| f64::from(part) * scale);
    std::array::from_fn(|row| {
        let [a, b, c] = rotation[row];
        [a * dx, b * dy, c * dz * flip, offset[row]]
    })
}

/// Rotation matrix of a unit quaternion, from its last three components.
fn rotation([b, c, d]: [f64; 3]) -> [[f64; 3]; 3] {
    let squares = b * b + c * c + d * d;
    // Rounding to single precision can make the three components longer than 1; the rotation is a half turn then.
    let (a, [b, c, d]) = if squares > 1.0 {
        (0.0, [b, c, d].map(|part| part / squares.sqrt()))
    } else {
        ((1.0 - squares).sqrt(), [b, c, d])
    };
    [
        [a * a + b * b - c * c - d * d, 2.0 * (b * c - a * d), 2.0 * (b * d + a * c)],
        [2.0 * (b * c + a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d - a * b)],
        [2.0 * (b * d - a * c), 2.0 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "these numbers are copied, not computed")]
    fn sform_takes_precedence_over_qform_and_qform_over_spacing() {
        let grid = Geometry::axis_aligned(Shape([4, 3, 11]), Spacing([3.0, 1.0, 0.5]), [7.0, 0.0, 0.0]);
        let mut header = header_of(&grid);
        header.qform_code = 1;
        header.quatern_d = 1.0;
        header.quatern_x = -2.0;
        assert_eq!(affine(&header)[0], [0.5, 0.0, 0.0, 7.0]);
        header.sform_code = 0;
        assert_eq!(affine(&header)[0], [-0.5, 0.0, 0.0, -2.0], "half a turn about z");
        header.qform_code = 0;
        assert_eq!(affine(&header)[0], [0.5, 0.0, 0.0, 0.0]);
    }
}
