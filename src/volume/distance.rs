//! Exact Euclidean distance transforms on anisotropic grids.
//!
//! Input: a mask, `[z, y, x]`, and the spacing. Output: per voxel, the distance between its centre and that of the
//! nearest mask voxel. The squared distance is the lower envelope of parabolas along each axis in turn, in linear time.

use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayView3, ArrayViewMut1, Axis};

use super::geometry::Spacing;

/// Distance from every voxel to the nearest voxel of the mask, in the unit of `spacing`; infinite if the mask is empty.
pub fn distance_transform(mask: ArrayView3<'_, bool>, spacing: Spacing) -> Array3<f32> {
    let mut distances = squared_distance_transform(mask, spacing);
    distances.par_mapv_inplace(f32::sqrt);
    distances
}

/// The square of [`distance_transform`].
///
/// Source: Felzenszwalb and Huttenlocher, "Distance transforms of sampled functions", Theory of Computing 8 (2012).
pub fn squared_distance_transform(mask: ArrayView3<'_, bool>, spacing: Spacing) -> Array3<f32> {
    let mut squares = mask.mapv(|inside| if inside { 0.0 } else { f32::INFINITY });
    for axis in [2, 1, 0] {
        // Planes that contain whole lines of this axis, in parallel.
        let across = Axis(usize::from(axis == 0));
        squares.axis_iter_mut(across).into_par_iter().for_each_init(Envelope::default, |envelope, mut plane| {
            let along = usize::from(axis == 2);
            for line in plane.lanes_mut(Axis(along)) {
                envelope.lower(line, spacing.0[axis]);
            }
        });
    }
    squares
}

/// The lower envelope of the parabolas of one line; its memory is reused for the next.
#[derive(Default)]
struct Envelope {
    heights: Vec<f64>,
    /// Positions whose parabola is part of the envelope, and where their part begins.
    lowest: Vec<(usize, f64)>,
}

impl Envelope {
    /// Replaces `f(q)` by the minimum over `p` of `f(p) + (step · (q - p))²`.
    fn lower(&mut self, mut line: ArrayViewMut1<'_, f32>, step: f64) {
        self.heights.clear();
        self.heights.extend(line.iter().map(|&height| f64::from(height)));
        self.lowest.clear();
        for (position, height) in self.heights.iter().enumerate().filter(|(_, height)| height.is_finite()) {
            let mut begin = f64::NEG_INFINITY;
            while let Some(&(last, last_begin)) = self.lowest.last() {
                begin = crossing(last, self.heights[last], position, *height, step);
                if begin > last_begin {
                    break;
                }
                self.lowest.pop();
                begin = f64::NEG_INFINITY;
            }
            self.lowest.push((position, begin));
        }
        let mut current = 0;
        for (position, value) in line.iter_mut().enumerate() {
            while self.lowest.get(current + 1).is_some_and(|&(_, begin)| begin < position as f64) {
                current += 1;
            }
            if let Some(&(lowest, _)) = self.lowest.get(current) {
                let distance = step * (position as f64 - lowest as f64);
                *value = (self.heights[lowest] + distance * distance) as f32;
            }
        }
    }
}

/// The position from which the parabola of `right` is below that of `left`.
fn crossing(left: usize, left_height: f64, right: usize, right_height: f64, step: f64) -> f64 {
    let (p, q) = (left as f64, right as f64);
    p.midpoint(q) + (right_height - left_height) / (2.0 * step * step * (q - p))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn brute_force(mask: &Array3<bool>, spacing: Spacing) -> Array3<f32> {
        Array3::from_shape_fn(mask.dim(), |(z, y, x)| {
            let squares = mask.indexed_iter().filter(|&(_, &inside)| inside).map(|((a, b, c), _)| {
                let steps = [z as f64 - a as f64, y as f64 - b as f64, x as f64 - c as f64];
                steps.iter().zip(spacing.0).map(|(step, length)| (step * length).powi(2)).sum::<f64>()
            });
            squares.fold(f64::INFINITY, f64::min).sqrt() as f32
        })
    }

    proptest! {
        #[test]
        fn distances_are_those_of_brute_force(
            voxels in prop::collection::vec(prop::bool::weighted(0.1), 5 * 6 * 7),
            spacing in prop::array::uniform3(0.2_f64..5.0),
        ) {
            let mask = Array3::from_shape_vec((5, 6, 7), voxels).expect("as many voxels");
            let expected = brute_force(&mask, Spacing(spacing));
            for (found, expected) in distance_transform(mask.view(), Spacing(spacing)).iter().zip(&expected) {
                prop_assert!(approx::abs_diff_eq!(found, expected, epsilon = 1e-4), "{found}, expected {expected}");
            }
        }
    }

    #[test]
    fn an_empty_mask_is_infinitely_far() {
        let empty = Array3::from_elem((2, 3, 4), false);
        assert!(distance_transform(empty.view(), Spacing([1.0; 3])).iter().all(|value| *value == f32::INFINITY));
    }
}
