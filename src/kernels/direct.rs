//! Direct convolution: sums of a tile of voxels and channels stay in registers over all taps.
//!
//! The lanes of a vector are neighbouring output channels, and a tile is some voxels times some vectors. A tap of an input
//! channel costs one load for each vector, one broadcast for each voxel, and their products. A tile is of
//! one zone, whose voxels see the same taps; those at the ends of a row leave out what lies beside it. So the maps need no border
//! of zeros, and no product with a zero is computed.
#![expect(unsafe_code, reason = "vector instructions on raw pointers")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m512};
use std::ops::Range;

use super::border::{Sight, Tap, Zone};
use super::maps::Maps;
use super::vector::{Instructions, Vector};

/// Bytes of the weights that are used for all voxels before the next ones, about: they stay in the first cache.
const WEIGHT_BYTES: usize = 18 << 10;

/// Most voxels of a tile that follow each other, and most rows of them: each row takes a register for its address.
const VOXELS: usize = 14;
const ROWS: usize = 4;

/// Most vectors of a tile.
pub(super) fn most_vectors(instructions: Instructions) -> usize {
    match instructions {
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 => 3,
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2 => 2,
        Instructions::Portable => 2,
    }
}

/// Voxels of the output that follow each other.
#[derive(Clone, Copy)]
pub(super) struct Row {
    /// Number of the sample.
    pub(super) sample: usize,
    /// Number of the first voxel in the map.
    pub(super) voxel: usize,
    /// Number of the first voxel among the sums.
    pub(super) sum: usize,
}

/// Rows of a zone.
pub(super) struct Rows<'a> {
    pub(super) rows: Vec<Row>,
    pub(super) zone: &'a Zone,
}

/// Weights of some vectors of output channels, `[input, tap, output]`; outputs beyond the last are zero.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a> {
    pub(super) values: &'a [f32],
    /// Taps of the kernel.
    pub(super) taps: usize,
    /// Vectors of output channels.
    pub(super) vectors: usize,
}

