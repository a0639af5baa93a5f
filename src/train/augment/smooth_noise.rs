//! White noise, smoothed by a Gaussian and sampled at voxels.
//!
//! The result equals SciPy's `gaussian_filter(mode="constant")` within 1/1000, but is not computed by convolution: noise smoothed
//! with a standard deviation of 9 voxels is well represented by a cubic spline with one knot per 3 voxels. The noise is projected
//! onto the knots by one small matrix per axis, and the spline is evaluated at the voxels.
//!
//! Differs: batchgenerators convolves; the spline is faster, and the difference is far below the range of the amplitude.

use rand::{Rng as _, SeedableRng};

use super::scratch::Buffer;
use super::spline::{POLE, cubic_weights};
use crate::random::Rng;
use crate::volume::Shape;
use crate::volume::gaussian::half_kernel;

/// Spline knots per standard deviation; three keep the error below 1/1000 of the smoothed noise.
const KNOTS_PER_SIGMA: f64 = 3.0;

/// Terms, on each side, of the series that converts values at the knots to spline coefficients.
const SERIES: i64 = 14;

/// Columns per block: a block stays in the L1 cache.
const BLOCK: usize = 128;

/// One value per voxel of a grid for each axis `[z, y, x]`; `None` along z for a grid of one slice.
pub(super) type Offsets = [Option<Buffer>; 3];

/// White noise, uniform between -1 and 1.
///
/// 16 random bits per voxel are enough for noise that is summed over thousands of voxels.
pub(super) fn noise(seed: u64, shape: Shape) -> Offsets {
    let mut rng = Rng::seed_from_u64(seed);
    let mut bytes = vec![0; 2 * shape.voxels()];
    std::array::from_fn(|axis| {
        (axis > 0 || shape.0[0] > 1).then(|| {
            rng.fill_bytes(&mut bytes);
            let (pairs, _) = bytes.as_chunks::<2>();
            let mut values = Buffer::zeros(pairs.len());
            for (value, &pair) in values.iter_mut().zip(pairs) {
                *value = (f32::from(i16::from_le_bytes(pair)) + 0.5) / 32768.0;
            }
            values
        })
    })
}

/// Offsets in voxels: `noise` on a grid `[z, y, x]`, zero outside the grid, smoothed with a standard deviation of `sigma` voxels,
/// times `alpha`. A grid of one slice is smoothed in its plane only.
pub(super) fn displacement(noise: Offsets, shape: Shape, sigma: f64, alpha: f64) -> Offsets {
    let spacing = ((sigma / KNOTS_PER_SIGMA) as usize).max(1);
    let response = knot_response(spacing, sigma, shape.0.into_iter().fold(0, usize::max));
    let axes = usize::from(shape.0[0] == 1)..3;
    let to_knots = shape.0.map(|size| to_knots(size, spacing, &response));
    let from_knots = shape.0.map(|size| from_knots(size, spacing));
    noise.map(|values| {
        let mut field = Field { values: values?, shape: shape.0 };
        for axis in axes.clone() {
            field = field.along(axis, &to_knots[axis]);
        }
        field.values.iter_mut().for_each(|value| *value *= alpha as f32);
        for axis in axes.clone().rev() {
            field = field.along(axis, &from_knots[axis]);
        }
        Some(field.values)
    })
}

/// One row of a banded matrix: the index of the first non-zero column, and the entries from there on.
struct Row {
    start: usize,
    entries: Vec<f32>,
}

/// Contribution of a voxel to the spline coefficient of a knot, by the distance from knot to voxel.
///
/// This is the Gaussian after the filter that makes a cubic spline interpolate. Knots are `spacing` voxels apart, and at most two
/// spacings outside an axis of `size` voxels.
fn knot_response(spacing: usize, sigma: f64, size: usize) -> Vec<f32> {
    let gaussian = half_kernel(sigma);
    let smooth = |distance: i64| gaussian.get(distance.unsigned_abs() as usize).copied().unwrap_or(0.0);
    let terms: Vec<(i64, f64)> =
        (-SERIES..=SERIES).map(|m| (m * spacing as i64, 3f64.sqrt() * POLE.powi(m.unsigned_abs() as i32))).collect();
    let response = |distance: i64| terms.iter().map(|(shift, weight)| weight * smooth(distance - shift)).sum::<f64>();
    (0..(size + 2 * spacing) as i64).map(|distance| response(distance) as f32).collect()
}

