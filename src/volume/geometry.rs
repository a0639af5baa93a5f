//! Voxel grids in the world: shape, spacing, orientation, and the distance between two grids.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Number of voxels of a grid, or of a patch, along `[z, y, x]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shape(pub [usize; 3]);

impl Shape {
    /// Number of voxels; `usize::MAX` if there are more, as a wrong header can promise.
    pub fn voxels(self) -> usize {
        self.0.into_iter().fold(1, usize::saturating_mul)
    }

    /// The axis of the shortest edge; the first one on ties.
    pub fn shortest_axis(self) -> usize {
        (1..3).fold(0, |shortest, axis| if self.0[axis] < self.0[shortest] { axis } else { shortest })
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [z, y, x] = self.0;
        write!(out, "{z} × {y} × {x}")
    }
}

/// Edge lengths of a voxel, mm, `[z, y, x]`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Spacing(pub [f64; 3]);

impl fmt::Display for Spacing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [z, y, x] = self.0;
        write!(out, "{z:.4} × {y:.4} × {x:.4} mm")
    }
}

/// The header of the file that a grid was read from.
///
/// Only the file's own format understands it; it repeats it in files that are written on the same grid, so that spacing
/// and orientation are kept to the bit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileOrigin {
    format: &'static str,
    header: Arc<[u8]>,
}

impl FileOrigin {
    /// The header of a file as read, with the name of its format.
    pub(super) fn new(format: &'static str, header: &[u8]) -> Self {
        Self { format, header: header.into() }
    }

    /// The header, if it is one of this format.
    pub(super) fn header(&self, format: &str) -> Option<&[u8]> {
        (self.format == format).then_some(&*self.header)
    }
}

/// A voxel grid: its shape, its spacing, and where it lies in the world.
#[derive(Clone, Debug, PartialEq)]
pub struct Geometry {
    /// Voxels along `[z, y, x]`.
    pub shape: Shape,
    /// Millimetres along `[z, y, x]`.
    pub spacing: Spacing,
    /// Rows of the affine from voxel `(x, y, z, 1)` to world millimetres `(x, y, z)`; x points right, y to the front, z
    /// up.
    pub affine: [[f64; 4]; 3],
    /// Whether the file states an orientation; without one, the affine contains the spacing alone.
    pub is_placed: bool,
    /// The file that the grid was read from. A grid that is changed has to drop it.
    pub origin: FileOrigin,
}

/// A header's single-precision number as people write it: 0.99, not 0.9900000095.
pub(super) fn as_written(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}

impl Geometry {
    /// A grid parallel to the world's axes.
    ///
    /// `origin_mm` is the world position `(x, y, z)` of voxel 0. Spacing and origin are rounded to single precision, as
    /// files hold them.
    pub fn axis_aligned(shape: Shape, spacing: Spacing, origin_mm: [f64; 3]) -> Self {
        let [dz, dy, dx] = spacing.0.map(|step| f64::from(step as f32));
        let [ox, oy, oz] = origin_mm.map(|position| f64::from(position as f32));
        Self {
            shape,
            spacing: Spacing(spacing.0.map(|step| as_written(step as f32))),
            affine: [[dx, 0.0, 0.0, ox], [0.0, dy, 0.0, oy], [0.0, 0.0, dz, oz]],
            is_placed: true,
            origin: FileOrigin::default(),
        }
    }

    /// The largest distance, mm, between the world positions that two grids give to a corner voxel of this one.
    ///
    /// One number that detects a shift, a rotation, a mirrored axis and a wrong spacing alike.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(origin: [f64; 3]) -> Geometry {
        Geometry::axis_aligned(Shape([4, 3, 11]), Spacing([3.0, 1.0, 0.5]), origin)
    }

    #[test]
    fn the_displacement_of_a_shifted_grid_is_the_shift() {
        let displacement = grid([0.0; 3]).corner_displacement_mm(&grid([3.0, 4.0, 0.0]));
        approx::assert_abs_diff_eq!(displacement, 5.0);
    }

    #[test]
    fn the_displacement_of_a_mirrored_axis_is_that_of_its_far_corner() {
        let mut mirrored = grid([0.0; 3]);
        mirrored.affine[0][0] = -0.5;
        approx::assert_abs_diff_eq!(grid([0.0; 3]).corner_displacement_mm(&mirrored), 10.0);
    }
}
