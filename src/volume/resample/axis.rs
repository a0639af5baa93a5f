//! Resamples one axis of a volume at a time, in the volume's own memory and on whole rows, so that the arithmetic runs
//! along memory for every axis.

use std::ops::Range;

use ndarray::parallel::prelude::*;
use ndarray::{ArrayViewMut2, ArrayViewMut3, Axis};
use rayon::slice::ParallelSliceMut;

use super::order::Order;
use super::taps::{SPLINE_POLE, Taps, nearest_indices};

/// Number of lines that are transposed together for the x axis: enough to fill a vector unit, few enough for the cache.
const LINES: usize = 32;

/// How the voxels of a resampled axis follow from the original ones.
pub(super) enum Filter {
    /// A weighted sum of several.
    Weights(Taps),
    /// One of them.
    Nearest {
        /// Index of the input of each output.
        picked: Vec<usize>,
        /// Length of the input axis.
        inputs: usize,
    },
}

impl Filter {
    pub(super) fn new(order: Order, inputs: usize, outputs: usize) -> Self {
        match order {
            Order::Nearest => Self::Nearest { picked: nearest_indices(inputs, outputs), inputs },
            Order::Linear | Order::Cubic => Self::Weights(Taps::new(order, inputs, outputs)),
        }
    }

    pub(super) fn inputs(&self) -> usize {
        match self {
            Self::Weights(taps) => taps.inputs,
            Self::Nearest { inputs, .. } => *inputs,
        }
    }

    pub(super) fn outputs(&self) -> usize {
        match self {
            Self::Weights(taps) => taps.first.len(),
            Self::Nearest { picked, .. } => picked.len(),
        }
    }

    /// The inputs that contribute to a range of outputs.
    pub(super) fn reach(&self, outputs: Range<usize>) -> Range<usize> {
        let (firsts, width) = match self {
            Self::Weights(taps) if taps.spline => return 0..taps.inputs,
            Self::Weights(taps) => (&taps.first[outputs], taps.width),
            Self::Nearest { picked, .. } => (&picked[outputs], 1),
        };
        let (first, last) = (firsts.iter().min(), firsts.iter().max());
        first.copied().unwrap_or(0)..last.map_or(0, |last| last + width)
    }

    /// The filter of a range of outputs, whose inputs are those of their reach.
    pub(super) fn part(&self, outputs: Range<usize>) -> Self {
        let reach = self.reach(outputs.clone());
        let moved = |firsts: &[usize]| firsts.iter().map(|first| first - reach.start).collect();
        match self {
            Self::Weights(taps) => Self::Weights(Taps {
                first: moved(&taps.first[outputs.clone()]),
                weights: taps.weights[outputs].to_vec(),
                inputs: reach.len(),
                ..*taps
            }),
            Self::Nearest { picked, .. } => Self::Nearest { picked: moved(&picked[outputs]), inputs: reach.len() },
        }
    }

    /// Writes one row of `length` values per output.
    fn rows<'a>(&self, inputs: &[f32], length: usize, outputs: impl Iterator<Item = &'a mut [f32]>) {
        match self {
            Self::Weights(taps) => {
                for ((row, &first), weights) in outputs.zip(&taps.first).zip(&taps.weights) {
                    combine(row, &inputs[first * length..], &weights[..taps.width]);
                }
            }
            Self::Nearest { picked, .. } => {
                for (row, &from) in outputs.zip(picked) {
                    row.copy_from_slice(&inputs[from * length..(from + 1) * length]);
                }
            }
        }
    }

    fn is_spline(&self) -> bool {
        matches!(self, Self::Weights(taps) if taps.spline)
    }
}

/// Resamples one axis of the volume of `shape`, `[z, y, x]`, at the beginning of `values`, and stores the result there.
/// Returns its shape.
///
/// # Panics
///
/// If `values` is shorter than the larger of both volumes.
pub(super) fn resample(values: &mut [f32], shape: [usize; 3], axis: usize, filter: &Filter) -> [usize; 3] {
    let (inputs, outputs) = (filter.inputs(), filter.outputs());
    assert_eq!(shape[axis], inputs, "axis {axis} of {shape:?} and inputs of its filter");
    let inner: usize = shape[axis + 1..].iter().product();
    let blocks: usize = shape[..axis].iter().product();
    // Each block has room for its old and its new content.
    let longest = inputs.max(outputs);
    move_blocks(values, blocks, inputs * inner, longest * inner);
    let blocks_of_rows = &mut values[..blocks * longest * inner];
    match axis {
        // Slabs of rows: at one y, the rows of all z; at one z, the rows of all y.
        0 => in_slabs(blocks_of_rows, [longest, shape[1], shape[2]], Axis(1), filter),
        1 => in_slabs(blocks_of_rows, [shape[0], longest, shape[2]], Axis(0), filter),
        _ => along_x(blocks_of_rows, longest, filter),
    }
    move_blocks(values, blocks, longest * inner, outputs * inner);
    let mut resampled = shape;
    resampled[axis] = outputs;
    resampled
}

