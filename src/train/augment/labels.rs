//! Interpolation of labels at any place. Source: spec section 10.
//!
//! Agrees with `SciPy`'s `map_coordinates` of each label's indicator, order 1, where a label is taken from one half on; or
//! with its order 0. Outside of the grid is [`OUTSIDE`].

use super::coordinates::{Coordinates, floor};
use crate::train::sample::OUTSIDE;
use crate::volume::Shape;

/// Labels of a map, `shape` `[z, y, x]`, at each position, into `out`, by `order`: 0 takes the nearest voxel's, 1 the
/// label with at least half of the weight.
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

/// A label map with the distances between its voxels.
struct Grid<'a> {
    labels: &'a [i16],
    /// Place of the last voxel on each axis.
    last: [f32; 3],
    /// From a voxel to the next one along each axis.
    stride: [usize; 3],
    /// The same, and 0 on an axis of one voxel.
    step: [usize; 3],
    /// The last voxel on each axis that has a next one.
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

    /// Without branches: which way they go is as good as random near the edges.
    #[allow(clippy::needless_bitwise_bool, reason = "a lazy operator is a branch")]
    #[inline]
    fn contains(&self, [z, y, x]: [f32; 3]) -> bool {
        let on_axis = |place: f32, axis: usize| (place >= 0.0) & (place <= self.last[axis]);
        on_axis(z, 0) & on_axis(y, 1) & on_axis(x, 2)
    }

    #[inline]
    fn nearest(&self, place: [f32; 3]) -> i16 {
        let voxel = place.map(|place| floor(place + 0.5));
        self.labels[self.index(voxel)]
    }

    #[inline]
    fn linear(&self, place: [f32; 3]) -> i16 {
        let cell: [u32; 3] = std::array::from_fn(|axis| floor(place[axis]).min(self.last_cell[axis]));
        let start = self.index(cell);
        let [dz, dy, dx] = self.step;
        let labels = &self.labels[start..=start + dz + dy + dx];
        let corner = |step: usize| labels[step];
        let first = corner(0);
        let near = (corner(dx) ^ first) | (corner(dy) ^ first) | (corner(dy + dx) ^ first);
        let far = (corner(dz) ^ first) | (corner(dz + dx) ^ first) | (corner(dz + dy) ^ first);
        // Most of an image is far from a boundary.
        if near | far | (corner(dz + dy + dx) ^ first) == 0 {
            return first;
        }
        let corners = [0, dx, dy, dy + dx, dz, dz + dx, dz + dy, dz + dy + dx].map(corner);
        heaviest(corners, std::array::from_fn(|axis| place[axis] - cell[axis] as f32))
    }

    #[inline]
    fn index(&self, voxel: [u32; 3]) -> usize {
        (0..3).map(|axis| voxel[axis] as usize * self.stride[axis]).sum()
    }
}

/// The label with at least half of the trilinear weight; the larger one of two, background where no label has it.
#[inline(never)]
fn heaviest(corners: [i16; 8], [tz, ty, tx]: [f32; 3]) -> i16 {
    let plane = [(1.0 - ty) * (1.0 - tx), (1.0 - ty) * tx, ty * (1.0 - tx), ty * tx];
    let weights: [f32; 8] = std::array::from_fn(|i| plane[i % 4] * if i < 4 { 1.0 - tz } else { tz });
    let share = |label: i16| -> f32 {
        let shares: [f32; 8] = std::array::from_fn(|i| if corners[i] == label { weights[i] } else { 0.0 });
        shares.iter().sum()
    };
    // Mostly there are two labels, one of them at the first corner: then one share settles it.
    let first = corners[0];
    let other = corners.into_iter().find(|&label| label != first).unwrap_or(first);
    if corners.iter().all(|&label| label == first || label == other) {
        let (first_share, other_share) = (share(first), share(other));
        return match (first_share >= 0.5, other_share >= 0.5) {
            (true, true) => first.max(other),
            (true, false) => first,
            (false, true) => other,
            (false, false) => 0,
        };
    }
    corners.into_iter().filter(|&label| share(label) >= 0.5).max().unwrap_or(0)
}
