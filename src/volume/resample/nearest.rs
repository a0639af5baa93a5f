//! Nearest-neighbour resampling.

use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayView3, Axis};

use super::taps::nearest_indices;
use crate::volume::geometry::Shape;

/// Takes the nearest input voxel for each output voxel.
pub(super) fn gather<T: Copy + Default + Send + Sync>(image: ArrayView3<'_, T>, shape: Shape) -> Array3<T> {
    let from: [usize; 3] = image.dim().into();
    let [zs, ys, xs] = [0, 1, 2].map(|axis| nearest_indices(from[axis], shape.0[axis]));
    let mut resized = Array3::default(shape.0);
    resized.axis_iter_mut(Axis(0)).into_par_iter().zip(&zs).for_each(|(mut plane, &z)| {
        for (mut row, &y) in plane.outer_iter_mut().zip(&ys) {
            for (value, &x) in row.iter_mut().zip(&xs) {
                *value = image[[z, y, x]];
            }
        }
    });
    resized
}
