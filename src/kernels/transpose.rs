//! Matrix transposition: between channel-major order, `[channel, voxel]`, and voxel-major order, `[voxel, channel]`.
#![expect(unsafe_code, reason = "vector instructions on raw pointers")]

use std::mem::MaybeUninit;

use super::simd::CACHE_LINE;

/// A matrix in memory.
#[derive(Clone, Copy)]
pub(super) struct Matrix<T> {
    /// Pointer to the first value of the first row.
    pub(super) first: T,
    /// Values from the beginning of a row to that of the next one.
    pub(super) stride: usize,
}

/// Edge of the square that is transposed in registers.
const SQUARE: usize = 4;

/// Writes the transpose of a matrix of `rows` by `columns` values.
///
/// # Safety
///
/// `from` is valid for reading `rows` rows of `columns` values, `to` for writing `columns` rows of `rows` values, and nothing else
/// accesses the written values meanwhile.
#[inline(always)]
pub(super) unsafe fn transpose(from: Matrix<*const f32>, to: Matrix<*mut f32>, rows: usize, columns: usize) {
    // SAFETY: guaranteed by the caller; all squares lie within the matrix.
    unsafe {
        if rows < SQUARE || columns < SQUARE {
            return transpose_values(from, to, rows, columns);
        }
        // Where squares do not divide the matrix, the last one overlaps the one before.
        let transpose_at = |row: usize, column: usize| {
            let (row, column) = (row.min(rows - SQUARE), column.min(columns - SQUARE));
            transpose_square(from.at(row, column), to.at(column, row));
        };
        // Rows at a large stride map to the same cache sets: few of them at a time, and whole cache lines of each.
        if from.stride > to.stride {
            for row in (0..rows).step_by(SQUARE) {
                (0..columns).step_by(SQUARE).for_each(|column| transpose_at(row, column));
            }
        } else {
            for line in (0..rows).step_by(CACHE_LINE) {
                for column in (0..columns).step_by(SQUARE) {
                    (line..rows.min(line + CACHE_LINE)).step_by(SQUARE).for_each(|row| transpose_at(row, column));
                }
            }
        }
    }
}

impl Matrix<*const f32> {
    #[inline(always)]
    unsafe fn at(self, row: usize, column: usize) -> Self {
        // SAFETY: guaranteed by the caller.
        Self { first: unsafe { self.first.add(row * self.stride + column) }, ..self }
    }
}

impl Matrix<*mut f32> {
    #[inline(always)]
    unsafe fn at(self, row: usize, column: usize) -> Self {
        // SAFETY: guaranteed by the caller.
        Self { first: unsafe { self.first.add(row * self.stride + column) }, ..self }
    }
}

#[inline(always)]
unsafe fn transpose_values(from: Matrix<*const f32>, to: Matrix<*mut f32>, rows: usize, columns: usize) {
    for (column, row) in (0..columns).flat_map(|column| (0..rows).map(move |row| (column, row))) {
        // SAFETY: guaranteed by the caller.
        unsafe { *to.at(column, row).first = *from.at(row, column).first };
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn transpose_square(from: Matrix<*const f32>, to: Matrix<*mut f32>) {
    use std::arch::x86_64::{
        _mm_loadu_ps, _mm_movehl_ps, _mm_movelh_ps, _mm_storeu_ps, _mm_unpackhi_ps, _mm_unpacklo_ps,
    };
    // SAFETY: guaranteed by the caller; every x86-64 processor has the instructions.
    unsafe {
        let [a, b, c, d] = [0, 1, 2, 3].map(|row| _mm_loadu_ps(from.at(row, 0).first));
        let (ab, cd) = (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d));
        _mm_storeu_ps(to.at(0, 0).first, _mm_movelh_ps(ab, cd));
        _mm_storeu_ps(to.at(1, 0).first, _mm_movehl_ps(cd, ab));
        let (ab, cd) = (_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d));
        _mm_storeu_ps(to.at(2, 0).first, _mm_movelh_ps(ab, cd));
        _mm_storeu_ps(to.at(3, 0).first, _mm_movehl_ps(cd, ab));
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
unsafe fn transpose_square(from: Matrix<*const f32>, to: Matrix<*mut f32>) {
    // SAFETY: guaranteed by the caller.
    unsafe { transpose_values(from, to, SQUARE, SQUARE) }
}

/// Transposes `[rows, columns]` values with row stride `stride` into `columns` rows with row stride `to_stride`.
///
/// # Panics
///
/// When a slice is too short, or the written rows overlap.
pub(super) fn transpose_slice(
    from: &[f32],
    stride: usize,
    to: &mut [MaybeUninit<f32>],
    to_stride: usize,
    [rows, columns]: [usize; 2],
) {
    if rows == 0 || columns == 0 {
        return;
    }
    assert!((rows - 1) * stride + columns <= from.len());
    assert!((columns - 1) * to_stride + rows <= to.len() && rows <= to_stride);
    let (from, to) =
        (Matrix { first: from.as_ptr(), stride }, Matrix { first: to.as_mut_ptr().cast(), stride: to_stride });
    // SAFETY: both matrices lie within their slices.
    unsafe { transpose(from, to, rows, columns) }
}
