//! Direct convolution: sums of a tile of positions and channels stay in registers over all taps.
//!
//! The lanes of a vector are neighbouring positions, and a tile is some vectors of positions times a block of output
//! channels. A tap of an input channel costs one load for each vector, one broadcast for each output channel, and their
//! products.
#![expect(unsafe_code, reason = "vector instructions on raw pointers")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m512};

use super::grid::Grid;
use super::vector::{Instructions, Vector};

/// Input channels that are summed before the next tile, so that their weights stay in the first cache.
const INPUTS_AT_ONCE: usize = 8;

/// Counts of output channels that a tile can have.
const BLOCKS: [usize; 7] = [1, 2, 4, 6, 8, 10, 12];

/// The block that computes the fewest channels too many; of several the largest.
pub(super) fn best_block(outputs: usize, instructions: Instructions) -> usize {
    let most = match instructions {
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 => 12,
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2 => 6,
        Instructions::Portable => 4,
    };
    let blocks = BLOCKS.into_iter().rev().filter(|block| *block <= most);
    blocks.min_by_key(|block| outputs.next_multiple_of(*block)).unwrap_or(1)
}

/// What the strips of an output have in common.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// Layout of `maps`.
    pub(super) grid: &'a Grid,
    /// Padded maps, `[sample, input, z, plane]`.
    pub(super) maps: &'a [f32],
    /// Count of input channels.
    pub(super) inputs: usize,
    /// Count of output channels of a block.
    pub(super) block: usize,
}

/// Some rows of a plane of a sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strip {
    pub(super) sample: usize,
    pub(super) z: usize,
    pub(super) rows: (usize, usize),
}

/// Adds to `sums`, `[block, positions]`, a strip of a block of the output channels.
///
/// `weights` are those of the block, `[input, tap, block]`. The positions are rounded up to a multiple of 16.
pub(super) fn add_strip(
    source: &Source<'_>,
    Strip { sample, z, rows: (start, rows) }: Strip,
    weights: &[f32],
    sums: &mut [f32],
    instructions: Instructions,
) {
    let grid = source.grid;
    assert_eq!(weights.len(), source.inputs * grid.taps() * source.block);
    let positions = rows * grid.row;
    assert!(start + rows <= grid.size[1]);
    assert_eq!(sums.len(), source.block * positions.next_multiple_of(16));
    assert!(source.maps.len() >= (sample + 1) * source.inputs * grid.size[0] * grid.plane && z < grid.size[0]);
    let planes = grid.planes_at(z);
    let taps: Vec<usize> =
        planes.clone().flat_map(|k| grid.plane_taps().map(move |tap| (k - planes.start) * grid.plane + tap)).collect();
    let skipped = planes.start * grid.kernel[1] * grid.kernel[2];
    let plane = sample * source.inputs * grid.size[0] + z + planes.start - grid.kernel[0] / 2;
    let first = plane * grid.plane + grid.lead + start * grid.row;
    let work = Work { source, first, positions, taps: &taps, skipped, weights };
    // SAFETY: the processor has the instructions. A vector of positions under the last tap ends within its plane
    // (`Grid::plane`), the planes of the taps lie within the maps (`Grid::planes_at`), and weights and sums have the
    // lengths that were just checked.
    unsafe {
        match instructions {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => avx512(&work, sums),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => avx2(&work, sums),
            Instructions::Portable => any_block::<[f32; 4]>(&work, sums),
        }
    }
}

/// One strip of output.
struct Work<'a> {
    source: &'a Source<'a>,
    /// Where the first position lies under the first tap, in the first input channel.
    first: usize,
    positions: usize,
    /// Offsets of the taps that lie within the map.
    taps: &'a [usize],
    /// Taps before the first of these.
    skipped: usize,
    weights: &'a [f32],
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512(work: &Work<'_>, sums: &mut [f32]) {
    // SAFETY: as for the caller.
    unsafe { any_block::<__m512>(work, sums) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(work: &Work<'_>, sums: &mut [f32]) {
    // SAFETY: as for the caller.
    unsafe { any_block::<__m256>(work, sums) }
}

#[inline(always)]
unsafe fn any_block<V: Vector>(work: &Work<'_>, sums: &mut [f32]) {
    // SAFETY: as for the caller; the block of the source is that of the function.
    unsafe {
        match work.source.block {
            1 => block::<V, 1>(work, sums),
            2 => block::<V, 2>(work, sums),
            4 => block::<V, 4>(work, sums),
            6 => block::<V, 6>(work, sums),
            8 => block::<V, 8>(work, sums),
            10 => block::<V, 10>(work, sums),
            12 => block::<V, 12>(work, sums),
            other => unreachable!("no block has {other} channels"),
        }
    }
}

#[inline(always)]
unsafe fn block<V: Vector, const B: usize>(work: &Work<'_>, sums: &mut [f32]) {
    let vectors = work.positions.div_ceil(V::LANES);
    let wide = (V::SUMS / B).clamp(1, 6);
    for first in (0..work.source.inputs).step_by(INPUTS_AT_ONCE) {
        let inputs = first..work.source.inputs.min(first + INPUTS_AT_ONCE);
        let mut at = 0;
        while at < vectors {
            let width = wide.min(vectors - at);
            let (inputs, position) = (inputs.clone(), at * V::LANES);
            // SAFETY: as for the caller; the vectors lie within the positions.
            unsafe {
                match width {
                    1 => tile::<V, B, 1>(work, inputs, position, sums),
                    2 => tile::<V, B, 2>(work, inputs, position, sums),
                    3 => tile::<V, B, 3>(work, inputs, position, sums),
                    4 => tile::<V, B, 4>(work, inputs, position, sums),
                    5 => tile::<V, B, 5>(work, inputs, position, sums),
                    _ => tile::<V, B, 6>(work, inputs, position, sums),
                }
            }
            at += width;
        }
    }
}

/// `B` channels times `W` vectors from `position` on.
#[inline(always)]
unsafe fn tile<V: Vector, const B: usize, const W: usize>(
    work: &Work<'_>,
    inputs: std::ops::Range<usize>,
    position: usize,
    sums: &mut [f32],
) {
    if B * W > V::SUMS.max(B) {
        return;
    }
    let grid = work.source.grid;
    let stride = sums.len() / B;
    // SAFETY: as for the caller.
    unsafe {
        let to = sums.as_mut_ptr().add(position);
        let mut tile = [[V::zero(); W]; B];
        for b in 0..B {
            for w in 0..W {
                tile[b][w] = V::load(to.add(b * stride + w * V::LANES));
            }
        }
        for input in inputs {
            let from = work.source.maps.as_ptr().add(work.first + input * grid.size[0] * grid.plane + position);
            let mut weight = work.weights.as_ptr().add((input * grid.taps() + work.skipped) * B);
            for tap in work.taps {
                let mut values = [V::zero(); W];
                for w in 0..W {
                    values[w] = V::load(from.add(tap + w * V::LANES));
                }
                for b in 0..B {
                    let factor = V::splat(weight.add(b));
                    for w in 0..W {
                        tile[b][w] = tile[b][w].add_product(factor, values[w]);
                    }
                }
                weight = weight.add(B);
            }
        }
        for b in 0..B {
            for w in 0..W {
                tile[b][w].store(to.add(b * stride + w * V::LANES));
            }
        }
    }
}
