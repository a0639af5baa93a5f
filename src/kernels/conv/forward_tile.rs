//! Convolution of one task: the sums of a tile of voxels and output channels stay in registers over all taps.
//!
//! The lanes of a vector are adjacent output channels; a tile is a few voxels by a few vectors. One tap of one input channel costs
//! one load per vector, one broadcast per voxel, and their products. All voxels of a tile lie in one boundary zone and see the
//! same taps; voxels at the ends of a row skip the taps beyond it. So the maps need no padding, and nothing is multiplied by 0.
#![expect(unsafe_code, reason = "vector instructions on raw pointers")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m512};
use std::ops::Range;

use super::boundary::{BoundaryZone, Tap, VisibleTaps};
use crate::kernels::channels::Channels;
use crate::kernels::simd::{InstructionSet, Vector};

/// Weights that are applied to all voxels before the next ones, bytes, about: they stay in the first-level cache.
const WEIGHT_BYTES: usize = 18 << 10;

/// Maximum number of adjacent voxels of a tile.
const MAX_LENGTH: usize = 14;

/// Maximum number of rows of a tile; each row needs a register for its address.
const MAX_ROWS: usize = 4;

/// Maximum number of vectors of a tile.
pub(super) fn max_vectors(instructions: InstructionSet) -> usize {
    match instructions {
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 => 3,
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 => 2,
        InstructionSet::Portable => 2,
    }
}

/// Adjacent voxels of the output.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) sample: usize,
    /// Index of the first voxel in its map.
    pub(super) voxel: usize,
    /// Index of the first voxel in the sums.
    pub(super) sum: usize,
}

/// Rows in one zone.
pub(super) struct ZoneRows<'a> {
    pub(super) rows: Vec<Row>,
    pub(super) zone: &'a BoundaryZone,
}

/// Weights of a block of output channels, `[input, tap, output]`; lanes beyond the last output are 0.
#[derive(Clone, Copy)]
pub(super) struct PackedWeights<'a> {
    pub(super) values: &'a [f32],
    /// Taps of the kernel.
    pub(super) taps: usize,
    /// Vectors that hold the output channels.
    pub(super) vectors: usize,
}

