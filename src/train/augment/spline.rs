//! Cubic B-spline interpolation of images at arbitrary positions. Source: nnU-Net commit 6150f1b0, `default_data_augmentation.py`
//! (`order_data=3`).
//!
//! Equals SciPy's `map_coordinates(order=3, mode="constant", cval=0)`: the coefficients are mirrored at the edges, and positions
//! outside the grid are 0.

use super::coordinates::{Coordinates, floor};
use super::scratch::Buffer;
use crate::volume::Shape;
pub(super) use crate::volume::resample::SPLINE_POLE as POLE;

/// Coefficients kept beyond the grid before its first and after its last voxel, so that all taps exist.
const BEFORE: usize = 1;
const AFTER: usize = 2;

/// Positions whose taps are computed together.
const LANES: usize = 16;

/// Maximum number of columns that are filtered together.
const BLOCK: usize = 256;

/// Rows that are filtered together along x. The padded length of a row is a multiple of this number, so that loops have no
/// remainder.
const ROWS: usize = 16;

/// Weights of the four nearest knots, at position `t` between the second and the third, 0 to 1.
#[inline]
pub(super) fn cubic_weights(t: f32) -> [f32; 4] {
    const SIXTH: f32 = 1.0 / 6.0;
    let s = 1.0 - t;
    let (t3, s3) = (t * t * t * SIXTH, s * s * s * SIXTH);
    // The four sum to 1 and have their mean at t.
    [s3, s + t3 - 2.0 * s3, t + s3 - 2.0 * t3, t3]
}

/// Interpolates an image, `shape` `[z, y, x]`, at each position into `out`. An image of one slice is interpolated in its plane; the
/// positions along z are ignored.
pub(super) fn sample(image: &[f32], shape: Shape, at: &Coordinates, out: &mut [f32]) {
    let spline = Spline::new(image, shape);
    let flat = shape.0[0] == 1;
    for (block, out) in out.chunks_mut(LANES).enumerate() {
        let range = block * LANES..block * LANES + out.len();
        let taps = |axis: usize| Taps::new(&at.axes[axis][range.clone()], (shape.0[axis] - 1) as f32);
        if flat {
            let taps = [taps(1), taps(2)];
            out.iter_mut().enumerate().for_each(|(lane, out)| *out = spline.in_plane(&taps, lane));
        } else {
            let taps = [taps(0), taps(1), taps(2)];
            out.iter_mut().enumerate().for_each(|(lane, out)| *out = spline.in_space(&taps, lane));
        }
    }
}

/// The taps of several positions on one axis.
struct Taps {
    /// Whether the position is on the grid.
    inside: [bool; LANES],
    /// The first of the four taps, counted with the margin.
    first: [u32; LANES],
    /// The weights of the four taps.
    weights: [[f32; LANES]; 4],
}

impl Taps {
    /// For up to `LANES` positions on an axis whose last voxel is at `last`.
    fn new(positions: &[f32], last: f32) -> Self {
        let mut padded = [-1.0; LANES];
        padded[..positions.len()].copy_from_slice(positions);
        let mut taps = Self { inside: [false; LANES], first: [0; LANES], weights: [[0.0; LANES]; 4] };
        // One loop per result, so that each becomes a few vector instructions.
        let mut between = [0.0; LANES];
        for (lane, position) in padded.into_iter().enumerate() {
            let from_start = if position > 0.0 { position } else { 0.0 };
            let clamped = if from_start < last { from_start } else { last };
            let first = floor(clamped);
            taps.first[lane] = first;
            between[lane] = clamped - first as i32 as f32;
        }
        for (lane, t) in between.into_iter().enumerate() {
            let [a, b, c, d] = cubic_weights(t);
            taps.weights[0][lane] = a;
            taps.weights[1][lane] = b;
            taps.weights[2][lane] = c;
            taps.weights[3][lane] = d;
        }
        for (inside, position) in taps.inside.iter_mut().zip(padded) {
            *inside = position >= 0.0 && position <= last;
        }
        taps
    }

    #[inline(always)]
    fn weights(&self, lane: usize) -> [f32; 4] {
        [self.weights[0][lane], self.weights[1][lane], self.weights[2][lane], self.weights[3][lane]]
    }
}