/// The matrix from `size` voxels to the spline coefficients of the smoothed noise; knot `k` lies at voxel `(k - 1) · spacing`.
fn to_knots(size: usize, spacing: usize, response: &[f32]) -> Vec<Row> {
    let row = |knot: usize| Row {
        start: 0,
        entries: (0..size).map(|voxel| response[(knot * spacing).abs_diff(voxel + spacing)]).collect(),
    };
    (0..knots(size, spacing)).map(row).collect()
}

/// The matrix from spline coefficients to the values at `size` voxels.
fn from_knots(size: usize, spacing: usize) -> Vec<Row> {
    let row = |voxel: usize| Row {
        start: voxel / spacing,
        entries: cubic_weights((voxel % spacing) as f32 / spacing as f32).to_vec(),
    };
    (0..size).map(row).collect()
}

/// Number of knots around the voxels of an axis, with one more on each side.
fn knots(size: usize, spacing: usize) -> usize {
    (size - 1) / spacing + 4
}

/// Values on a grid, in raster order.
struct Field {
    values: Buffer,
    shape: [usize; 3],
}

impl Field {
    /// Applies a matrix along one axis.
    fn along(&self, axis: usize, matrix: &[Row]) -> Self {
        let inner: usize = self.shape[axis + 1..].iter().product();
        let mut shape = self.shape;
        shape[axis] = matrix.len();
        let mut values = Buffer::zeros(shape.iter().product());
        let from = self.values.chunks_exact(inner * self.shape[axis]);
        for (from, to) in from.zip(values.chunks_exact_mut(inner * matrix.len())) {
            if inner == 1 {
                to.iter_mut().zip(matrix).for_each(|(to, row)| *to = dot(&row.entries, &from[row.start..]));
            } else {
                lines(from, to, inner, matrix);
            }
        }
        Self { values, shape }
    }
}

/// Applies a matrix to lines of `inner` contiguous values.
fn lines(from: &[f32], to: &mut [f32], inner: usize, matrix: &[Row]) {
    for block in (0..inner).step_by(BLOCK) {
        let width = BLOCK.min(inner - block);
        for (line, row) in to.chunks_exact_mut(inner).zip(matrix) {
            let line = &mut line[block..block + width];
            let source = |column: usize| &from[(row.start + column) * inner + block..][..width];
            for (four, entries) in row.entries.chunks(4).enumerate() {
                let column = 4 * four;
                if let [wa, wb, wc, wd] = *entries {
                    // Zipped, not indexed: bounds checks would prevent vectorisation.
                    let near = source(column).iter().zip(source(column + 1));
                    let far = source(column + 2).iter().zip(source(column + 3));
                    for (value, ((a, b), (c, d))) in line.iter_mut().zip(near.zip(far)) {
                        *value += (wa * a + wb * b) + (wc * c + wd * d);
                    }
                } else {
                    for (offset, weight) in entries.iter().enumerate() {
                        line.iter_mut().zip(source(column + offset)).for_each(|(value, from)| *value += weight * from);
                    }
                }
            }
        }
    }
}

/// Inner product over the length of `left`, in eight partial sums.
fn dot(left: &[f32], right: &[f32]) -> f32 {
    let right = &right[..left.len()];
    let (left, right) = (left.chunks_exact(8), right.chunks_exact(8));
    let rest: f32 = left.remainder().iter().zip(right.remainder()).map(|(a, b)| a * b).sum();
    let mut sums = [0.0; 8];
    for (left, right) in left.zip(right) {
        for lane in 0..8 {
            sums[lane] += left[lane] * right[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}
