//! Convolution of a tile: the sums of a few voxels of a few rows, by a few vectors of output channels, stay in registers over all
//! input channels and taps.
//!
//! The lanes of a vector are adjacent output channels. One tap of one input channel costs one load per vector, one broadcast per
//! voxel, and their products. All voxels of a tile lie in one boundary zone and see the same taps; voxels at the ends of a row skip
//! the taps beyond it. So the maps need no padding, and nothing is multiplied by 0.
#![expect(unsafe_code, reason = "vector instructions on raw pointers")]

use std::ops::Range;

use super::boundary::{BoundaryZone, Tap, VisibleTaps};
use crate::kernels::simd::Vector;

/// Maximum number of adjacent voxels of a tile.
const MAX_LENGTH: usize = 14;

/// Maximum number of rows of a tile; each row needs a register for its address.
const MAX_ROWS: usize = 4;

/// Voxels of a row that is written, and those that their taps of offset 0 read.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) sample: usize,
    /// Index of the first voxel that is read, in its map.
    pub(super) voxel: usize,
    /// Index of the first voxel in the sums.
    pub(super) sum: usize,
}

/// Adjacent input channels and their weights.
pub(super) struct InputChunk {
    /// Map of the first channel of the first sample.
    pub(super) maps: *const f32,
    /// Distance between samples.
    pub(super) sample_stride: usize,
    /// Distance between channels.
    pub(super) channel_stride: usize,
    /// Number of channels.
    pub(super) channels: usize,
    /// Weights of the first channel.
    pub(super) weights: *const f32,
    /// Distance between the weights of adjacent channels.
    pub(super) weight_stride: usize,
}

/// Adds the contributions of a chunk of input channels to the sums of rows of a zone.
///
/// Rows are divided into tiles of about equal size: long rows into pieces, short rows into groups.
#[inline(always)]
pub(super) unsafe fn accumulate_rows<V: Vector, const VECTORS: usize>(
    chunk: &InputChunk,
    rows: &[Row],
    zone: &BoundaryZone,
    sums: *mut f32,
) {
    let (length, sum_step) = (zone.written[2].count, zone.written[2].step);
    let max_length = MAX_LENGTH.min((V::REGISTERS - VECTORS - 1) / VECTORS);
    let pieces = length.div_ceil(max_length);
    let rows_together = (max_length / length).clamp(1, MAX_ROWS);
    let groups = rows.len().div_ceil(rows_together);
    for group in 0..groups {
        let rows = &rows[group * rows.len() / groups..(group + 1) * rows.len() / groups];
        for piece in 0..pieces {
            let voxels = piece * length / pieces..(piece + 1) * length / pieces;
            let visible = zone.visible(piece == 0, piece + 1 == pieces);
            let piece = Piece { voxels, visible, sum_step };
            // SAFETY: guaranteed by the caller; the pieces lie within the rows.
            unsafe {
                match zone.read[2].step {
                    1 => dispatch_tile::<V, VECTORS, 1>(chunk, rows, piece, sums),
                    2 => dispatch_tile::<V, VECTORS, 2>(chunk, rows, piece, sums),
                    other => unreachable!("no tile reads every {other}th voxel"),
                }
            }
        }
    }
}

/// Adjacent voxels of a row.
struct Piece<'a> {
    voxels: Range<usize>,
    visible: &'a VisibleTaps,
    /// Distance of their sums.
    sum_step: usize,
}

/// A tile of the same voxels of each row, which read every `STEP`th voxel.
#[inline(always)]
unsafe fn dispatch_tile<V: Vector, const VECTORS: usize, const STEP: usize>(
    chunk: &InputChunk,
    rows: &[Row],
    piece: Piece<'_>,
    sums: *mut f32,
) {
    macro_rules! tiles {
        ($($rows:literal: $($length:literal)+;)+) => {
            match (rows.len(), piece.voxels.len()) {
                $($(($rows, $length) => {
                    accumulate_tile::<V, VECTORS, STEP, $rows, $length>(chunk, rows, &piece, sums)
                })+)+
                other => unreachable!("no tile has {other:?} rows and voxels"),
            }
        }
    }
    // SAFETY: guaranteed by the caller; the tile has the matched size.
    unsafe {
        tiles! {
            1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14;
            2: 1 2 3 4 5 6 7;
            3: 1 2 3 4;
            4: 1 2 3;
        }
    }
}