/// Moves blocks that begin every `from` values so that they begin every `to` values; longer blocks are truncated.
pub(super) fn move_blocks(values: &mut [f32], blocks: usize, from: usize, to: usize) {
    if from < to {
        for block in (1..blocks).rev() {
            values.copy_within(block * from..(block + 1) * from, block * to);
        }
    } else if from > to {
        for block in 1..blocks {
            values.copy_within(block * from..block * from + to, block * to);
        }
    }
}

fn in_slabs(values: &mut [f32], shape: [usize; 3], across: Axis, filter: &Filter) {
    let mut volume = ArrayViewMut3::from_shape(shape, values).expect("one value per voxel");
    let slabs = volume.axis_iter_mut(across).into_par_iter();
    slabs.for_each_init(Vec::new, |rows, slab| along_rows(slab, filter, rows));
}

/// Resamples a slab `[axis, x]` along its first axis.
fn along_rows(mut slab: ArrayViewMut2<'_, f32>, filter: &Filter, rows: &mut Vec<f32>) {
    let length = slab.ncols();
    rows.clear();
    for row in slab.rows().into_iter().take(filter.inputs()) {
        rows.extend_from_slice(row.to_slice().expect("a row of a volume in row-major order"));
    }
    if filter.is_spline() {
        to_coefficients(rows, length);
    }
    let outputs = slab.rows_mut().into_iter();
    let outputs = outputs.map(|row| row.into_slice().expect("a row of a volume in row-major order"));
    filter.rows(rows, length, outputs.take(filter.outputs()));
}

/// Resamples lines along x, which begin every `stride` values. Several lines at a time are transposed, so that voxels
/// of equal x form a row.
fn along_x(values: &mut [f32], stride: usize, filter: &Filter) {
    let (inputs, outputs) = (filter.inputs(), filter.outputs());
    let blocks = values.par_chunks_mut(LINES * stride);
    blocks.for_each_init(Scratch::default, |Scratch { rows, transposed }, lines| {
        let length = lines.len() / stride;
        rows.resize(inputs * length, 0.0);
        for (line, voxels) in lines.chunks_exact(stride).enumerate() {
            for (x, &value) in voxels[..inputs].iter().enumerate() {
                rows[x * length + line] = value;
            }
        }
        if filter.is_spline() {
            to_coefficients(rows, length);
        }
        transposed.resize(outputs * length, 0.0);
        filter.rows(rows, length, transposed.chunks_exact_mut(length));
        for (line, voxels) in lines.chunks_exact_mut(stride).enumerate() {
            for (x, value) in voxels[..outputs].iter_mut().enumerate() {
                *value = transposed[x * length + line];
            }
        }
    });
}

/// Memory that a thread reuses for all of its blocks.
#[derive(Default)]
struct Scratch {
    rows: Vec<f32>,
    transposed: Vec<f32>,
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

/// Converts rows of samples to rows of cubic B-spline coefficients, in place; at least two rows of `length` values.
///
/// The recursive filter starts and ends as if the first and last row were repeated to infinity, which scikit-image's
/// twelve repeated edge voxels approximate.
///
/// Source: Unser, "Splines: a perfect fit for signal and image processing", IEEE Signal Processing Magazine 16 (1999).
fn to_coefficients(rows: &mut [f32], length: usize) {
    let pole = SPLINE_POLE as f32;
    let count = rows.len() / length;
    let start = (6.0 / (1.0 - SPLINE_POLE)) as f32;
    for value in &mut rows[..length] {
        *value *= start;
    }
    for index in 1..count {
        let (before, here) = rows[(index - 1) * length..(index + 1) * length].split_at_mut(length);
        for (value, previous) in here.iter_mut().zip(before) {
            *value = 6.0 * *value + pole * *previous;
        }
    }
    let end = (-SPLINE_POLE / (1.0 - SPLINE_POLE * SPLINE_POLE)) as f32;
    let edge = (SPLINE_POLE / (1.0 - SPLINE_POLE)) as f32;
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
