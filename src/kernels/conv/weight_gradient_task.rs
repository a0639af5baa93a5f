//! Weight gradient of one task: products of the input and the output gradient, summed over the voxels of some planes.
//!
//! The lanes of a vector are adjacent output channels; a tile is a few vectors by the taps of one plane of the kernel, whose sums
//! stay in registers over a stretch of voxels. A voxel costs one load per vector, one broadcast per tap, and their products. Taps
//! outside the map are skipped.
#![expect(unsafe_code, reason = "vector instructions on raw pointers")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m512};
use std::ops::Range;

use super::stencil::Stencil;
use super::weight_gradient_tile::{InputRows, Operands, PlaneTap, accumulate_single_tap, accumulate_three_taps};
use crate::kernels::channels::Channels;
use crate::kernels::simd::{InstructionSet, Vector, prefetch};
use crate::kernels::transpose::transpose_slice;
use crate::kernels::uninit::as_uninit;

/// Voxels of a stretch, about: their output gradient stays in the first-level cache while all taps of all inputs are summed. The
/// sums of a stretch are then added to the total, which keeps single-precision sums short.
const STRETCH_VOXELS: usize = 192;

/// Input channels that a single tap (kernels other than 3 × 3) sums together.
const CHANNELS_TOGETHER: usize = 6;

/// Maximum number of vectors of a tile.
pub(super) fn max_vectors(instructions: InstructionSet) -> usize {
    match instructions {
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 => 3,
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 => 3,
        InstructionSet::Portable => 1,
    }
}

/// The part of a weight gradient that one task computes.
pub(super) struct Task<'a> {
    pub(super) stencil: &'a Stencil,
    pub(super) inputs: &'a [Channels<'a>],
    /// Gradient of the output.
    pub(super) gradient: Channels<'a>,
    /// Planes to sum over, counted across all samples.
    pub(super) planes: Range<usize>,
    /// Output channels.
    pub(super) output_channels: Range<usize>,
    /// Vectors that hold the output channels.
    pub(super) vectors: usize,
    /// Input channels, counted across all inputs.
    pub(super) input_channels: Range<usize>,
}

/// Adjacent rows of a plane of the output.
#[derive(Clone)]
struct Strip {
    sample: usize,
    z: usize,
    y: Range<usize>,
    /// Index of the first voxel in the stretch.
    first: usize,
}

