//! Resampling of label maps. Labels are categories, so they are never interpolated as numbers.

use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayView3, Axis, Slice, Zip};

use super::axis::{self, Filter};
use super::nearest::gather;
use super::order::{Order, axis_order};
use crate::volume::geometry::Shape;

/// One half, minus a margin for the rounding of single precision: a tie is assigned whichever way its last bit was
/// rounded.
const HALF: f32 = 0.5 - 1e-6;
/// Number of slices that are resampled at a time, which bounds the intermediate values in memory.
const SLICES: usize = 4;

/// Resamples a label map to the nearest voxel, `[z, y, x]`.
///
/// Source: arXiv:1809.10486, 2.2.
pub fn resize_nearest(labels: ArrayView3<'_, i16>, shape: Shape) -> Array3<i16> {
    gather(labels, shape)
}

/// Resamples a label map by linear interpolation of each label's indicator, `[z, y, x]`.
///
/// Labels are visited in ascending order, and each is assigned to the voxels where its indicator is at least one half;
/// other voxels are 0.
///
/// Source: nnU-Net commit 6150f1b0, `resize_segmentation`.
pub fn resize_labels_linear(labels: ArrayView3<'_, i16>, shape: Shape) -> Array3<i16> {
    resize_labels(labels, shape, Order::Linear, None)
}

/// Resamples a label map, `[z, y, x]`: to the nearest voxel, or by the indicators of its labels at another order.
///
/// With a coarse axis, slices across it are resampled separately, and the nearest slice is taken along it. A few slices
/// of the result are computed at a time, so only their intermediate values are in memory, per thread.
pub fn resize_labels<T: Copy + Default + Ord + Send + Sync>(
    labels: ArrayView3<'_, T>,
    shape: Shape,
    order: Order,
    coarse_axis: Option<usize>,
) -> Array3<T> {
    if order == Order::Nearest || labels.dim() == shape.0.into() {
        return gather(labels, shape);
    }
    let from: [usize; 3] = labels.dim().into();
    let filters: [Filter; 3] = std::array::from_fn(|axis| {
        // An axis that keeps its length keeps its voxels.
        let is_separate = Some(axis) == coarse_axis || from[axis] == shape.0[axis];
        let order = if is_separate { Order::Nearest } else { order };
        Filter::new(order, from[axis], shape.0[axis])
    });
    let axes = axis_order(from, shape.0, coarse_axis);
    let mut resized = Array3::default(shape.0);
    resized.axis_chunks_iter_mut(Axis(0), SLICES).into_par_iter().enumerate().for_each_init(
        Vec::new,
        |indicator, (chunk, mut slices)| {
            let along_z = chunk * SLICES..chunk * SLICES + slices.len_of(Axis(0));
            let reach = filters[0].reach(along_z.clone());
            let part = filters[0].part(along_z);
            let inputs = labels.slice_axis(Axis(0), Slice::from(reach));
            for label in distinct(inputs) {
                indicator.clear();
                indicator.extend(inputs.iter().map(|&here| if here == label { 1.0 } else { 0.0 }));
                resample_part(indicator, inputs.dim().into(), &axes, [&part, &filters[1], &filters[2]]);
                // Clipping to 0 and 1, as for images, would move no value across one half.
                let fraction = as_volume(indicator, slices.dim());
                Zip::from(&mut slices).and(&fraction).for_each(|target, &fraction| {
                    if fraction >= HALF {
                        *target = label;
                    }
                });
            }
        },
    );
    resized
}

/// Resamples some slices, `shape` `[z, y, x]`, one axis after the other.
fn resample_part(values: &mut Vec<f32>, mut shape: [usize; 3], axes: &[usize], filters: [&Filter; 3]) {
    for &axis in axes {
        let mut resampled = shape;
        resampled[axis] = filters[axis].outputs();
        values.resize(values.len().max(resampled.iter().product()), 0.0);
        shape = axis::resample(values, shape, axis, filters[axis]);
    }
    values.truncate(shape.iter().product());
}

fn as_volume(values: &[f32], shape: (usize, usize, usize)) -> ArrayView3<'_, f32> {
    ArrayView3::from_shape(shape, values).expect("one value per voxel")
}

/// The labels of a map, in ascending order.
fn distinct<T: Copy + Ord>(labels: ArrayView3<'_, T>) -> Vec<T> {
    let mut found: Vec<T> = Vec::new();
    let mut previous = None;
    for &label in labels {
        if previous != Some(label) {
            if let Err(index) = found.binary_search(&label) {
                found.insert(index, label);
            }
            previous = Some(label);
        }
    }
    found
}
