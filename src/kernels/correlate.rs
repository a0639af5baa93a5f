//! Gradient of the weights: products of two padded maps, summed over all positions.
//!
//! The lanes of a vector are neighbouring positions; a tile is some output channels times some pairs of an input channel and
//! a tap, whose sums stay in registers over a stretch of positions.
#![expect(unsafe_code, reason = "vector instructions on raw pointers")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m512};

use super::grid::Grid;
use super::vector::{Instructions, Vector};

/// Positions that are summed for all pairs before the next ones, so that they stay in the first cache.
const POSITIONS_AT_ONCE: usize = 768;

/// Output channels of a tile.
pub(super) fn rows(instructions: Instructions) -> usize {
    match instructions {
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 => 8,
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2 => 4,
        Instructions::Portable => 3,
    }
}

/// Two sets of maps on one grid.
pub(super) struct Maps<'a> {
    /// Layout of both.
    pub(super) grid: &'a Grid,
    /// Count of samples.
    pub(super) samples: usize,
    /// Padded input, `[sample, input, z, plane]`.
    pub(super) input: &'a [f32],
    /// Count of input channels.
    pub(super) inputs: usize,
    /// Padded gradient of the output, `[sample, output, z, plane]`.
    pub(super) gradient: &'a [f32],
    /// Count of output channels.
    pub(super) outputs: usize,
}

/// Gradient of some weights, one slice `[input, tap]` for each of the output channels from `output` on, for the input
/// channels from `input` on. At most [`rows`] output channels.
pub(super) fn correlate(
    maps: &Maps<'_>,
    (output, input): (usize, usize),
    weights: &mut [&mut [f32]],
    instructions: Instructions,
) {
    let grid = maps.grid;
    let channels = weights[0].len() / grid.taps();
    let volume = grid.size[0] * grid.plane;
    assert!(weights.len() <= rows(instructions) && weights.iter().all(|row| row.len() == weights[0].len()));
    assert!(output + weights.len() <= maps.outputs && input + channels <= maps.inputs);
    assert_eq!(maps.input.len(), maps.samples * maps.inputs * volume);
    assert_eq!(maps.gradient.len(), maps.samples * maps.outputs * volume);
    let taps = grid.kernel[1] * grid.kernel[2];
    let offsets: Vec<usize> = (0..channels).flat_map(|c| grid.plane_taps().map(move |tap| c * volume + tap)).collect();
    // Channels beyond the last are computed as the last, and dropped.
    let outputs: Vec<usize> = (0..rows(instructions)).map(|row| row.min(weights.len() - 1) * volume).collect();
    let work = Work { maps, stretches: &stretches(maps, (output, input)), outputs: &outputs, offsets: &offsets };
    // SAFETY: the processor has the instructions; runs, output channels and offsets lie within the maps, whose lengths were
    // just checked, and a vector of positions under the last tap ends within its plane (`Grid::plane`).
    let sums = unsafe {
        match instructions {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => avx512(&work),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => avx2(&work),
            Instructions::Portable => all::<[f32; 4], 3, 3>(&work),
        }
    };
    for (at, sums) in sums.chunks(offsets.len()).enumerate() {
        let (k, row) = (at / outputs.len(), at % outputs.len());
        if let Some(weights) = weights.get_mut(row) {
            for (pair, sum) in sums.iter().enumerate() {
                weights[(pair / taps * grid.kernel[0] + k) * taps + pair % taps] = *sum;
            }
        }
    }
}

/// Consecutive positions of a plane, their count a multiple of 16.
struct Run {
    /// Where it begins in the gradient of the first output channel.
    gradient: usize,
    /// Where it begins in the first input channel.
    input: usize,
    length: usize,
}

/// Some runs, for each plane of the kernel those for which it lies within the map.
type Stretch = Vec<Vec<Run>>;

