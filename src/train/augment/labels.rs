//! Interpolation of labels at arbitrary positions. Source: nnU-Net commit 6150f1b0, `default_data_augmentation.py`
//! (`order_seg=1`), with batchgenerators.
//!
//! Equals SciPy's `map_coordinates(order=1)` of each label's indicator, with a label where its value is at least one half; or its
//! `order=0`. Positions outside the grid get [`OUTSIDE`].
//!
//! Differs: the paper (arXiv:1809.10486, 2.2) names nearest-neighbour interpolation for the resampling of labels, and nothing for
//! their augmentation. The default is order 1, as in nnU-Net's code.

use super::coordinates::{Coordinates, floor};
use crate::train::patch::OUTSIDE;
use crate::volume::Shape;

/// Interpolates a label map, `shape` `[z, y, x]`, at each position into `out`. Order 0 takes the label of the nearest voxel, order 1 the
/// label with at least half of the trilinear weight.
pub(super) fn sample(labels: &[i16], shape: Shape, at: &Coordinates, order: u8, out: &mut [i16]) {
    let grid = Grid::new(labels, shape);
    let [z, y, x] = &at.axes;
    for (((out, &z), &y), &x) in out.iter_mut().zip(z.iter()).zip(y.iter()).zip(x.iter()) {
        *out = match order {
            _ if !grid.contains([z, y, x]) => OUTSIDE,
            0 => grid.nearest([z, y, x]),
            _ => grid.linear([z, y, x]),
        };
    }
}

/// A label map with its strides.
struct Grid<'a> {
    labels: &'a [i16],
    /// Position of the last voxel on each axis.
    last: [f32; 3],
    /// Index distance between neighbours along each axis.
    stride: [usize; 3],
    /// The same, but 0 on an axis of one voxel.
    step: [usize; 3],
    /// Position of the last voxel on each axis that has a successor.
    last_cell: [u32; 3],
}

impl<'a> Grid<'a> {
    fn new(labels: &'a [i16], shape: Shape) -> Self {
        let stride = [shape.0[1] * shape.0[2], shape.0[2], 1];
        Self {
            labels,
            last: shape.0.map(|edge| (edge - 1) as f32),
            stride,
            step: std::array::from_fn(|axis| if shape.0[axis] > 1 { stride[axis] } else { 0 }),
            last_cell: shape.0.map(|edge| edge.saturating_sub(2) as u32),
        }
    }

    /// Without branches, which the processor cannot predict near the edges.
    #[allow(clippy::needless_bitwise_bool, reason = "a lazy operator branches")]
    #[inline]
    fn contains(&self, [z, y, x]: [f32; 3]) -> bool {
        let on_axis = |position: f32, axis: usize| (position >= 0.0) & (position <= self.last[axis]);
        on_axis(z, 0) & on_axis(y, 1) & on_axis(x, 2)
    }

    #[inline]
    fn nearest(&self, position: [f32; 3]) -> i16 {
        let voxel = position.map(|position| floor(position + 0.5));
        self.labels[self.index(voxel)]
    }

    #[inline]
    fn linear(&self, position: [f32; 3]) -> i16 {
        let cell: [u32; 3] = std::array::from_fn(|axis| floor(position[axis]).min(self.last_cell[axis]));
        let start = self.index(cell);
        let [dz, dy, dx] = self.step;
        let labels = &self.labels[start..=start + dz + dy + dx];
        let corner = |step: usize| labels[step];
        let first = corner(0);
        let near = (corner(dx) ^ first) | (corner(dy) ^ first) | (corner(dy + dx) ^ first);
        let far = (corner(dz) ^ first) | (corner(dz + dx) ^ first) | (corner(dz + dy) ^ first);
        // Usually all corners have the same label.
        if near | far | (corner(dz + dy + dx) ^ first) == 0 {
            return first;
        }
        let corners = [0, dx, dy, dy + dx, dz, dz + dx, dz + dy, dz + dy + dx].map(corner);
        heaviest(corners, std::array::from_fn(|axis| position[axis] - cell[axis] as f32))
    }

    #[inline]
    fn index(&self, voxel: [u32; 3]) -> usize {
        (0..3).map(|axis| voxel[axis] as usize * self.stride[axis]).sum()
    }
}

/// The label with at least half of the trilinear weight: the larger label of two, background if there is none.
#[inline(never)]
fn heaviest(corners: [i16; 8], [tz, ty, tx]: [f32; 3]) -> i16 {
    let plane = [(1.0 - ty) * (1.0 - tx), (1.0 - ty) * tx, ty * (1.0 - tx), ty * tx];
    let weights: [f32; 8] = std::array::from_fn(|i| plane[i % 4] * if i < 4 { 1.0 - tz } else { tz });
    let weight_of = |label: i16| -> f32 {
        let matching: [f32; 8] = std::array::from_fn(|i| if corners[i] == label { weights[i] } else { 0.0 });
        matching.iter().sum()
    };
    // Usually there are two labels, one of them at the first corner.
    let first = corners[0];
    let other = corners.into_iter().find(|&label| label != first).unwrap_or(first);
    if corners.iter().all(|&label| label == first || label == other) {
        let (first_weight, other_weight) = (weight_of(first), weight_of(other));
        return match (first_weight >= 0.5, other_weight >= 0.5) {
            (true, true) => first.max(other),
            (true, false) => first,
            (false, true) => other,
            (false, false) => 0,
        };
    }
    corners.into_iter().filter(|&label| weight_of(label) >= 0.5).max().unwrap_or(0)
}
