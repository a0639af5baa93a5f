//! Resampling of images and label maps to another voxel grid of the same extent.
//!
//! Input: arrays in `[z, y, x]` order and the wanted [`Shape`]. Output voxel `o` of an axis samples the input at
//! `(o + 0.5) · in / out - 0.5`, with edges continued, as scikit-image's `resize` does. Every axis is a filter of its own,
//! run on whole rows at a time and in parallel; a result never depends on the number of threads. Deliberately absent:
//! rotation, anti-aliasing, and the choice of a target (`plan`).

mod axis;
mod labels;
mod taps;

use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayView3, Axis, CowArray, Ix3, Zip};
use serde::{Deserialize, Serialize};

pub use labels::{resize_labels, resize_labels_linear, resize_nearest};

use super::{Shape, Spacing};
use taps::{Taps, nearest_indices};

/// How values between voxels are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The value of the nearest voxel (order 0).
    Nearest,
    /// A straight line between neighbours, separably (order 1).
    Linear,
    /// The cubic B-spline through the voxels (order 3).
    Cubic,
}

impl Order {
    /// The order of a spline by its number: 0, 1 or 3.
    pub fn from_number(order: u8) -> Option<Self> {
        match order {
            0 => Some(Self::Nearest),
            1 => Some(Self::Linear),
            3 => Some(Self::Cubic),
            _ => None,
        }
    }
}

/// Shape of a volume at another spacing: `old · spacing / target`, halves rounded to the even number, at least 1.
///
/// Source: nnU-Net's first public code (commit 6150f1b0), `resample_patient`.
pub fn resampled_shape(shape: Shape, spacing: Spacing, target: Spacing) -> Shape {
    Shape(std::array::from_fn(|axis| {
        let exact = shape.0[axis] as f64 * spacing.0[axis] / target.0[axis];
        (exact.round_ties_even() as usize).max(1)
    }))
}

/// The axis along which slices are resampled on their own, where the voxels are far from cubes.
///
/// That is the one axis of the largest spacing if the largest is more than `threshold` times the smallest, by the original
/// spacing or, failing that, by the target spacing. Two axes that share the largest spacing give `None`.
///
/// Source: nnU-Net's first public code (commit 6150f1b0), `resample_patient`, with a threshold of 3; not in the paper.
pub fn coarse_axis(original: Spacing, target: Spacing, threshold: f64) -> Option<usize> {
    let extremes = |spacing: Spacing| {
        spacing.0.into_iter().fold((f64::MAX, 0.0_f64), |(low, high), step| (low.min(step), high.max(step)))
    };
    let spacing = [original, target].into_iter().find(|&spacing| {
        let (low, high) = extremes(spacing);
        high / low > threshold
    })?;
    let (_, high) = extremes(spacing);
    let mut coarse = (0..3).filter(|&axis| spacing.0[axis] >= high);
    let first = coarse.next();
    if coarse.next().is_none() { first } else { None }
}

/// Resamples an image with the cubic B-spline, `[z, y, x]`.
///
/// Agrees with scikit-image's `resize(order=3, mode="edge", clip=True, anti_aliasing=False)`: the result is clipped to the
/// range of the input.
pub fn resize_cubic(image: ArrayView3<'_, f32>, shape: Shape) -> Array3<f32> {
    resize(image, shape, Order::Cubic, None)
}

/// Resamples an image linearly, `[z, y, x]`; scikit-image's `order=1`.
pub fn resize_linear(image: ArrayView3<'_, f32>, shape: Shape) -> Array3<f32> {
    resize(image, shape, Order::Linear, None)
}

/// Resamples an image, `[z, y, x]`; with a coarse axis, slice by slice across it and to the nearest slice along it.
///
/// The result is clipped to the range of the input: of the whole of it, or of each slice where slices are on their own.
///
/// # Panics
///
/// When one of the shapes has an axis without voxels.
pub fn resize(image: ArrayView3<'_, f32>, shape: Shape, order: Order, coarse_axis: Option<usize>) -> Array3<f32> {
    assert!(!image.is_empty() && shape.voxels() > 0, "resampling {:?} to {shape}", image.dim());
    let from: [usize; 3] = image.dim().into();
    if order == Order::Nearest {
        return gather(image, shape);
    }
    let mut axes: Vec<usize> =
        (0..3).filter(|&axis| shape.0[axis] != from[axis] && Some(axis) != coarse_axis).collect();
    // The axis that shrinks most goes first, so that the others have less to do; x before y before z on equal terms.
    axes.sort_by(|&a, &b| (shape.0[a] * from[b]).cmp(&(shape.0[b] * from[a])).then(b.cmp(&a)));

    let mut done: CowArray<'_, f32, Ix3> = image.as_standard_layout();
    for axis in axes {
        let taps = Taps::new(order, from[axis], shape.0[axis]);
        done = axis::resample(done.view(), axis, &taps).into();
    }
    let mut done = done.into_owned();
    let Some(coarse) = coarse_axis else {
        clip(image, done.view_mut());
        return done;
    };
    Zip::from(image.axis_iter(Axis(coarse))).and(done.axis_iter_mut(Axis(coarse))).par_for_each(|source, slice| {
        clip(source.insert_axis(Axis(0)), slice.insert_axis(Axis(0)));
    });
    gather(done.view(), shape)
}

/// Clips `image` to the range of `source`.
fn clip(source: ArrayView3<'_, f32>, mut image: ndarray::ArrayViewMut3<'_, f32>) {
    let (low, high) =
        source.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
    image.par_mapv_inplace(|value| value.max(low).min(high));
}

/// The nearest input voxel for every output voxel.
fn gather<T: Copy + Default + Send + Sync>(image: ArrayView3<'_, T>, shape: Shape) -> Array3<T> {
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

#[cfg(test)]
mod tests;
