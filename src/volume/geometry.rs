//! From a NIfTI header to shape, spacing and affine, and how far apart two grids lie.

use ::nifti::NiftiHeader;

use super::orient::AxisCodes;
use super::{Geometry, Shape, Spacing};

/// NIfTI code of an affine that maps to scanner coordinates.
const SCANNER: i16 = 1;
/// NIfTI codes of units of length, and the bits of `xyzt_units` that they stand in.
const METRE: u8 = 1;
const MILLIMETRE: u8 = 2;
const MICROMETRE: u8 = 3;
const LENGTH_BITS: u8 = 7;

/// A header's single-precision number as people write it: 0.99, and not 0.9900000095.
fn as_written(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}

impl Geometry {
    /// The grid that a header describes. The header's dimensions and spacings must have been checked.
    pub(super) fn from_header(header: NiftiHeader) -> Self {
        let [x, y, z] = Self::sizes(&header);
        let [dx, dy, dz] = steps(&header).map(|step| as_written(step as f32) * millimetres(&header));
        let affine = affine(&header);
        Self { shape: Shape([z, y, x]), spacing: Spacing([dz, dy, dx]), affine, header }
    }

    /// Voxels along x, y and z; 1 where the header has fewer dimensions.
    pub(super) fn sizes(header: &NiftiHeader) -> [usize; 3] {
        let rank = usize::from(header.dim[0]);
        [1, 2, 3].map(|axis| if axis <= rank { usize::from(header.dim[axis]) } else { 1 })
    }

    /// A grid parallel to the world's axes.
    ///
    /// `origin_mm` is the world position `(x, y, z)` of voxel 0. Spacing and origin are rounded to single precision, which
    /// is what a NIfTI file can hold.
    pub fn axis_aligned(shape: Shape, spacing: Spacing, origin_mm: [f64; 3]) -> Self {
        let [z, y, x] = shape.0.map(|size| u16::try_from(size).unwrap_or(u16::MAX));
        let [dz, dy, dx] = spacing.0.map(|step| step as f32);
        let [ox, oy, oz] = origin_mm.map(|place| place as f32);
        let header = NiftiHeader {
            dim: [3, x, y, z, 1, 1, 1, 1],
            pixdim: [1.0, dx, dy, dz, 1.0, 1.0, 1.0, 1.0],
            xyzt_units: MILLIMETRE,
            qform_code: 0,
            sform_code: SCANNER,
            srow_x: [dx, 0.0, 0.0, ox],
            srow_y: [0.0, dy, 0.0, oy],
            srow_z: [0.0, 0.0, dz, oz],
            ..NiftiHeader::default()
        };
        Self { shape, ..Self::from_header(header) }
    }

    /// Which way the voxel axes point, such as `RAS`. `None` if the header has no placement (neither sform nor qform is set),
    /// or one that maps the grid to less than a volume.
    pub fn axis_codes(&self) -> Option<AxisCodes> {
        let placed = self.header.sform_code > 0 || self.header.qform_code > 0;
        placed.then(|| AxisCodes::of_affine(&self.affine)).flatten()
    }

    /// The largest distance in millimetres between the places that two grids give to a corner voxel of this one.
    ///
    /// This is one number for a shift, a rotation, a mirrored axis and a wrong spacing alike.
    pub fn corner_displacement_mm(&self, other: &Self) -> f64 {
        let [z, y, x] = self.shape.0.map(|size| size.saturating_sub(1) as f64);
        let mut largest = 0.0_f64;
        for corner in 0..8 {
            let pick = |bit: u32, length: f64| if corner >> bit & 1 == 1 { length } else { 0.0 };
            let voxel = [pick(0, x), pick(1, y), pick(2, z), 1.0];
            let squares = (0..3).map(|row| {
                let difference = (0..4).map(|k| (self.affine[row][k] - other.affine[row][k]) * voxel[k]);
                difference.sum::<f64>().powi(2)
            });
            largest = largest.max(squares.sum::<f64>().sqrt());
        }
        largest
    }
}

/// Spacings along x, y and z in the header's unit: without a sign, and 1 where an axis of one slice has none.
fn steps(header: &NiftiHeader) -> [f64; 3] {
    [1, 2, 3].map(|axis| {
        let step = f64::from(header.pixdim[axis]).abs();
        if step.is_finite() && step > 0.0 { step } else { 1.0 }
    })
}

/// Millimetres of the header's unit of length. A unit that is unknown is taken for a millimetre, as ITK does.
fn millimetres(header: &NiftiHeader) -> f64 {
    match header.xyzt_units & LENGTH_BITS {
        METRE => 1000.0,
        MICROMETRE => 0.001,
        _ => 1.0,
    }
}

/// The header's affine, in millimetres: the sform where it is set, else the qform, else the spacings alone.
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

/// Rotation matrix of the unit quaternion whose last three parts are given.
fn rotation([b, c, d]: [f64; 3]) -> [[f64; 3]; 3] {
    let squares = b * b + c * c + d * d;
    // Rounding to single precision can push the three parts past unit length; a half turn is meant then.
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

    fn grid(origin: [f64; 3]) -> Geometry {
        Geometry::axis_aligned(Shape([4, 3, 11]), Spacing([3.0, 1.0, 0.5]), origin)
    }

    #[test]
    fn a_shifted_grid_is_displaced_by_the_shift() {
        let displacement = grid([0.0; 3]).corner_displacement_mm(&grid([3.0, 4.0, 0.0]));
        approx::assert_abs_diff_eq!(displacement, 5.0);
    }

    #[test]
    fn a_mirrored_axis_is_displaced_at_its_far_corner() {
        let mut mirrored = grid([0.0; 3]);
        mirrored.affine[0][0] = -0.5;
        approx::assert_abs_diff_eq!(grid([0.0; 3]).corner_displacement_mm(&mirrored), 10.0);
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "these numbers are copied, not computed")]
    fn sform_goes_before_qform_and_qform_before_spacing() {
        let mut header = grid([7.0, 0.0, 0.0]).header;
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