/// Spline coefficients of an image, with a margin.
struct Spline {
    coefficients: Buffer,
    /// Distance between rows, and between planes.
    row: usize,
    plane: usize,
}

impl Spline {
    fn new(image: &[f32], shape: Shape) -> Self {
        let [depth, height, width] = shape.0;
        let flat = depth == 1;
        let (before_z, planes) = if flat { (0, 1) } else { (BEFORE, BEFORE + depth + AFTER) };
        let row = (BEFORE + width + AFTER).next_multiple_of(ROWS);
        let plane = row * (BEFORE + height + AFTER);
        let mut coefficients = Buffer::zeros(planes * plane);
        let inside = before_z * plane;
        let [along_z, along_y, along_x] = shape.0.map(Filter::new);
        for (z, slice) in image.chunks_exact(height * width).enumerate() {
            let start = inside + z * plane;
            let slice_to = &mut coefficients[start..start + plane];
            copy_plane(slice, slice_to, width, row);
            filter_rows(slice_to, &along_x, height, row);
            for block in (0..row).step_by(BLOCK) {
                along_y.apply(slice_to, BEFORE * row + block, row, BLOCK.min(row - block));
            }
            mirror_plane(slice_to, height, width, row);
        }
        if !flat {
            for block in (0..plane).step_by(BLOCK) {
                along_z.apply(&mut coefficients, inside + block, plane, BLOCK.min(plane - block));
            }
            mirror_lines(&mut coefficients, depth, plane);
        }
        Self { coefficients, row, plane }
    }

    #[inline(always)]
    fn in_plane(&self, [y, x]: &[Taps; 2], lane: usize) -> f32 {
        if !(y.inside[lane] && x.inside[lane]) {
            return 0.0;
        }
        let start = y.first[lane] as usize * self.row + x.first[lane] as usize;
        across(self.taps(start, y.weights(lane)), x.weights(lane))
    }

    #[inline(always)]
    fn in_space(&self, [z, y, x]: &[Taps; 3], lane: usize) -> f32 {
        if !(z.inside[lane] && y.inside[lane] && x.inside[lane]) {
            return 0.0;
        }
        let [k, j, i] = [z, y, x].map(|taps| taps.first[lane] as usize);
        let start = k * self.plane + j * self.row + i;
        let weights = y.weights(lane);
        let planes = [
            self.taps(start, weights),
            self.taps(start + self.plane, weights),
            self.taps(start + 2 * self.plane, weights),
            self.taps(start + 3 * self.plane, weights),
        ];
        across(blend(planes, z.weights(lane)), x.weights(lane))
    }

    /// Weighted sum over four rows of coefficients, for four columns from `start` on.
    #[inline(always)]
    fn taps(&self, start: usize, weights: [f32; 4]) -> [f32; 4] {
        let rows = &self.coefficients[start..start + 3 * self.row + 4];
        let [a, b, c, d] = [&rows[..4], &rows[self.row..][..4], &rows[2 * self.row..][..4], &rows[3 * self.row..][..4]];
        blend(
            [[a[0], a[1], a[2], a[3]], [b[0], b[1], b[2], b[3]], [c[0], c[1], c[2], c[3]], [d[0], d[1], d[2], d[3]]],
            weights,
        )
    }
}

/// Weighted sum of four vectors.
#[inline(always)]
fn blend([a, b, c, d]: [[f32; 4]; 4], [wa, wb, wc, wd]: [f32; 4]) -> [f32; 4] {
    std::array::from_fn(|lane| (wa * a[lane] + wb * b[lane]) + (wc * c[lane] + wd * d[lane]))
}

/// Sum over the four columns.
#[inline(always)]
fn across(sums: [f32; 4], weights: [f32; 4]) -> f32 {
    (sums[0] * weights[0] + sums[1] * weights[1]) + (sums[2] * weights[2] + sums[3] * weights[3])
}

/// Copies a slice into the middle of a plane with a margin.
fn copy_plane(from: &[f32], to: &mut [f32], width: usize, row: usize) {
    for (from, to) in from.chunks_exact(width).zip(to.chunks_exact_mut(row).skip(BEFORE)) {
        to[BEFORE..][..width].copy_from_slice(from);
    }
}

