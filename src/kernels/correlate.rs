//! Gradient of the weights: products of the input and the gradient of the output, summed over all voxels.
//!
//! The lanes of a vector are neighbouring output channels; a tile is some vectors of them times the taps of one plane of the
//! kernel, whose sums stay in registers over a stretch of voxels. A voxel costs one load for each vector, one broadcast for
//! each tap, and their products. Taps outside of the map are left out.
#![expect(unsafe_code, reason = "vector instructions on raw pointers")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m512};
use std::ops::Range;

use super::border::Shape;
use super::fresh::to_write;
use super::maps::Maps;
use super::taps::{Seen, one, rows_of_taps};
use super::transpose::turn;
use super::vector::{Instructions, Vector, prefetch};

/// Voxels that are summed for all taps of all inputs before the next ones, about, so that their gradient stays in the first
/// cache. What they sum to is then added to the total, so that no sum in single precision is long.
const VOXELS_AT_ONCE: usize = 192;

/// Input channels that a tap of a kernel other than 3 × 3 sums at once.
const CHANNELS_AT_ONCE: usize = 6;

/// Most vectors of output channels of a tile.
pub(super) fn most_vectors(instructions: Instructions) -> usize {
    match instructions {
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 => 3,
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2 => 3,
        Instructions::Portable => 1,
    }
}

/// What one task sums.
pub(super) struct Part<'a> {
    pub(super) shape: &'a Shape,
    /// The input.
    pub(super) maps: &'a [Maps<'a>],
    /// Gradient of the output.
    pub(super) gradient: Maps<'a>,
    /// Planes, counted over all samples.
    pub(super) planes: Range<usize>,
    /// Output channels, and the vectors that hold them.
    pub(super) outputs: Range<usize>,
    pub(super) vectors: usize,
    /// Input channels, counted over all maps.
    pub(super) inputs: Range<usize>,
}

/// What some planes add to the gradient of the weights, `[input, tap, output]`, where outputs fill their vectors.
pub(super) fn correlate(part: &Part<'_>, instructions: Instructions) -> Vec<f32> {
    let wide = part.vectors * instructions.lanes();
    assert!(part.outputs.len() <= wide && part.vectors <= most_vectors(instructions));
    let mut sums = vec![0.0; part.inputs.len() * part.shape.taps() * wide];
    let mut columns = Vec::new();
    let stretches = part.stretches();
    for (number, stretch) in stretches.iter().enumerate() {
        let next = stretches.get(number + 1).map_or(&[][..], Vec::as_slice);
        part.turn(stretch, wide, &mut columns);
        // SAFETY: the processor has the instructions.
        unsafe {
            match instructions {
                #[cfg(target_arch = "x86_64")]
                Instructions::Avx512 => avx512(part, stretch, next, &columns, &mut sums),
                #[cfg(target_arch = "x86_64")]
                Instructions::Avx2 => avx2(part, stretch, next, &columns, &mut sums),
                Instructions::Portable => add::<[f32; 4], 1>(part, stretch, next, &columns, &mut sums),
            }
        }
    }
    sums
}

/// Some rows of a plane of the output.
#[derive(Clone)]
struct Strip {
    sample: usize,
    z: usize,
    y: Range<usize>,
    /// Number of the first voxel in the stretch.
    first: usize,
}