/// All positions, in stretches of about [`POSITIONS_AT_ONCE`].
fn stretches(maps: &Maps<'_>, (output, input): (usize, usize)) -> Vec<Stretch> {
    let grid = maps.grid;
    let positions = grid.positions().next_multiple_of(16);
    let empty = || (0..grid.kernel[0]).map(|_| Vec::new()).collect::<Stretch>();
    let (mut stretches, mut last, mut filled) = (Vec::new(), empty(), 0);
    for plane in 0..maps.samples * grid.size[0] {
        let (sample, z) = (plane / grid.size[0], plane % grid.size[0]);
        let gradient = ((sample * maps.outputs + output) * grid.size[0] + z) * grid.plane + grid.origin();
        for at in (0..positions).step_by(POSITIONS_AT_ONCE) {
            let length = POSITIONS_AT_ONCE.min(positions - at);
            if filled + length > POSITIONS_AT_ONCE {
                stretches.push(std::mem::replace(&mut last, empty()));
                filled = 0;
            }
            filled += length;
            for k in grid.planes_at(z) {
                let plane = (sample * maps.inputs + input) * grid.size[0] + z + k - grid.kernel[0] / 2;
                last[k].push(Run { gradient: gradient + at, input: plane * grid.plane + grid.lead + at, length });
            }
        }
    }
    stretches.push(last);
    stretches
}

struct Work<'a> {
    maps: &'a Maps<'a>,
    stretches: &'a [Stretch],
    /// Offsets of the output channels.
    outputs: &'a [usize],
    /// Offsets of the pairs.
    offsets: &'a [usize],
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512(work: &Work<'_>) -> Vec<f32> {
    // SAFETY: as for the caller.
    unsafe { all::<__m512, 8, 3>(work) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(work: &Work<'_>) -> Vec<f32> {
    // SAFETY: as for the caller.
    unsafe { all::<__m256, 4, 3>(work) }
}

/// Sums `[plane of the kernel, output, pair]`, for `R` outputs in tiles of `P` pairs.
#[inline(always)]
unsafe fn all<V: Vector, const R: usize, const P: usize>(work: &Work<'_>) -> Vec<f32> {
    let pairs = work.offsets.len();
    let planes = work.maps.grid.kernel[0];
    let mut sums = vec![0.0; planes * R * pairs];
    // SAFETY: as for the caller.
    let mut tiles = vec![[[unsafe { V::zero() }; P]; R]; planes * pairs.div_ceil(P)];
    // All planes of the kernel before the next stretch, as they read the same gradient and almost the same input.
    for stretch in work.stretches {
        for (runs, tiles) in stretch.iter().zip(tiles.chunks_mut(pairs.div_ceil(P))) {
            for (at, tile) in tiles.iter_mut().enumerate() {
                // Pairs beyond the last are computed as the last, and dropped.
                let offsets: [usize; P] = std::array::from_fn(|p| work.offsets[(at * P + p).min(pairs - 1)]);
                // SAFETY: as for the caller.
                unsafe { add_runs::<V, R, P>(work, runs, offsets, tile) };
            }
        }
    }
    for (tiles, sums) in tiles.chunks(pairs.div_ceil(P)).zip(sums.chunks_mut(R * pairs)) {
        for (at, tile) in tiles.iter().enumerate() {
            for (tile, sums) in tile.iter().zip(sums.chunks_mut(pairs)) {
                for (sum, lanes) in sums[at * P..].iter_mut().zip(tile) {
                    // SAFETY: as for the caller.
                    *sum = unsafe { lanes.sum() };
                }
            }
        }
    }
    sums
}

#[inline(always)]
unsafe fn add_runs<V: Vector, const R: usize, const P: usize>(
    work: &Work<'_>,
    runs: &[Run],
    offsets: [usize; P],
    total: &mut [[V; P]; R],
) {
    let mut tile = *total;
    // SAFETY: as for the caller.
    unsafe {
        for run in runs {
            let gradient = work.maps.gradient.as_ptr().add(run.gradient);
            let input = work.maps.input.as_ptr().add(run.input);
            for at in (0..run.length).step_by(V::LANES) {
                let mut values = [V::zero(); P];
                for p in 0..P {
                    values[p] = V::load(input.add(offsets[p] + at));
                }
                for r in 0..R {
                    let factor = V::load(gradient.add(work.outputs[r] + at));
                    for p in 0..P {
                        tile[r][p] = tile[r][p].add_product(factor, values[p]);
                    }
                }
            }
        }
    }
    *total = tile;
}
