//! One axis of a volume at a time, on whole rows: the arithmetic runs along memory for every axis.

use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayView2, ArrayView3, ArrayViewMut2, Axis};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use super::taps::{POLE, Taps};

/// Lines that are turned into rows together when the axis is x: enough to fill a vector unit, few enough for the cache.
const LINES: usize = 32;

/// Resamples one axis of a volume, `[z, y, x]`. The input must be in standard layout.
pub(super) fn resample(image: ArrayView3<'_, f32>, axis: usize, taps: &Taps) -> Array3<f32> {
    let mut shape: [usize; 3] = image.dim().into();
    shape[axis] = taps.first.len();
    let mut resized = Array3::zeros(shape);
    if axis == 2 {
        along_x(image, &mut resized, taps);
        return resized;
    }
    // Slabs of rows: at one y, the rows of all z; at one z, the rows of all y.
    let across = Axis(1 - axis);
    let slabs = image.axis_iter(across).into_par_iter().zip(resized.axis_iter_mut(across));
    slabs.for_each_init(Vec::new, |rows, (source, target)| along_rows(source, target, taps, rows));
    resized
}

/// Resamples a slab `[axis, x]` along its first axis.
fn along_rows(source: ArrayView2<'_, f32>, mut target: ArrayViewMut2<'_, f32>, taps: &Taps, rows: &mut Vec<f32>) {
    let length = source.ncols();
    rows.clear();
    for row in source.rows() {
        rows.extend_from_slice(row.to_slice().expect("a row of a volume in standard layout"));
    }
    if taps.spline {
        to_coefficients(rows, length);
    }
    for (output, mut row) in target.rows_mut().into_iter().enumerate() {
        let row = row.as_slice_mut().expect("a row of a volume in standard layout");
        combine(row, &rows[taps.first[output] * length..], &taps.weights[output][..taps.width]);
    }
}

/// Resamples along x: some lines at a time are turned so that their voxels of equal x are a row.
fn along_x(image: ArrayView3<'_, f32>, resized: &mut Array3<f32>, taps: &Taps) {
    let (inputs, outputs) = (taps.inputs, taps.first.len());
    let source = image.to_slice().expect("the volume is in standard layout");
    let target = resized.as_slice_mut().expect("a new array is in standard layout");
    let blocks = source.par_chunks(LINES * inputs).zip(target.par_chunks_mut(LINES * outputs));
    blocks.for_each_init(Scratch::default, |Scratch { rows, turned }, (source, target)| {
        let length = source.len() / inputs;
        turn(source, inputs, rows);
        if taps.spline {
            to_coefficients(rows, length);
        }
        turned.resize(outputs * length, 0.0);
        for (output, row) in turned.chunks_exact_mut(length).enumerate() {
            combine(row, &rows[taps.first[output] * length..], &taps.weights[output][..taps.width]);
        }
        for (line, voxels) in target.chunks_exact_mut(outputs).enumerate() {
            for (x, value) in voxels.iter_mut().enumerate() {
                *value = turned[x * length + line];
            }
        }
    });
}

/// Memory of one thread that goes from block to block.
#[derive(Default)]
struct Scratch {
    rows: Vec<f32>,
    turned: Vec<f32>,
}

/// Writes lines of `inputs` voxels as rows of voxels of equal x.
fn turn(lines: &[f32], inputs: usize, rows: &mut Vec<f32>) {
    let length = lines.len() / inputs;
    rows.resize(lines.len(), 0.0);
    for (line, voxels) in lines.chunks_exact(inputs).enumerate() {
        for (x, &value) in voxels.iter().enumerate() {
            rows[x * length + line] = value;
        }
    }
}

/// The weighted sum of the first rows of `rows`.
fn combine(sum: &mut [f32], rows: &[f32], weights: &[f32]) {
    let length = sum.len();
    let row = |index: usize| &rows[index * length..(index + 1) * length];
    match *weights {
        [a, b, c, d] => {
            let (first, second, third, fourth) = (row(0), row(1), row(2), row(3));
            for i in 0..length {
                sum[i] = a * first[i] + b * second[i] + c * third[i] + d * fourth[i];
            }
        }
        [a, b] => {
            for ((sum, first), second) in sum.iter_mut().zip(row(0)).zip(row(1)) {
                *sum = a * first + b * second;
            }
        }
        _ => {
            sum.fill(0.0);
            for (index, weight) in weights.iter().enumerate() {
                for (sum, value) in sum.iter_mut().zip(row(index)) {
                    *sum += weight * value;
                }
            }
        }
    }
}

/// Turns rows of samples into rows of cubic B-spline coefficients, in place; at least two rows of `length` values.
///
/// The recursive filter starts and ends as if the first and last row were repeated for ever, which is what
/// scikit-image's twelve repeated edge voxels come close to.
///
/// Source: Unser, "Splines: a perfect fit for signal and image processing", IEEE Signal Processing Magazine 16 (1999).
fn to_coefficients(rows: &mut [f32], length: usize) {
    let pole = POLE as f32;
    let count = rows.len() / length;
    let start = (6.0 / (1.0 - POLE)) as f32;
    for value in &mut rows[..length] {
        *value *= start;
    }
    for index in 1..count {
        let (before, here) = rows[(index - 1) * length..(index + 1) * length].split_at_mut(length);
        for (value, previous) in here.iter_mut().zip(before) {
            *value = 6.0 * *value + pole * *previous;
        }
    }
    let end = (-POLE / (1.0 - POLE * POLE)) as f32;
    let edge = (POLE / (1.0 - POLE)) as f32;
    let (before, last) = rows[(count - 2) * length..].split_at_mut(length);
    for (value, previous) in last.iter_mut().zip(before) {
        *value = end * (*value + edge * (*value - pole * *previous));
    }
    for index in (0..count - 1).rev() {
        let (here, after) = rows[index * length..(index + 2) * length].split_at_mut(length);
        for (value, next) in here.iter_mut().zip(after) {
            *value = pole * (*next - *value);
        }
    }
}