impl Part<'_> {
    /// Strips that are summed at once: rows of a plane, or several small planes.
    fn stretches(&self) -> Vec<Vec<Strip>> {
        let [depth, height, width] = self.shape.size;
        let rows = (VOXELS_AT_ONCE / width).clamp(1, height);
        let strips = height.div_ceil(rows);
        let mut stretches: Vec<Vec<Strip>> = Vec::new();
        let mut voxels = usize::MAX;
        for plane in self.planes.clone() {
            for strip in 0..strips {
                let y = strip * height / strips..(strip + 1) * height / strips;
                if voxels.saturating_add(y.len() * width) > VOXELS_AT_ONCE {
                    stretches.push(Vec::new());
                    voxels = 0;
                }
                let strip = Strip { sample: plane / depth, z: plane % depth, y, first: voxels };
                voxels += strip.y.len() * width;
                stretches.last_mut().expect("one has been added").push(strip);
            }
        }
        stretches
    }

    /// The gradient of a stretch, `[voxel, output]`.
    fn turn(&self, stretch: &[Strip], wide: usize, columns: &mut Vec<f32>) {
        let [_, height, width] = self.shape.size;
        let voxels: usize = stretch.iter().map(|strip| strip.y.len() * width).sum();
        columns.resize(voxels * wide, 0.0);
        for strip in stretch {
            let from = (strip.sample * self.gradient.channels + self.outputs.start) * self.gradient.volume;
            let from = &self.gradient.values[from + (strip.z * height + strip.y.start) * width..];
            let size = [self.outputs.len(), strip.y.len() * width];
            // SAFETY: `turn` writes numbers.
            let to = unsafe { to_write(&mut columns[strip.first * wide..]) };
            turn(from, self.gradient.volume, to, wide, size);
        }
    }

    /// Asks the memory for a share of what the next stretch reads, so that it comes while this one is summed: the rows that
    /// are new of an input channel, and the gradient of as many output channels as keep pace with it.
    fn prefetch(&self, next: &[Strip], input: usize) {
        let [_, height, width] = self.shape.size;
        let at = input - self.inputs.start;
        let share = |of: usize| of * self.outputs.len() / self.inputs.len();
        for strip in next {
            for output in share(at)..share(at + 1) {
                let map = Maps::map(&[self.gradient], strip.sample, self.outputs.start + output);
                prefetch(&map[(strip.z * height + strip.y.start) * width..][..strip.y.len() * width]);
            }
            let (start, end) = (strip.y.start + 1, height.min(strip.y.end + 1));
            let map = Maps::map(self.maps, strip.sample, input);
            prefetch(&map[(strip.z * height + start.min(end)) * width..(strip.z * height + end) * width]);
        }
    }

    /// Plane `k` of the kernel over the strips of a stretch, as far as it lies within the map of an input channel.
    fn seen<'b>(&'b self, stretch: &'b [Strip], input: usize, k: usize) -> impl Iterator<Item = Seen<'b>> + use<'b> {
        let [depth, height, width] = self.shape.size;
        stretch.iter().filter_map(move |strip| {
            let z = (strip.z + k).checked_sub(self.shape.kernel[0] / 2).filter(|z| *z < depth)?;
            let map = Maps::map(self.maps, strip.sample, input);
            let plane = &map[z * height * width..][..height * width];
            Some(Seen { plane, y: strip.y.clone(), first: strip.first })
        })
    }

    /// The same for several input channels: each strip for one channel after the other.
    fn seen_by_all<'b>(&'b self, stretch: &'b [Strip], inputs: Range<usize>, k: usize) -> Vec<Seen<'b>> {
        let mut seen = Vec::with_capacity(stretch.len() * inputs.len());
        for strip in stretch {
            for input in inputs.clone() {
                seen.extend(self.seen(std::slice::from_ref(strip), input, k));
            }
        }
        seen
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512(part: &Part<'_>, stretch: &[Strip], next: &[Strip], columns: &[f32], sums: &mut [f32]) {
    // SAFETY: as for the caller.
    unsafe {
        match part.vectors {
            1 => add::<__m512, 1>(part, stretch, next, columns, sums),
            2 => add::<__m512, 2>(part, stretch, next, columns, sums),
            _ => add::<__m512, 3>(part, stretch, next, columns, sums),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(part: &Part<'_>, stretch: &[Strip], next: &[Strip], columns: &[f32], sums: &mut [f32]) {
    // SAFETY: as for the caller.
    unsafe {
        match part.vectors {
            1 => add::<__m256, 1>(part, stretch, next, columns, sums),
            2 => add::<__m256, 2>(part, stretch, next, columns, sums),
            3 => add::<__m256, 3>(part, stretch, next, columns, sums),
            _ => add::<__m256, 4>(part, stretch, next, columns, sums),
        }
    }
}

/// Adds a stretch, whose gradient is in columns, to the sums, for `W` vectors of outputs; asks for the next one.
#[inline(always)]
unsafe fn add<V: Vector, const W: usize>(
    part: &Part<'_>,
    stretch: &[Strip],
    next: &[Strip],
    columns: &[f32],
    sums: &mut [f32],
) {
    let (shape, wide) = (part.shape, W * V::LANES);
    let [kernel_z, kernel_y, kernel_x] = shape.kernel;
    let taps = kernel_y * kernel_x;
    if [kernel_y, kernel_x] == [3, 3] {
        let mut seen = Vec::with_capacity(stretch.len());
        let planes = part.inputs.clone().flat_map(|input| (0..kernel_z).map(move |k| (input, k)));
        for ((input, k), sums) in planes.zip(sums.chunks_exact_mut(taps * wide)) {
            seen.clear();
            seen.extend(part.seen(stretch, input, k));
            if k == 0 {
                part.prefetch(next, input);
            }
            // SAFETY: as for the caller.
            unsafe {
                // As many rows of taps at once as have room in the registers.
                if (9 + 1) * W < V::REGISTERS {
                    rows_of_taps::<V, W, 0, 3>(&seen, columns, shape, sums);
                } else if (6 + 1) * W < V::REGISTERS {
                    let (first, last) = sums.split_at_mut(6 * wide);
                    rows_of_taps::<V, W, 0, 2>(&seen, columns, shape, first);
                    rows_of_taps::<V, W, 2, 1>(&seen, columns, shape, last);
                } else {
                    let (first, others) = sums.split_at_mut(3 * wide);
                    let (second, last) = others.split_at_mut(3 * wide);
                    rows_of_taps::<V, W, 0, 1>(&seen, columns, shape, first);
                    rows_of_taps::<V, W, 1, 1>(&seen, columns, shape, second);
                    rows_of_taps::<V, W, 2, 1>(&seen, columns, shape, last);
                }
            }
        }
        return;
    }
    let stride = shape.taps() * wide;
    for (group, sums) in sums.chunks_mut(CHANNELS_AT_ONCE * stride).enumerate() {
        let first = part.inputs.start + group * CHANNELS_AT_ONCE;
        for k in 0..kernel_z {
            for tap in 0..taps {
                let sums = &mut sums[(k * taps + tap) * wide..];
                let tap = [tap / kernel_x, tap % kernel_x];
                let all = first..part.inputs.end.min(first + CHANNELS_AT_ONCE);
                if all.len() == CHANNELS_AT_ONCE {
                    let seen = part.seen_by_all(stretch, all, k);
                    // SAFETY: as for the caller.
                    unsafe { one::<V, W, CHANNELS_AT_ONCE>(&seen, columns, shape, tap, sums, stride) }
                } else {
                    for (input, sums) in all.zip(sums.chunks_mut(stride)) {
                        let seen = part.seen_by_all(stretch, input..input + 1, k);
                        // SAFETY: as for the caller.
                        unsafe { one::<V, W, 1>(&seen, columns, shape, tap, sums, stride) }
                    }
                }
            }
        }
    }
}