/// A tile of `ROWS` rows of `LENGTH` voxels, by `VECTORS` vectors.
#[inline(always)]
unsafe fn accumulate_tile<
    V: Vector,
    const VECTORS: usize,
    const STEP: usize,
    const ROWS: usize,
    const LENGTH: usize,
>(
    chunk: &InputChunk,
    rows: &[Row],
    piece: &Piece<'_>,
    sums: *mut f32,
) {
    // SAFETY: guaranteed by the caller.
    unsafe {
        V::outline(
            #[inline(always)]
            || add_tile::<V, VECTORS, STEP, ROWS, LENGTH>(chunk, rows, piece, sums),
        );
    }
}

#[inline(always)]
unsafe fn add_tile<V: Vector, const VECTORS: usize, const STEP: usize, const ROWS: usize, const LENGTH: usize>(
    chunk: &InputChunk,
    rows: &[Row],
    piece: &Piece<'_>,
    sums: *mut f32,
) {
    let Piece { voxels: Range { start, .. }, visible, sum_step } = piece;
    if (ROWS * LENGTH + 1) * VECTORS + 1 > V::REGISTERS {
        unreachable!("{ROWS} rows of {LENGTH} voxels do not fit into the registers");
    }
    // SAFETY: guaranteed by the caller.
    unsafe {
        let mut tile = [[[V::zero(); VECTORS]; LENGTH]; ROWS];
        let mut from = [chunk.maps; ROWS];
        for r in 0..ROWS {
            let row = rows.get_unchecked(r);
            from[r] = chunk.maps.add(row.sample * chunk.sample_stride + row.voxel + start * STEP);
            for l in 0..LENGTH {
                for v in 0..VECTORS {
                    tile[r][l][v] = V::load(sums.add(((row.sum + (start + l) * sum_step) * VECTORS + v) * V::LANES));
                }
            }
        }
        for channel in 0..chunk.channels {
            let weights = chunk.weights.add(channel * chunk.weight_stride);
            let channel_offset = channel * chunk.channel_stride;
            for tap in &visible.all {
                add_tap::<V, VECTORS, STEP, ROWS, LENGTH, 0, 0>(&mut tile, from, channel_offset, weights, *tap);
            }
            for tap in &visible.not_first {
                add_tap::<V, VECTORS, STEP, ROWS, LENGTH, 1, 0>(&mut tile, from, channel_offset, weights, *tap);
            }
            for tap in &visible.not_last {
                add_tap::<V, VECTORS, STEP, ROWS, LENGTH, 0, 1>(&mut tile, from, channel_offset, weights, *tap);
            }
        }
        for r in 0..ROWS {
            let row = rows.get_unchecked(r);
            for l in 0..LENGTH {
                for v in 0..VECTORS {
                    tile[r][l][v].store(sums.add(((row.sum + (start + l) * sum_step) * VECTORS + v) * V::LANES));
                }
            }
        }
    }
}

/// Adds one tap of the channel at `channel_offset` to all voxels of each row, except the first `SKIP_FIRST` and the last `SKIP_LAST`.
#[inline(always)]
unsafe fn add_tap<
    V: Vector,
    const VECTORS: usize,
    const STEP: usize,
    const ROWS: usize,
    const LENGTH: usize,
    const SKIP_FIRST: usize,
    const SKIP_LAST: usize,
>(
    tile: &mut [[[V; VECTORS]; LENGTH]; ROWS],
    from: [*const f32; ROWS],
    channel_offset: usize,
    weights: *const f32,
    tap: Tap,
) {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let weights = weights.add(tap.index * VECTORS * V::LANES);
        let offset = channel_offset as isize + tap.offset;
        let mut values = [V::zero(); VECTORS];
        for v in 0..VECTORS {
            values[v] = V::load(weights.add(v * V::LANES));
        }
        for r in 0..ROWS {
            for l in SKIP_FIRST..LENGTH - SKIP_LAST {
                let factor = V::splat(from[r].offset(offset).add(l * STEP));
                for v in 0..VECTORS {
                    tile[r][l][v] = tile[r][l][v].add_product(factor, values[v]);
                }
            }
        }
    }
}
