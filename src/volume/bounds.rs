//! Boxes of voxels.

use serde::{Deserialize, Serialize};

use super::geometry::Shape;

/// A half-open box of voxels, `[z, y, x]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundingBox {
    /// First voxel inside.
    pub start: [usize; 3],
    /// First voxel after the box.
    pub end: [usize; 3],
}

impl BoundingBox {
    /// The whole grid.
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