impl Task<'_> {
    /// Computes the sums `[input, tap, output]`; the outputs are filled up to whole vectors.
    pub(super) fn compute(&self, instructions: InstructionSet) -> Vec<f32> {
        let stride = self.vectors * instructions.lanes();
        assert!(self.output_channels.len() <= stride && self.vectors <= max_vectors(instructions));
        let mut sums = vec![0.0; self.input_channels.len() * self.stencil.taps() * stride];
        let mut gradient = Vec::new();
        let stretches = self.stretches();
        for (index, stretch) in stretches.iter().enumerate() {
            let next = stretches.get(index + 1).map_or(&[][..], Vec::as_slice);
            self.transpose_gradient(stretch, stride, &mut gradient);
            // SAFETY: the processor supports the instruction set.
            unsafe {
                match instructions {
                    #[cfg(target_arch = "x86_64")]
                    InstructionSet::Avx512 => accumulate_avx512(self, stretch, next, &gradient, &mut sums),
                    #[cfg(target_arch = "x86_64")]
                    InstructionSet::Avx2 => accumulate_avx2(self, stretch, next, &gradient, &mut sums),
                    InstructionSet::Portable => accumulate::<[f32; 4], 1>(self, stretch, next, &gradient, &mut sums),
                }
            }
        }
        sums
    }

    /// Divides the planes into stretches: strips of a plane, or several small planes.
    fn stretches(&self) -> Vec<Vec<Strip>> {
        let [depth, height, width] = self.stencil.output_size();
        let rows = (STRETCH_VOXELS / width).clamp(1, height);
        let strips = height.div_ceil(rows);
        let mut stretches: Vec<Vec<Strip>> = Vec::new();
        let mut voxels = usize::MAX;
        for plane in self.planes.clone() {
            for strip in 0..strips {
                let y = strip * height / strips..(strip + 1) * height / strips;
                if voxels.saturating_add(y.len() * width) > STRETCH_VOXELS {
                    stretches.push(Vec::new());
                    voxels = 0;
                }
                let strip = Strip { sample: plane / depth, z: plane % depth, y, first: voxels };
                voxels += strip.y.len() * width;
                stretches.last_mut().expect("the first strip begins a stretch").push(strip);
            }
        }
        stretches
    }

    /// Writes the output gradient of a stretch, `[voxel, output]`.
    fn transpose_gradient(&self, stretch: &[Strip], stride: usize, transposed: &mut Vec<f32>) {
        let [_, height, width] = self.stencil.output_size();
        let voxels: usize = stretch.iter().map(|strip| strip.y.len() * width).sum();
        transposed.resize(voxels * stride, 0.0);
        for strip in stretch {
            let map = (strip.sample * self.gradient.count + self.output_channels.start) * self.gradient.voxels;
            let from = &self.gradient.values[map + (strip.z * height + strip.y.start) * width..];
            let shape = [self.output_channels.len(), strip.y.len() * width];
            // SAFETY: `transpose_slice` writes initialised values only.
            let to = unsafe { as_uninit(&mut transposed[strip.first * stride..]) };
            transpose_slice(from, self.gradient.voxels, to, stride, shape);
        }
    }

    /// Prefetches a part of the next stretch while this one is summed: the new rows of one input channel, and a proportional
    /// number of channels of the output gradient.
    fn prefetch(&self, next: &[Strip], input: usize) {
        let Stencil { size: [_, input_height, input_width], stride, .. } = *self.stencil;
        let [_, height, width] = self.stencil.output_size();
        let index = input - self.input_channels.start;
        let proportion = |inputs: usize| inputs * self.output_channels.len() / self.input_channels.len();
        for strip in next {
            for output in proportion(index)..proportion(index + 1) {
                let map = Channels::find_map(&[self.gradient], strip.sample, self.output_channels.start + output);
                prefetch(&map[(strip.z * height + strip.y.start) * width..][..strip.y.len() * width]);
            }
            let [start, end] = [strip.y.start, strip.y.end].map(|y| input_height.min(y * stride[1] + 1));
            let map = Channels::find_map(self.inputs, strip.sample, input);
            let first = strip.z * stride[0] * input_height;
            prefetch(&map[(first + start) * input_width..(first + end) * input_width]);
        }
    }

    /// The plane of an input channel under plane `k` of the kernel, for each strip where it lies within the map.
    fn input_rows<'b>(
        &'b self,
        stretch: &'b [Strip],
        input: usize,
        k: usize,
    ) -> impl Iterator<Item = InputRows<'b>> + use<'b> {
        let Stencil { size: [depth, height, width], padding, stride, .. } = *self.stencil;
        stretch.iter().filter_map(move |strip| {
            let z = (strip.z * stride[0] + k).checked_sub(padding[0]).filter(|z| *z < depth)?;
            let map = Channels::find_map(self.inputs, strip.sample, input);
            let plane = &map[z * height * width..][..height * width];
            Some(InputRows { plane, y: strip.y.clone(), first: strip.first })
        })
    }

    /// The same for several input channels: strip by strip, for one channel after the other.
    fn input_rows_of_all<'b>(&'b self, stretch: &'b [Strip], inputs: Range<usize>, k: usize) -> Vec<InputRows<'b>> {
        let mut rows = Vec::with_capacity(stretch.len() * inputs.len());
        for strip in stretch {
            for input in inputs.clone() {
                rows.extend(self.input_rows(std::slice::from_ref(strip), input, k));
            }
        }
        rows
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn accumulate_avx512(task: &Task<'_>, stretch: &[Strip], next: &[Strip], gradient: &[f32], sums: &mut [f32]) {
    // SAFETY: guaranteed by the caller.
    unsafe {
        match task.vectors {
            1 => accumulate::<__m512, 1>(task, stretch, next, gradient, sums),
            2 => accumulate::<__m512, 2>(task, stretch, next, gradient, sums),
            _ => accumulate::<__m512, 3>(task, stretch, next, gradient, sums),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn accumulate_avx2(task: &Task<'_>, stretch: &[Strip], next: &[Strip], gradient: &[f32], sums: &mut [f32]) {
    // SAFETY: guaranteed by the caller.
    unsafe {
        match task.vectors {
            1 => accumulate::<__m256, 1>(task, stretch, next, gradient, sums),
            2 => accumulate::<__m256, 2>(task, stretch, next, gradient, sums),
            3 => accumulate::<__m256, 3>(task, stretch, next, gradient, sums),
            _ => accumulate::<__m256, 4>(task, stretch, next, gradient, sums),
        }
    }
}

/// Adds a stretch, whose output gradient is `[voxel, output]`, to the sums; prefetches the next stretch.
#[inline(always)]
unsafe fn accumulate<V: Vector, const VECTORS: usize>(
    task: &Task<'_>,
    stretch: &[Strip],
    next: &[Strip],
    gradient: &[f32],
    sums: &mut [f32],
) {
    let Stencil { kernel: [_, kernel_y, kernel_x], padding: [_, padding_y, padding_x], .. } = *task.stencil;
    // SAFETY: guaranteed by the caller.
    unsafe {
        if [kernel_y, kernel_x] == [3, 3] && [padding_y, padding_x] == [1, 1] {
            accumulate_3x3::<V, VECTORS>(task, stretch, next, gradient, sums);
        } else {
            accumulate_any::<V, VECTORS>(task, stretch, gradient, sums);
        }
    }
}

/// Kernels of 3 × 3 in the plane, with padding 1: as many rows of taps at a time as fit into the registers.
#[inline(always)]
unsafe fn accumulate_3x3<V: Vector, const VECTORS: usize>(
    task: &Task<'_>,
    stretch: &[Strip],
    next: &[Strip],
    gradient: &[f32],
    sums: &mut [f32],
) {
    let stride = VECTORS * V::LANES;
    let kernel_z = task.stencil.kernel[0];
    let mut rows = Vec::with_capacity(stretch.len());
    let planes = task.input_channels.clone().flat_map(|input| (0..kernel_z).map(move |k| (input, k)));
    for ((input, k), sums) in planes.zip(sums.chunks_exact_mut(9 * stride)) {
        rows.clear();
        rows.extend(task.input_rows(stretch, input, k));
        if k == 0 {
            task.prefetch(next, input);
        }
        let operands = Operands { stencil: task.stencil, inputs: &rows, gradient };
        // SAFETY: guaranteed by the caller.
        unsafe {
            if (9 + 1) * VECTORS < V::REGISTERS {
                accumulate_three_taps::<V, VECTORS, 0, 3>(operands, sums);
            } else if (6 + 1) * VECTORS < V::REGISTERS {
                let (first, last) = sums.split_at_mut(6 * stride);
                accumulate_three_taps::<V, VECTORS, 0, 2>(operands, first);
                accumulate_three_taps::<V, VECTORS, 2, 1>(operands, last);
            } else {
                let (first, others) = sums.split_at_mut(3 * stride);
                let (second, last) = others.split_at_mut(3 * stride);
                accumulate_three_taps::<V, VECTORS, 0, 1>(operands, first);
                accumulate_three_taps::<V, VECTORS, 1, 1>(operands, second);
                accumulate_three_taps::<V, VECTORS, 2, 1>(operands, last);
            }
        }
    }
}

/// Any other kernel: one tap at a time, for several input channels together.
#[inline(always)]
unsafe fn accumulate_any<V: Vector, const VECTORS: usize>(
    task: &Task<'_>,
    stretch: &[Strip],
    gradient: &[f32],
    sums: &mut [f32],
) {
    let lanes = VECTORS * V::LANES;
    let [kernel_z, kernel_y, kernel_x] = task.stencil.kernel;
    let plane_taps = kernel_y * kernel_x;
    let stride = task.stencil.taps() * lanes;
    for (group, sums) in sums.chunks_mut(CHANNELS_TOGETHER * stride).enumerate() {
        let first = task.input_channels.start + group * CHANNELS_TOGETHER;
        let channels = first..task.input_channels.end.min(first + CHANNELS_TOGETHER);
        for k in 0..kernel_z {
            for index in 0..plane_taps {
                let sums = &mut sums[(k * plane_taps + index) * lanes..];
                let tap = PlaneTap { y: index / kernel_x, x: index % kernel_x };
                if channels.len() == CHANNELS_TOGETHER {
                    let rows = task.input_rows_of_all(stretch, channels.clone(), k);
                    let operands = Operands { stencil: task.stencil, inputs: &rows, gradient };
                    // SAFETY: guaranteed by the caller.
                    unsafe { accumulate_single_tap::<V, VECTORS, CHANNELS_TOGETHER>(operands, tap, sums, stride) }
                } else {
                    for (input, sums) in channels.clone().zip(sums.chunks_mut(stride)) {
                        let rows = task.input_rows_of_all(stretch, input..input + 1, k);
                        let operands = Operands { stencil: task.stencil, inputs: &rows, gradient };
                        // SAFETY: guaranteed by the caller.
                        unsafe { accumulate_single_tap::<V, VECTORS, 1>(operands, tap, sums, stride) }
                    }
                }
            }
        }
    }
}
