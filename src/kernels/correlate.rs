//! Gradient of the weights: products of a padded map and the gradient of the output, summed over all voxels.
//!
//! The lanes of a vector are neighbouring output channels; a tile is some vectors of them times the taps of one plane of the
//! kernel, whose sums stay in registers over a stretch of voxels. A voxel costs one load for each vector, one broadcast for
//! each tap, and their products.
#![expect(unsafe_code, reason = "vector instructions on raw pointers")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m512};
use std::ops::Range;

use super::grid::{Grid, Padded};
use super::vector::{Instructions, Vector};

/// Voxels that are summed for all taps of all inputs before the next ones, about, so that their gradient stays in the first
/// cache. What they sum to is then added to the total, so that no sum in single precision is long.
const VOXELS_AT_ONCE: usize = 192;

/// Vectors of output channels of a tile.
fn vectors(outputs: usize, instructions: Instructions) -> usize {
    let all = outputs.div_ceil(instructions.lanes());
    let most = match instructions {
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 => 3,
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2 => 1,
        Instructions::Portable => 1,
    };
    all.div_ceil(all.div_ceil(most))
}

/// Output channels of a tile.
pub(super) fn tile_channels(outputs: usize, instructions: Instructions) -> usize {
    vectors(outputs, instructions) * instructions.lanes()
}

/// Maps `[sample, output, z, y, x]` as [`correlate`] reads them, `[tile, sample, z, y, x, output of the tile]`; outputs beyond
/// the last are zero.
pub(super) fn columns(grid: &Grid, maps: &[f32], outputs: usize, instructions: Instructions) -> Padded {
    let (voxels, depth, wide) = (grid.voxels(), grid.size[0], tile_channels(outputs, instructions));
    let samples = maps.len() / (outputs * depth * voxels);
    let count = outputs.div_ceil(wide) * samples * depth * voxels * wide;
    Padded::new(count, voxels * wide, |at, plane| {
        let (tile, sample, z) = (at / depth / samples, at / depth % samples, at % depth);
        let channels = tile * wide..outputs.min(tile * wide + wide);
        let from = |channel: usize| &maps[((sample * outputs + channel) * depth + z) * voxels..][..voxels];
        // A few voxels at a time, which stay in the cache until all their channels are there.
        for (block, plane) in plane.chunks_mut(16 * wide).enumerate() {
            for (lane, channel) in channels.clone().enumerate() {
                let values = &from(channel)[block * 16..];
                for (to, value) in plane[lane..].iter_mut().step_by(wide).zip(values) {
                    *to = *value;
                }
            }
        }
    })
}

/// Two sets of maps on one grid.
pub(super) struct Maps<'a> {
    /// Layout of the input.
    pub(super) grid: &'a Grid,
    /// Count of samples.
    pub(super) samples: usize,
    /// Padded input, `[sample, input, z, plane]`.
    pub(super) input: &'a [f32],
    /// Count of input channels.
    pub(super) inputs: usize,
    /// Gradient of the output, in [`columns`].
    pub(super) gradient: &'a [f32],
    /// Count of output channels.
    pub(super) outputs: usize,
}

/// What one task sums.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Planes of the output, counted over all samples.
    pub(super) planes: Range<usize>,
    /// Tile of output channels.
    pub(super) tile: usize,
    /// Input channels.
    pub(super) inputs: Range<usize>,
}

/// What some planes add to the gradient of the weights, `[input, tap, output of the tile]`.
pub(super) fn correlate(maps: &Maps<'_>, part: &Part, instructions: Instructions) -> Vec<f32> {
    let grid = maps.grid;
    let wide = tile_channels(maps.outputs, instructions);
    let planes = maps.samples * grid.size[0];
    assert!(part.planes.end <= planes && part.inputs.end <= maps.inputs);
    assert_eq!(maps.input.len(), planes * maps.inputs * grid.plane);
    let volume = planes * grid.voxels() * wide;
    assert_eq!(maps.gradient.len(), maps.outputs.div_ceil(wide) * volume);
    let work = Work { maps, gradient: &maps.gradient[part.tile * volume..][..volume], part, wide };
    let mut sums = vec![0.0; part.inputs.len() * grid.taps() * wide];
    // SAFETY: the processor has the instructions; planes, input channels and tile lie within the maps, whose lengths were
    // just checked, and a voxel under the last tap lies within its plane (`Grid::plane`).
    unsafe {
        match instructions {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => avx512(&work, &mut sums),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => avx2(&work, &mut sums),
            Instructions::Portable => all::<[f32; 4], 1>(&work, &mut sums),
        }
    }
    sums
}

