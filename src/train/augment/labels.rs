//! Interpolation of labels at any place. Source: spec section 10.
//!
//! Agrees with SciPy's `map_coordinates` of each label's indicator, order 1, where a label is taken from one half on; or
//! with its order 0. Outside of the grid is [`OUTSIDE`].

use super::coordinates::Coordinates;
use crate::train::sample::OUTSIDE;
use crate::volume::Shape;

/// Labels of a map, `shape` `[z, y, x]`, at each position, into `out`, by `order`: 0 takes the nearest voxel's, 1 the
/// label with at least half of the weight.
pub(super) fn sample(labels: &[i16], shape: Shape, at: &Coordinates, order: u8, out: &mut [i16]) {
    let grid = Grid { labels, shape: shape.0, last: shape.0.map(|edge| (edge - 1) as f32) };
    let [z, y, x] = &at.axes;
    for (((out, &z), &y), &x) in out.iter_mut().zip(z).zip(y).zip(x) {
        *out = match order {
            _ if !grid.contains([z, y, x]) => OUTSIDE,
            0 => grid.nearest([z, y, x]),
            _ => grid.linear([z, y, x]),
        };
    }
}

struct Grid<'a> {
    labels: &'a [i16],
    shape: [usize; 3],
    last: [f32; 3],
}

impl Grid<'_> {
    #[inline]
    fn contains(&self, place: [f32; 3]) -> bool {
        place.iter().zip(self.last).all(|(&place, last)| place >= 0.0 && place <= last)
    }

    #[inline]
    fn nearest(&self, place: [f32; 3]) -> i16 {
        let [z, y, x] = place.map(|place| (place + 0.5) as u32 as usize);
        self.labels[(z * self.shape[1] + y) * self.shape[2] + x]
    }

    #[inline]
    fn linear(&self, place: [f32; 3]) -> i16 {
        let floor = place.map(|place| place as u32 as usize);
        // The last voxel has no next one; its weight is zero there.
        let [dz, dy, dx] = std::array::from_fn(|axis| usize::from(floor[axis] + 1 < self.shape[axis]));
        let [row, plane] = [self.shape[2], self.shape[2] * self.shape[1]];
        let start = floor[0] * plane + floor[1] * row + floor[2];
        let corner = |z: usize, y: usize, x: usize| self.labels[start + z * dz * plane + y * dy * row + x * dx];
        let corners = [
            corner(0, 0, 0),
            corner(0, 0, 1),
            corner(0, 1, 0),
            corner(0, 1, 1),
            corner(1, 0, 0),
            corner(1, 0, 1),
            corner(1, 1, 0),
            corner(1, 1, 1),
        ];
        // Most of an image is far from a boundary.
        if corners.iter().all(|&label| label == corners[0]) {
            return corners[0];
        }
        heaviest(corners, std::array::from_fn(|axis| place[axis] - floor[axis] as f32))
    }
}

/// The label with at least half of the trilinear weight; the larger one of two, background where no label has it.
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