/// Adds to the sums `[voxel, output]` what the maps contribute, whose weights follow each other.
///
/// # Panics
///
/// When the weights do not belong to the maps, or a voxel under a tap lies outside.
pub(super) fn add(maps: &[Maps<'_>], rows: &[Rows<'_>], weights: Weights<'_>, sums: &mut [f32], by: Instructions) {
    let wide = weights.vectors * by.lanes();
    let inputs: usize = maps.iter().map(|maps| maps.channels).sum();
    assert_eq!(weights.values.len(), inputs * weights.taps * wide);
    assert!(maps.iter().all(|set| set.volume == maps[0].volume));
    for Rows { rows, zone } in rows {
        let length = zone.voxels[2].len();
        for row in rows {
            assert!((row.sum + length) * wide <= sums.len());
            assert!(maps.iter().all(|maps| (row.sample + 1) * maps.channels * maps.volume <= maps.values.len()));
            let sight = zone.sight(true, true);
            let ranges = [(&sight.all, 0, length), (&sight.not_first, 1, length), (&sight.not_last, 0, length - 1)];
            for (taps, start, end) in ranges {
                for tap in taps.iter().filter(|_| start < end) {
                    let ends =
                        [row.voxel + start, row.voxel + end - 1].map(|voxel| voxel.checked_add_signed(tap.distance));
                    assert!(
                        ends.iter().all(|at| at.is_some_and(|at| at < maps[0].volume)) && tap.number < weights.taps
                    );
                }
            }
        }
    }
    // SAFETY: the processor has the instructions, and what the voxels see, add to and are weighted by lies within the slices.
    unsafe {
        match by {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => avx512(maps, rows, weights, sums),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => avx2(maps, rows, weights, sums),
            Instructions::Portable => any_width::<[f32; 4]>(maps, rows, weights, sums),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512(maps: &[Maps<'_>], rows: &[Rows<'_>], weights: Weights<'_>, sums: &mut [f32]) {
    // SAFETY: as for the caller.
    unsafe { any_width::<__m512>(maps, rows, weights, sums) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(maps: &[Maps<'_>], rows: &[Rows<'_>], weights: Weights<'_>, sums: &mut [f32]) {
    // SAFETY: as for the caller.
    unsafe { any_width::<__m256>(maps, rows, weights, sums) }
}

#[inline(always)]
unsafe fn any_width<V: Vector>(maps: &[Maps<'_>], rows: &[Rows<'_>], weights: Weights<'_>, sums: &mut [f32]) {
    // SAFETY: as for the caller.
    unsafe {
        match weights.vectors {
            1 => width::<V, 1>(maps, rows, weights, sums),
            2 => width::<V, 2>(maps, rows, weights, sums),
            3 => width::<V, 3>(maps, rows, weights, sums),
            other => unreachable!("no tile has {other} vectors"),
        }
    }
}

/// Some input channels and their weights.
struct Chunk {
    /// First map of the first sample.
    maps: *const f32,
    /// Distance of two samples.
    sample: usize,
    /// Distance of two channels.
    volume: usize,
    /// Count of channels.
    channels: usize,
    /// Weights of the first channel.
    weights: *const f32,
    /// Distance of the weights of two channels.
    stride: usize,
}

#[inline(always)]
unsafe fn width<V: Vector, const W: usize>(
    maps: &[Maps<'_>],
    rows: &[Rows<'_>],
    weights: Weights<'_>,
    sums: &mut [f32],
) {
    let stride = weights.taps * W * V::LANES;
    let at_once = (WEIGHT_BYTES / (stride * size_of::<f32>())).max(1);
    let mut first = 0;
    for maps in maps {
        for channel in (0..maps.channels).step_by(at_once) {
            let chunk = Chunk {
                maps: maps.values[channel * maps.volume..].as_ptr(),
                sample: maps.channels * maps.volume,
                volume: maps.volume,
                channels: at_once.min(maps.channels - channel),
                weights: weights.values[(first + channel) * stride..].as_ptr(),
                stride,
            };
            for rows in rows {
                // SAFETY: as for the caller.
                unsafe { all_tiles::<V, W>(&chunk, rows, sums.as_mut_ptr()) }
            }
        }
        first += maps.channels;
    }
}

/// Divides rows into tiles of about the same size: long ones into pieces, short ones are joined.
#[inline(always)]
unsafe fn all_tiles<V: Vector, const W: usize>(chunk: &Chunk, Rows { rows, zone }: &Rows<'_>, sums: *mut f32) {
    let length = zone.voxels[2].len();
    let most = VOXELS.min((V::REGISTERS - W - 1) / W);
    let pieces = length.div_ceil(most);
    let joined = (most / length).clamp(1, ROWS);
    let groups = rows.len().div_ceil(joined);
    for group in 0..groups {
        let rows = &rows[group * rows.len() / groups..(group + 1) * rows.len() / groups];
        for piece in 0..pieces {
            let voxels = piece * length / pieces..(piece + 1) * length / pieces;
            let sight = zone.sight(piece == 0, piece + 1 == pieces);
            // SAFETY: as for the caller; the pieces lie within the rows.
            unsafe { any_tile::<V, W>(chunk, rows, voxels, sight, sums) }
        }
    }
}

/// A tile of some of the rows' voxels.
#[inline(always)]
unsafe fn any_tile<V: Vector, const W: usize>(
    chunk: &Chunk,
    rows: &[Row],
    voxels: Range<usize>,
    sight: &Sight,
    sums: *mut f32,
) {
    macro_rules! tiles {
        ($($rows:literal: $($length:literal)+;)+) => {
            match (rows.len(), voxels.len()) {
                $($(($rows, $length) => tile::<V, W, $rows, $length>(chunk, rows, voxels.start, sight, sums),)+)+
                other => unreachable!("no tile has {other:?} rows and voxels"),
            }
        }
    }
    // SAFETY: as for the caller; the sizes of the tile are those of the match.
    unsafe {
        tiles! {
            1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14;
            2: 1 2 3 4 5 6 7;
            3: 1 2 3 4;
            4: 1 2 3;
        }
    }
}

/// `R` rows of `L` voxels times `W` vectors.
#[inline(always)]
unsafe fn tile<V: Vector, const W: usize, const R: usize, const L: usize>(
    chunk: &Chunk,
    rows: &[Row],
    start: usize,
    sight: &Sight,
    sums: *mut f32,
) {
    if (R * L + 1) * W + 1 > V::REGISTERS {
        unreachable!("{R} rows of {L} voxels have no room in the registers");
    }
    // SAFETY: as for the caller.
    unsafe {
        let mut tile = [[[V::zero(); W]; L]; R];
        let mut from = [chunk.maps; R];
        for r in 0..R {
            let row = rows.get_unchecked(r);
            from[r] = chunk.maps.add(row.sample * chunk.sample + row.voxel + start);
            for l in 0..L {
                for w in 0..W {
                    tile[r][l][w] = V::load(sums.add(((row.sum + start + l) * W + w) * V::LANES));
                }
            }
        }
        for channel in 0..chunk.channels {
            let weights = chunk.weights.add(channel * chunk.stride);
            let shift = channel * chunk.volume;
            for tap in &sight.all {
                add_tap::<V, W, R, L, 0, 0>(&mut tile, from, shift, weights, *tap);
            }
            for tap in &sight.not_first {
                add_tap::<V, W, R, L, 1, 0>(&mut tile, from, shift, weights, *tap);
            }
            for tap in &sight.not_last {
                add_tap::<V, W, R, L, 0, 1>(&mut tile, from, shift, weights, *tap);
            }
        }
        for r in 0..R {
            let row = rows.get_unchecked(r);
            for l in 0..L {
                for w in 0..W {
                    tile[r][l][w].store(sums.add(((row.sum + start + l) * W + w) * V::LANES));
                }
            }
        }
    }
}

/// Adds a tap of a channel, whose maps are shifted, to all voxels but the first `F` and the last `E` of each row.
#[inline(always)]
unsafe fn add_tap<V: Vector, const W: usize, const R: usize, const L: usize, const F: usize, const E: usize>(
    tile: &mut [[[V; W]; L]; R],
    from: [*const f32; R],
    shift: usize,
    weights: *const f32,
    tap: Tap,
) {
    // SAFETY: as for the caller.
    unsafe {
        let weights = weights.add(tap.number * W * V::LANES);
        let distance = shift as isize + tap.distance;
        let mut values = [V::zero(); W];
        for w in 0..W {
            values[w] = V::load(weights.add(w * V::LANES));
        }
        for r in 0..R {
            for l in F..L - E {
                let factor = V::splat(from[r].offset(distance).add(l));
                for w in 0..W {
                    tile[r][l][w] = tile[r][l][w].add_product(factor, values[w]);
                }
            }
        }
    }
}