/// Adds the contributions of all inputs to the sums, `[voxel, output]`.
///
/// # Panics
///
/// When a length does not match, or a tap lies outside its map.
pub(super) fn accumulate(
    inputs: &[Channels<'_>],
    rows: &[ZoneRows<'_>],
    weights: PackedWeights<'_>,
    sums: &mut [f32],
    instructions: InstructionSet,
) {
    check(inputs, rows, weights, sums, instructions);
    // SAFETY: the processor supports the instruction set; all accesses lie within the bounds just checked.
    unsafe {
        match instructions {
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512 => accumulate_avx512(inputs, rows, weights, sums),
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2 => accumulate_avx2(inputs, rows, weights, sums),
            InstructionSet::Portable => dispatch_vectors::<[f32; 4]>(inputs, rows, weights, sums),
        }
    }
}

fn check(
    inputs: &[Channels<'_>],
    rows: &[ZoneRows<'_>],
    weights: PackedWeights<'_>,
    sums: &[f32],
    instructions: InstructionSet,
) {
    let stride = weights.vectors * instructions.lanes();
    let (channels, voxels): (usize, usize) = (inputs.iter().map(|input| input.count).sum(), inputs[0].voxels);
    assert_eq!(weights.values.len(), channels * weights.taps * stride);
    assert!(inputs.iter().all(|input| input.voxels == voxels));
    for ZoneRows { rows, zone } in rows {
        let length = zone.voxels[2].len();
        for row in rows {
            assert!((row.sum + length) * stride <= sums.len());
            assert!(inputs.iter().all(|input| (row.sample + 1) * input.count * voxels <= input.values.len()));
            let visible = zone.visible(true, true);
            let ranges =
                [(&visible.all, 0, length), (&visible.not_first, 1, length), (&visible.not_last, 0, length - 1)];
            for (taps, start, end) in ranges {
                for tap in taps.iter().filter(|_| start < end) {
                    let ends =
                        [row.voxel + start, row.voxel + end - 1].map(|voxel| voxel.checked_add_signed(tap.offset));
                    assert!(ends.iter().all(|end| end.is_some_and(|end| end < voxels)) && tap.index < weights.taps);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn accumulate_avx512(
    inputs: &[Channels<'_>],
    rows: &[ZoneRows<'_>],
    weights: PackedWeights<'_>,
    sums: &mut [f32],
) {
    // SAFETY: guaranteed by the caller.
    unsafe { dispatch_vectors::<__m512>(inputs, rows, weights, sums) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn accumulate_avx2(
    inputs: &[Channels<'_>],
    rows: &[ZoneRows<'_>],
    weights: PackedWeights<'_>,
    sums: &mut [f32],
) {
    // SAFETY: guaranteed by the caller.
    unsafe { dispatch_vectors::<__m256>(inputs, rows, weights, sums) }
}

#[inline(always)]
unsafe fn dispatch_vectors<V: Vector>(
    inputs: &[Channels<'_>],
    rows: &[ZoneRows<'_>],
    weights: PackedWeights<'_>,
    sums: &mut [f32],
) {
    // SAFETY: guaranteed by the caller.
    unsafe {
        match weights.vectors {
            1 => accumulate_vectors::<V, 1>(inputs, rows, weights, sums),
            2 => accumulate_vectors::<V, 2>(inputs, rows, weights, sums),
            3 => accumulate_vectors::<V, 3>(inputs, rows, weights, sums),
            other => unreachable!("no tile has {other} vectors"),
        }
    }
}

/// Adjacent input channels and their weights.
struct InputChunk {
    /// Map of the first channel of the first sample.
    maps: *const f32,
    /// Distance between samples.
    sample_stride: usize,
    /// Distance between channels.
    channel_stride: usize,
    /// Number of channels.
    channels: usize,
    /// Weights of the first channel.
    weights: *const f32,
    /// Distance between the weights of adjacent channels.
    weight_stride: usize,
}

#[inline(always)]
unsafe fn accumulate_vectors<V: Vector, const VECTORS: usize>(
    inputs: &[Channels<'_>],
    rows: &[ZoneRows<'_>],
    weights: PackedWeights<'_>,
    sums: &mut [f32],
) {
    let weight_stride = weights.taps * VECTORS * V::LANES;
    let chunk_len = (WEIGHT_BYTES / (weight_stride * size_of::<f32>())).max(1);
    let mut first = 0;
    for input in inputs {
        for channel in (0..input.count).step_by(chunk_len) {
            let chunk = InputChunk {
                maps: input.values[channel * input.voxels..].as_ptr(),
                sample_stride: input.count * input.voxels,
                channel_stride: input.voxels,
                channels: chunk_len.min(input.count - channel),
                weights: weights.values[(first + channel) * weight_stride..].as_ptr(),
                weight_stride,
            };
            for rows in rows {
                // SAFETY: guaranteed by the caller.
                unsafe { accumulate_rows::<V, VECTORS>(&chunk, rows, sums.as_mut_ptr()) }
            }
        }
        first += input.count;
    }
}

/// Divides rows into tiles of about equal size: long rows into pieces, short rows into groups.
#[inline(always)]
unsafe fn accumulate_rows<V: Vector, const VECTORS: usize>(
    chunk: &InputChunk,
    ZoneRows { rows, zone }: &ZoneRows<'_>,
    sums: *mut f32,
) {
    let length = zone.voxels[2].len();
    let max_length = MAX_LENGTH.min((V::REGISTERS - VECTORS - 1) / VECTORS);
    let pieces = length.div_ceil(max_length);
    let rows_together = (max_length / length).clamp(1, MAX_ROWS);
    let groups = rows.len().div_ceil(rows_together);
    for group in 0..groups {
        let rows = &rows[group * rows.len() / groups..(group + 1) * rows.len() / groups];
        for piece in 0..pieces {
            let voxels = piece * length / pieces..(piece + 1) * length / pieces;
            let visible = zone.visible(piece == 0, piece + 1 == pieces);
            // SAFETY: guaranteed by the caller; the pieces lie within the rows.
            unsafe { dispatch_tile::<V, VECTORS>(chunk, rows, voxels, visible, sums) }
        }
    }
}

/// A tile of the same voxels of each row.
#[inline(always)]
unsafe fn dispatch_tile<V: Vector, const VECTORS: usize>(
    chunk: &InputChunk,
    rows: &[Row],
    voxels: Range<usize>,
    visible: &VisibleTaps,
    sums: *mut f32,
) {
    macro_rules! tiles {
        ($($rows:literal: $($length:literal)+;)+) => {
            match (rows.len(), voxels.len()) {
                $($(($rows, $length) => {
                    accumulate_tile::<V, VECTORS, $rows, $length>(chunk, rows, voxels.start, visible, sums)
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

/// A tile of `ROWS` rows of `LENGTH` voxels from `start`, by `VECTORS` vectors.
#[inline(always)]
unsafe fn accumulate_tile<V: Vector, const VECTORS: usize, const ROWS: usize, const LENGTH: usize>(
    chunk: &InputChunk,
    rows: &[Row],
    start: usize,
    visible: &VisibleTaps,
    sums: *mut f32,
) {
    if (ROWS * LENGTH + 1) * VECTORS + 1 > V::REGISTERS {
        unreachable!("{ROWS} rows of {LENGTH} voxels do not fit into the registers");
    }
    // SAFETY: guaranteed by the caller.
    unsafe {
        let mut tile = [[[V::zero(); VECTORS]; LENGTH]; ROWS];
        let mut from = [chunk.maps; ROWS];
        for r in 0..ROWS {
            let row = rows.get_unchecked(r);
            from[r] = chunk.maps.add(row.sample * chunk.sample_stride + row.voxel + start);
            for l in 0..LENGTH {
                for v in 0..VECTORS {
                    tile[r][l][v] = V::load(sums.add(((row.sum + start + l) * VECTORS + v) * V::LANES));
                }
            }
        }
        for channel in 0..chunk.channels {
            let weights = chunk.weights.add(channel * chunk.weight_stride);
            let channel_offset = channel * chunk.channel_stride;
            for tap in &visible.all {
                add_tap::<V, VECTORS, ROWS, LENGTH, 0, 0>(&mut tile, from, channel_offset, weights, *tap);
            }
            for tap in &visible.not_first {
                add_tap::<V, VECTORS, ROWS, LENGTH, 1, 0>(&mut tile, from, channel_offset, weights, *tap);
            }
            for tap in &visible.not_last {
                add_tap::<V, VECTORS, ROWS, LENGTH, 0, 1>(&mut tile, from, channel_offset, weights, *tap);
            }
        }
        for r in 0..ROWS {
            let row = rows.get_unchecked(r);
            for l in 0..LENGTH {
                for v in 0..VECTORS {
                    tile[r][l][v].store(sums.add(((row.sum + start + l) * VECTORS + v) * V::LANES));
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
                let factor = V::splat(from[r].offset(offset).add(l));
                for v in 0..VECTORS {
                    tile[r][l][v] = tile[r][l][v].add_product(factor, values[v]);
                }
            }
        }
    }
}
