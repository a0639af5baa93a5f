//! Images and label maps on a voxel grid.
//!
//! Input: NIfTI files. Output: arrays in `[c, z, y, x]` or `[z, y, x]` order with their spacing and placement. Deliberately
//! absent: data sets, plans, randomness and Burn.

#![allow(clippy::needless_pass_by_value, reason = "array views are references, and ndarray passes them by value")]

pub mod nifti;
pub mod resample;
pub mod distance;
pub mod morphology;
pub mod crop;
pub mod components;
pub mod orient;
pub mod intensity;

mod geometry;

use std::fmt;

use ndarray::{Array, Array3, Array4, Dimension};
use serde::{Deserialize, Serialize};

/// Number of voxels of a grid, or of a patch, along `[z, y, x]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shape(pub [usize; 3]);

impl Shape {
    /// Number of voxels; `usize::MAX` where there are more than that, as a wrong header can promise.
    pub fn voxels(self) -> usize {
        self.0.into_iter().fold(1, usize::saturating_mul)
    }

    /// The axis of the shortest edge, the first of equally short ones.
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

/// Edge lengths of a voxel in millimetres, `[z, y, x]`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Spacing(pub [f64; 3]);

impl fmt::Display for Spacing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [z, y, x] = self.0;
        write!(out, "{z:.4} × {y:.4} × {x:.4} mm")
    }
}

/// A half-open box of voxels, `[z, y, x]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundingBox {
    /// First voxel inside.
    pub start: [usize; 3],
    /// First voxel outside.
    pub end: [usize; 3],
}

impl BoundingBox {
    /// The whole of a grid.
    pub fn whole(shape: Shape) -> Self {
        Self { start: [0; 3], end: shape.0 }
    }

    /// The smallest box around this one and another.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        Self {
            start: std::array::from_fn(|axis| self.start[axis].min(other.start[axis])),
            end: std::array::from_fn(|axis| self.end[axis].max(other.end[axis])),
        }
    }

    /// Shape of the box.
    pub fn shape(self) -> Shape {
        Shape(std::array::from_fn(|axis| self.end[axis] - self.start[axis]))
    }
}

/// Where a voxel grid lies in the world: its shape, its spacing, and the NIfTI header that it came with.
#[derive(Clone, Debug, PartialEq)]
pub struct Geometry {
    /// Voxels along `[z, y, x]`.
    pub shape: Shape,
    /// Millimetres along `[z, y, x]`.
    pub spacing: Spacing,
    /// Rows of the affine from voxel `(x, y, z, 1)` to world millimetres `(x, y, z)`, as NIfTI defines it.
    pub affine: [[f64; 4]; 3],
    /// The header as read, from which spacing and placement are written back without loss.
    pub header: ::nifti::NiftiHeader,
}

/// An image: one or more channels on one grid.
#[derive(Clone, Debug)]
pub struct Image {
    /// Intensities, `[c, z, y, x]`.
    pub voxels: Array4<f32>,
    /// Where the grid lies.
    pub geometry: Geometry,
}

/// A label map: one integer a voxel.
#[derive(Clone, Debug)]
pub struct LabelMap {
    /// Labels, `[z, y, x]`. 0 is background; -1, in prepared cases only, is outside of the non-zero mask.
    pub labels: Array3<i16>,
    /// Where the grid lies.
    pub geometry: Geometry,
}

/// The elements of an array in standard layout, in the array's own memory where it has that layout.
pub(crate) fn into_elements<T: Clone, D: Dimension>(array: Array<T, D>) -> Vec<T> {
    let array = if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() };
    let (count, (mut elements, first)) = (array.len(), array.into_raw_vec_and_offset());
    // A part of a larger array keeps all of its memory.
    elements.drain(..first.unwrap_or(0));
    elements.truncate(count);
    elements
}
