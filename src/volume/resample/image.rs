//! Resampling of images.

use ndarray::parallel::prelude::*;
use ndarray::{Array3, Array4, ArrayView3, ArrayViewMut3, Axis};

use super::axis::{self, Filter};
use super::order::{Order, axis_order, max_voxels};
use super::taps::nearest_indices;
use crate::volume::elements::into_elements;
use crate::volume::geometry::Shape;

/// Resamples an image with the cubic B-spline, `[z, y, x]`.
///
/// Equivalent to scikit-image's `resize(order=3, mode="edge", clip=True, anti_aliasing=False)`: the result is clipped
/// to the range of the input.
pub fn resize_cubic(image: ArrayView3<'_, f32>, shape: Shape) -> Array3<f32> {
    resize(image, shape, Order::Cubic, None)
}

/// Resamples an image linearly, `[z, y, x]`; equivalent to scikit-image's `order=1`.
pub fn resize_linear(image: ArrayView3<'_, f32>, shape: Shape) -> Array3<f32> {
    resize(image, shape, Order::Linear, None)
}

/// Resamples an image, `[z, y, x]`. With a coarse axis, slices across it are resampled separately, and the nearest
/// slice is taken along it.
///
/// The result is clipped to the range of the input, or, with a coarse axis, to that of each slice.
///
/// # Panics
///
/// If one of the shapes has an axis without voxels.
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
    Array3::from_shape_vec(shape.0, values).expect("one value per voxel")
}

/// Resamples each channel of an image, `[c, z, y, x]`, as [`resize`], in the image's own memory, which grows to the
/// size of the largest intermediate volume.
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
    Array4::from_shape_vec((channels, shape.0[0], shape.0[1], shape.0[2]), values).expect("one value per voxel")
}

/// The passes from one shape to another, one axis at a time.
struct Passes {
    from: Shape,
    to: Shape,
    coarse_axis: Option<usize>,
    filters: Vec<(usize, Filter)>,
}

impl Passes {
    fn new(from: Shape, to: Shape, order: Order, coarse_axis: Option<usize>) -> Self {
        assert!(from.voxels() > 0 && to.voxels() > 0, "resampling {from} to {to}");
        // Nearest-neighbour resampling is separable, whatever the spacings.
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

    /// Resamples the volume at the beginning of `values`, and clips it to its original range.
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

    /// Minimum and maximum of the volume, or of each slice across the coarse axis.
    fn ranges(&self, values: &[f32]) -> Vec<(f32, f32)> {
        let volume = ArrayView3::from_shape(self.from.0, values).expect("one value per voxel");
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
        let mut volume = ArrayViewMut3::from_shape(self.to.0, values).expect("one value per voxel");
        volume.axis_iter_mut(Axis(coarse)).into_par_iter().zip(picked).for_each(|(mut slice, from)| {
            let (low, high) = ranges[from];
            slice.mapv_inplace(|value| value.max(low).min(high));
        });
    }
}

/// Minimum and maximum.
pub(super) fn range<'a>(values: impl Iterator<Item = &'a f32>) -> (f32, f32) {
    values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)))
}