struct Work<'a> {
    maps: &'a Maps<'a>,
    /// Gradient of the output channels of the tile.
    gradient: &'a [f32],
    part: &'a Part,
    /// Output channels of the tile.
    wide: usize,
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512(work: &Work<'_>, sums: &mut [f32]) {
    // SAFETY: as for the caller.
    unsafe {
        match work.wide / <__m512 as Vector>::LANES {
            1 => all::<__m512, 1>(work, sums),
            2 => all::<__m512, 2>(work, sums),
            _ => all::<__m512, 3>(work, sums),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(work: &Work<'_>, sums: &mut [f32]) {
    // SAFETY: as for the caller.
    unsafe { all::<__m256, 1>(work, sums) }
}

/// Adds to the sums `[input, tap, output]`, for `W` vectors of outputs.
#[inline(always)]
unsafe fn all<V: Vector, const W: usize>(work: &Work<'_>, sums: &mut [f32]) {
    let Work { maps, part, wide, .. } = work;
    let grid = maps.grid;
    let [depth, height, width] = grid.size;
    let [_, kernel_y, kernel_x] = grid.kernel;
    let taps = kernel_y * kernel_x;
    let rows = (VOXELS_AT_ONCE / width).max(1);
    for plane in part.planes.clone() {
        let (sample, z) = (plane / depth, plane % depth);
        for start in (0..height).step_by(rows) {
            let gradient = &work.gradient[(plane * height + start) * width * wide..];
            let rows = rows.min(height - start);
            for (channel, sums) in part.inputs.clone().zip(sums.chunks_mut(grid.taps() * wide)) {
                for k in grid.planes_at(z) {
                    let plane = (sample * maps.inputs + channel) * depth + z + k - grid.kernel[0] / 2;
                    let input = &maps.input[plane * grid.plane + grid.lead + start * grid.row..];
                    let sums = &mut sums[k * taps * wide..][..taps * wide];
                    let stretch = Stretch { input, gradient, size: [rows, width], row: grid.row };
                    // SAFETY: as for the caller.
                    unsafe {
                        if [kernel_y, kernel_x] == [3, 3] {
                            add::<V, 3, 3, W>(&stretch, 0, sums);
                        } else {
                            for (tap, sums) in grid.plane_taps().zip(sums.chunks_mut(*wide)) {
                                add::<V, 1, 1, W>(&stretch, tap, sums);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Some rows of voxels.
struct Stretch<'a> {
    /// From what the first voxel sees under the first tap.
    input: &'a [f32],
    /// `[y, x, output]`.
    gradient: &'a [f32],
    /// Count of rows, voxels of a row.
    size: [usize; 2],
    /// Distance of two rows of the input.
    row: usize,
}

/// Adds the products of a stretch to the sums `[tap, output]` of `J` times `I` taps, the first of them at an offset.
#[inline(always)]
unsafe fn add<V: Vector, const J: usize, const I: usize, const W: usize>(
    stretch: &Stretch<'_>,
    tap: usize,
    sums: &mut [f32],
) {
    let [rows, width] = stretch.size;
    // SAFETY: as for the caller.
    unsafe {
        let mut tile = [[[V::zero(); W]; I]; J];
        let mut gradient = stretch.gradient.as_ptr();
        for y in 0..rows {
            let input = stretch.input.as_ptr().add(y * stretch.row + tap);
            for x in 0..width {
                let mut values = [V::zero(); W];
                for w in 0..W {
                    values[w] = V::load(gradient.add(w * V::LANES));
                }
                gradient = gradient.add(W * V::LANES);
                for j in 0..J {
                    for i in 0..I {
                        let factor = V::splat(input.add(j * stretch.row + x + i));
                        for w in 0..W {
                            tile[j][i][w] = tile[j][i][w].add_product(factor, values[w]);
                        }
                    }
                }
            }
        }
        let to = sums.as_mut_ptr();
        for j in 0..J {
            for i in 0..I {
                for w in 0..W {
                    let to = to.add(((j * I + i) * W + w) * V::LANES);
                    tile[j][i][w].plus(V::load(to)).store(to);
                }
            }
        }
    }
}
