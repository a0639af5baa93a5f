//! Rows become columns: between channels that follow each other and channels that lie beside each other.
#![expect(unsafe_code, reason = "vector instructions on raw pointers")]

use std::mem::MaybeUninit;

use super::vector::LINE;

/// Numbers of a matrix in memory: where the first one is, and the distance of two rows.
#[derive(Clone, Copy)]
pub(super) struct Rows<T> {
    /// The first number of the first row.
    pub(super) first: T,
    /// Numbers from the beginning of a row to that of the next one.
    pub(super) stride: usize,
}

/// Edge of the square that is turned in registers.
const SQUARE: usize = 4;

/// Writes number `r` of row `c` for each number `c` of row `r` of `rows` by `columns` numbers.
///
/// # Safety
///
/// The rows that are read are valid for `columns` numbers each, the `columns` rows that are written for `rows` numbers, and
/// nobody else uses what is written.
#[inline(always)]
pub(super) unsafe fn transpose(from: Rows<*const f32>, to: Rows<*mut f32>, rows: usize, columns: usize) {
    // SAFETY: as for the caller; squares lie within rows and columns.
    unsafe {
        if rows < SQUARE || columns < SQUARE {
            return single(from, to, rows, columns);
        }
        // The last square of a row or column overlaps the one before where they do not divide it.
        let square_at = |row: usize, column: usize| {
            let (row, column) = (row.min(rows - SQUARE), column.min(columns - SQUARE));
            square(from.at(row, column), to.at(column, row));
        };
        // Rows that are far apart compete for the same places of the cache: a few of them at once, and whole lines of them.
        if from.stride > to.stride {
            for row in (0..rows).step_by(SQUARE) {
                (0..columns).step_by(SQUARE).for_each(|column| square_at(row, column));
            }
        } else {
            for line in (0..rows).step_by(LINE) {
                for column in (0..columns).step_by(SQUARE) {
                    (line..rows.min(line + LINE)).step_by(SQUARE).for_each(|row| square_at(row, column));
                }
            }
        }
    }
}

impl Rows<*const f32> {
    #[inline(always)]
    unsafe fn at(self, row: usize, column: usize) -> Self {
        // SAFETY: as for the caller.
        Self { first: unsafe { self.first.add(row * self.stride + column) }, ..self }
    }
}

impl Rows<*mut f32> {
    #[inline(always)]
    unsafe fn at(self, row: usize, column: usize) -> Self {
        // SAFETY: as for the caller.
        Self { first: unsafe { self.first.add(row * self.stride + column) }, ..self }
    }
}

#[inline(always)]
unsafe fn single(from: Rows<*const f32>, to: Rows<*mut f32>, rows: usize, columns: usize) {
    for (column, row) in (0..columns).flat_map(|column| (0..rows).map(move |row| (column, row))) {
        // SAFETY: as for the caller.
        unsafe { *to.at(column, row).first = *from.at(row, column).first };
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn square(from: Rows<*const f32>, to: Rows<*mut f32>) {
    use std::arch::x86_64::{
        _mm_loadu_ps, _mm_movehl_ps, _mm_movelh_ps, _mm_storeu_ps, _mm_unpackhi_ps, _mm_unpacklo_ps,
    };
    // SAFETY: as for the caller; all processors of this kind have the instructions.
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
unsafe fn square(from: Rows<*const f32>, to: Rows<*mut f32>) {
    // SAFETY: as for the caller.
    unsafe { single(from, to, SQUARE, SQUARE) }
}

/// Writes `rows` rows of `columns` numbers, at a distance of `stride`, as `columns` rows at a distance of `to_stride`.
///
/// # Panics
///
/// When one of the slices is too short, or the new rows overlap.
pub(super) fn turn(
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
    let (from, to) = (Rows { first: from.as_ptr(), stride }, Rows { first: to.as_mut_ptr().cast(), stride: to_stride });
    // SAFETY: the rows lie within the slices.
    unsafe { transpose(from, to, rows, columns) }
}
