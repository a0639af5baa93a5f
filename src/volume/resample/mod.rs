//! Resampling of images and label maps to another voxel grid of the same extent.
//!
//! Input: arrays in `[z, y, x]` order and the wanted [`Shape`]. Output voxel `o` of an axis samples the input at `(o +
//! 0.5) · in / out - 0.5`, with edges continued, as scikit-image's `resize` does. Every axis is a filter of its own,
//! run on whole rows at a time and in parallel; a result never depends on the number of threads. Deliberately absent:
//! rotation, anti-aliasing, and the choice of a target (`plan`).

mod axis;
mod labels;
mod taps;

use ndarray::parallel::prelude::*;
use ndarray::{Array3, Array4, ArrayView3, ArrayViewMut3, Axis};
use serde::{Deserialize, Serialize};

pub use labels::{resize_labels, resize_labels_linear, resize_nearest};

use super::{Shape, Spacing, into_elements};
use axis::Filter;
use taps::nearest_indices;

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
/// An axis longer than `usize` can say has `usize::MAX` voxels: wrong spacings lead to any shape, which is checked
/// before memory is taken for it.
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
/// That is the one axis of the largest spacing if the largest is more than `threshold` times the smallest, by the
/// original spacing or, failing that, by the target spacing. Two axes that share the largest spacing give `None`.
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
/// Agrees with scikit-image's `resize(order=3, mode="edge", clip=True, anti_aliasing=False)`: the result is clipped to
/// the range of the input.
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
    let passes = Passes::new(Shape(image.dim().into()), shape, order, coarse_axis);
    let mut values = Vec::with_capacity(passes.max_voxels());
    match image.as_slice() {
        Some(slice) => values.extend_from_slice(slice),
        None => values.extend(image.iter()),
    }
    values.resize(passes.max_voxels(), 0.0);
    passes.run(&mut values);
    values.truncate(shape.voxels());
    Array3::from_shape_vec(shape.0, values).expect("as many values as the shape has voxels")
}

/// Resamples each channel of an image, `[c, z, y, x]`, as [`resize`] does, in the image's own memory, which grows to
/// what the largest volume on the way takes.
///
/// # Panics
///
/// As [`resize`].
pub fn resize_channels(image: Array4<f32>, shape: Shape, order: Order, coarse_axis: Option<usize>) -> Array4<f32> {
    let (channels, z, y, x) = image.dim();
    let passes = Passes::new(Shape([z, y, x]), shape, order, coarse_axis);
    if passes.is_identity() {
        return image;
    }
    let (from, room) = (z * y * x, passes.max_voxels());
    let mut values = into_elements(image);
    values.reserve_exact(channels * room - values.len());
    values.resize(channels * room, 0.0);
    axis::move_blocks(&mut values, channels, from, room);
    values.chunks_exact_mut(room).for_each(|channel| passes.run(channel));
    axis::move_blocks(&mut values, channels, room, shape.voxels());
    values.truncate(channels * shape.voxels());
    values.shrink_to_fit();
    Array4::from_shape_vec((channels, shape.0[0], shape.0[1], shape.0[2]), values)
        .expect("as many values as the shape has voxels")
}

/// Voxels of the largest volume on the way from one shape to another: as many as [`resize_channels`] holds per channel.
pub fn max_voxels(from: Shape, to: Shape, coarse_axis: Option<usize>) -> usize {
    let mut shape = from;
    let volumes = axis_order(from.0, to.0, coarse_axis).into_iter().map(|axis| {
        shape.0[axis] = to.0[axis];
        shape.voxels()
    });
    volumes.fold(from.voxels(), usize::max)
}

/// The axes that change, in the order in which they are resampled.
///
/// The axis that shrinks most goes first, so that the others have less to do; x before y before z on equal terms. A
/// coarse axis, whose slices are on their own, goes where it leaves the fewest of them to do: first or last.
fn axis_order(from: [usize; 3], to: [usize; 3], coarse_axis: Option<usize>) -> Vec<usize> {
    let changed = |axis: &usize| from[*axis] != to[*axis];
    let mut axes: Vec<usize> = (0..3).filter(|&axis| Some(axis) != coarse_axis).filter(changed).collect();
    let grown = |to: usize, from: usize| to as u128 * from as u128;
    axes.sort_by(|&a, &b| grown(to[a], from[b]).cmp(&grown(to[b], from[a])).then(b.cmp(&a)));
    if let Some(coarse) = coarse_axis.filter(changed) {
        axes.insert(if to[coarse] < from[coarse] { 0 } else { axes.len() }, coarse);
    }
    axes
}

/// The way from one shape to another, an axis at a time.
struct Passes {
    from: Shape,
    to: Shape,
    coarse_axis: Option<usize>,
    filters: Vec<(usize, Filter)>,
}

impl Passes {
    fn new(from: Shape, to: Shape, order: Order, coarse_axis: Option<usize>) -> Self {
        assert!(from.voxels() > 0 && to.voxels() > 0, "resampling {from} to {to}");
        // Nearest voxels are found on each axis by itself, whatever the spacings are.
        let coarse_axis = coarse_axis.filter(|_| order != Order::Nearest);
        let filter = |axis: usize| {
            let order = if Some(axis) == coarse_axis { Order::Nearest } else { order };
            (axis, Filter::new(order, from.0[axis], to.0[axis]))
        };
        let filters = axis_order(from.0, to.0, coarse_axis).into_iter().map(filter).collect();
        Self { from, to, coarse_axis, filters }
    }

    fn is_identity(&self) -> bool {
        self.filters.is_empty()
    }

    fn max_voxels(&self) -> usize {
        max_voxels(self.from, self.to, self.coarse_axis)
    }

    /// Resamples the volume at the beginning of `values`, and clips it to the range of what it was.
    fn run(&self, values: &mut [f32]) {
        if self.is_identity() {
            return;
        }
        let ranges = self.ranges(&values[..self.from.voxels()]);
        let mut shape = self.from.0;
        for (axis, filter) in &self.filters {
            shape = axis::resample(values, shape, *axis, filter);
        }
        self.clip(&mut values[..self.to.voxels()], &ranges);
    }

    /// Smallest and largest value: of the volume, or of each slice across the coarse axis.
    fn ranges(&self, values: &[f32]) -> Vec<(f32, f32)> {
        let volume = ArrayView3::from_shape(self.from.0, values).expect("as many values as voxels");
        match self.coarse_axis {
            None => vec![range(volume.iter())],
            Some(coarse) => volume.axis_iter(Axis(coarse)).into_par_iter().map(|slice| range(slice.iter())).collect(),
        }
    }

    fn clip(&self, values: &mut [f32], ranges: &[(f32, f32)]) {
        let Some(coarse) = self.coarse_axis else {
            let (low, high) = ranges[0];
            values.par_iter_mut().for_each(|value| *value = value.max(low).min(high));
            return;
        };
        let picked = nearest_indices(self.from.0[coarse], self.to.0[coarse]);
        let mut volume = ArrayViewMut3::from_shape(self.to.0, values).expect("as many values as voxels");
        volume.axis_iter_mut(Axis(coarse)).into_par_iter().zip(picked).for_each(|(mut slice, from)| {
            let (low, high) = ranges[from];
            slice.mapv_inplace(|value| value.max(low).min(high));
        });
    }
}

fn range<'a>(values: impl Iterator<Item = &'a f32>) -> (f32, f32) {
    values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)))
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