/// Filters a plane along x. Blocks of rows are transposed, so that they are filtered side by side.
fn filter_rows(plane: &mut [f32], along_x: &Filter, height: usize, row: usize) {
    let width = along_x.size;
    let mut columns = vec![0.0; width * ROWS];
    for first in (0..height).step_by(ROWS) {
        let rows = ROWS.min(height - first);
        let start = (BEFORE + first) * row + BEFORE;
        for lane in 0..rows {
            let from = &plane[start + lane * row..][..width];
            columns.chunks_exact_mut(ROWS).zip(from).for_each(|(column, &value)| column[lane] = value);
        }
        along_x.apply(&mut columns, 0, ROWS, ROWS);
        for lane in 0..rows {
            let to = &mut plane[start + lane * row..][..width];
            columns.chunks_exact(ROWS).zip(to).for_each(|(column, value)| *value = column[lane]);
        }
    }
}

/// The filter from values to spline coefficients along an axis. Beyond its ends the signal is mirrored about its first and last
/// value, as in SciPy.
struct Filter {
    size: usize,
    /// Weights of the first values in the first value of the forward pass, including its gain of 6; negligible ones are left out.
    first: Vec<f32>,
}

impl Filter {
    fn new(size: usize) -> Self {
        let power = |exponent: usize| POLE.powi(exponent.min(1000) as i32);
        let last = size - 1;
        let weight = |line: usize| {
            let mirrored = if line == 0 || line == last { 0.0 } else { power(2 * last - line) };
            (6.0 * (power(line) + mirrored) / (1.0 - power(2 * last))) as f32
        };
        Self { size, first: (0..size).map(weight).take_while(|weight| weight.abs() > 1e-9).collect() }
    }

    /// Filters lines of `width` values in place; the first begins at `start`, and they are `stride` apart.
    fn apply(&self, values: &mut [f32], start: usize, stride: usize, width: usize) {
        if self.size == 1 {
            return;
        }
        let pole = POLE as f32;
        let at = |line: usize| start + line * stride;
        let mut first = [0.0; BLOCK];
        let first = &mut first[..width];
        for (line, weight) in self.first.iter().enumerate() {
            first.iter_mut().zip(&values[at(line)..]).for_each(|(sum, value)| *sum += weight * value);
        }
        values[start..start + width].copy_from_slice(first);
        for line in 1..self.size {
            let (before, after) = values.split_at_mut(at(line));
            let (previous, current) = (&before[at(line - 1)..][..width], &mut after[..width]);
            current
                .iter_mut()
                .zip(previous)
                .for_each(|(current, previous)| *current = 6.0 * *current + pole * previous);
        }
        let end = (POLE / (POLE * POLE - 1.0)) as f32;
        let (before, after) = values.split_at_mut(at(self.size - 1));
        let (previous, last) = (&before[at(self.size - 2)..][..width], &mut after[..width]);
        last.iter_mut().zip(previous).for_each(|(last, previous)| *last = end * (pole * previous + *last));
        for line in (0..self.size - 1).rev() {
            let (before, after) = values.split_at_mut(at(line + 1));
            let (current, next) = (&mut before[at(line)..][..width], &after[..width]);
            current.iter_mut().zip(next).for_each(|(current, next)| *current = pole * (next - *current));
        }
    }
}

/// Fills the margins of a plane by mirroring.
fn mirror_plane(plane: &mut [f32], height: usize, width: usize, row: usize) {
    for line in plane.chunks_exact_mut(row).skip(BEFORE).take(height) {
        for (to, from) in margins(width) {
            line[to] = line[from];
        }
    }
    mirror_lines(plane, height, row);
}

/// Fills the margins before and after `size` lines by mirroring.
fn mirror_lines(values: &mut [f32], size: usize, stride: usize) {
    for (to, from) in margins(size) {
        values.copy_within(from * stride..from * stride + stride, to * stride);
    }
}

/// For each index in the margins of an axis, the index inside that it mirrors; both include the margin.
fn margins(size: usize) -> [(usize, usize); BEFORE + AFTER] {
    let inside = |index: usize| {
        let period = (2 * (size - 1)).max(1);
        let index = index % period;
        BEFORE + index.min(period - index) % size
    };
    [(0, inside(1)), (BEFORE + size, inside(size)), (BEFORE + size + 1, inside(size + 1))]
}
