//! Convolution, divided into tasks. The gradient of the input is the same with swapped channels and another mapping of the voxels.
#![expect(unsafe_code, reason = "memory that is written before it is read")]

use rayon::prelude::*;

use super::blocking::{ChannelBlock, Region};
use super::dims::ConvDims;
use super::forward_task::{PackedWeights, accumulate, max_vectors};
use super::output::{BlockSums, SharedOutput};
use super::stencil::Mapping;
use crate::kernels::channels::Channels;
use crate::kernels::simd::{CACHE_LINE, InstructionSet, values_to_cache_line};
use crate::kernels::transpose::transpose_slice;
use crate::kernels::uninit::{assume_init, fill_zero, uninit};

/// Output `[sample, output, z, y, x]` of the `inputs`, `[sample, input, z, y, x]`; `weight` is `[output, input, z, y, x]`,
/// `bias` is `[output]`.
///
/// # Panics
///
/// When a length does not match, a stride is 0, or a padded map is smaller than the kernel.
pub fn forward(dims: &ConvDims, inputs: &[&[f32]], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    dims.check(inputs, weight);
    assert_eq!(bias.len(), dims.outputs);
    let stencil = dims.stencil();
    let weights =
        Weights { values: weight, output_stride: dims.input_channels() * stencil.taps(), input_stride: stencil.taps() };
    let inputs = dims.channels(inputs);
    let mapping = stencil.forward();
    Convolution { mapping, taps: stencil.taps(), inputs, weights, bias }.compute(&[dims.outputs]).remove(0)
}

/// Gradients of the inputs, `[sample, input, z, y, x]` each, from that of the output, `[sample, output, z, y, x]`, plus a bias,
/// `[input]`. This is also the transposed convolution of `gradient`.
pub(crate) fn transposed(dims: &ConvDims, weight: &[f32], gradient: &[f32], bias: &[f32]) -> Vec<Vec<f32>> {
    let stencil = dims.stencil();
    let gradient = Channels { values: gradient, count: dims.outputs, voxels: dims.output_voxels() };
    let weights =
        Weights { values: weight, output_stride: stencil.taps(), input_stride: dims.input_channels() * stencil.taps() };
    let mapping = stencil.input_gradient();
    let inputs = vec![gradient];
    Convolution { mapping, taps: stencil.taps(), inputs, weights, bias }.compute(&dims.inputs)
}

/// Weights in memory; the taps of each pair of output and input are contiguous.
#[derive(Clone, Copy)]
struct Weights<'a> {
    values: &'a [f32],
    /// Distance between the weights of adjacent outputs.
    output_stride: usize,
    /// Distance between the weights of adjacent inputs.
    input_stride: usize,
}

/// A convolution and its operands.
struct Convolution<'a> {
    mapping: Mapping,
    /// Taps of the kernel.
    taps: usize,
    inputs: Vec<Channels<'a>>,
    weights: Weights<'a>,
    bias: &'a [f32],
}

impl Convolution<'_> {
    /// Computes the outputs, which have `outputs` channels each.
    fn compute(&self, outputs: &[usize]) -> Vec<Vec<f32>> {
        let instructions = InstructionSet::detect();
        let mapping = &self.mapping;
        let input_count: usize = self.inputs.iter().map(|input| input.count).sum();
        let output_count: usize = outputs.iter().sum();
        let samples = self.inputs[0].values.len() / (self.inputs[0].count * mapping.read_voxels());
        let blocks = ChannelBlock::divide(output_count, instructions, max_vectors(instructions));
        // Weights per output channel.
        let row = input_count * self.taps;
        let packed = self.pack(input_count, output_count, &blocks, instructions);
        let regions = Region::divide(mapping, samples, input_count);
        // The larger of the two operands stays in the cache while the task order runs through the smaller one.
        let block_major = blocks[0].channels.len() * row > input_count * regions[0].voxels();
        let mut results: Vec<_> =
            outputs.iter().map(|count| uninit(samples * count * mapping.written_voxels())).collect();
        let shared = SharedOutput::share(&mut results, outputs, mapping.written_voxels());
        (0..blocks.len() * regions.len()).into_par_iter().for_each_init(Vec::new, |sums: &mut Vec<f32>, task| {
            let (block, region) = if block_major {
                (&blocks[task / regions.len()], &regions[task % regions.len()])
            } else {
                (&blocks[task % blocks.len()], &regions[task / blocks.len()])
            };
            let stride = block.vectors * instructions.lanes();
            let mut bias = self.bias[block.channels.clone()].to_vec();
            bias.resize(stride, 0.0);
            let sums = repeat(&bias, region.voxels(), sums);
            let values = &packed.values[packed.start + block.channels.start * row..][..stride * row];
            let weights = PackedWeights { values, taps: self.taps, vectors: block.vectors };
            accumulate(&self.inputs, &region.rows_by_phase(mapping), weights, sums, instructions);
            let first_voxel = region.first_voxel(mapping);
            for (sample, values) in region.samples.clone().zip(sums.chunks(region.sample_voxels() * stride)) {
                let sums = BlockSums { values, stride, channels: &block.channels, sample, first_voxel };
                for output in &shared {
                    // SAFETY: tasks differ in their channels or their voxels.
                    unsafe { output.write(sums, instructions) }
                }
            }
        });
        // SAFETY: blocks and regions cover all channels and all voxels of all samples.
        results.into_iter().map(|result| unsafe { assume_init(result) }).collect()
    }

    /// Packs the weights as [`accumulate`] reads them: block by block, `[input, tap, output of the block]`.
    fn pack(
        &self,
        input_count: usize,
        output_count: usize,
        blocks: &[ChannelBlock],
        instructions: InstructionSet,
    ) -> Packed {
        let lanes = instructions.lanes();
        let taps = self.taps;
        let len = output_count.next_multiple_of(lanes) * input_count * taps;
        let mut packed = uninit(len + CACHE_LINE);
        let start = values_to_cache_line(packed.as_ptr().cast());
        let (before, from_start) = packed.split_at_mut(start);
        let (mut rest, after) = from_start.split_at_mut(len);
        fill_zero(before);
        fill_zero(after);
        let mut tasks = Vec::with_capacity(blocks.len() * input_count);
        for block in blocks {
            let (of_block, after) = rest.split_at_mut(block.vectors * lanes * input_count * taps);
            let of_inputs = of_block.chunks_mut(block.vectors * lanes * taps).enumerate();
            tasks.extend(of_inputs.map(|(input, to)| (block, input, to)));
            rest = after;
        }
        let Weights { values, output_stride, input_stride } = self.weights;
        tasks.par_iter_mut().with_min_len(8).for_each(|(block, input, to)| {
            let from = &values[block.channels.start * output_stride + *input * input_stride..];
            let stride = block.vectors * lanes;
            if block.channels.len() < stride {
                fill_zero(to);
            }
            transpose_slice(from, output_stride, to, stride, [block.channels.len(), taps]);
        });
        // SAFETY: the tasks have written all inputs of all blocks; the values around them are 0.
        Packed { values: unsafe { assume_init(packed) }, start }
    }
}

/// Packed weights of all blocks.
struct Packed {
    values: Vec<f32>,
    /// Index of the first weight, which begins a cache line.
    start: usize,
}

/// Overwrites a buffer with copies of `values`; returns the copies, which begin a cache line.
fn repeat<'a>(values: &[f32], copies: usize, buffer: &'a mut Vec<f32>) -> &'a mut [f32] {
    buffer.clear();
    buffer.reserve(values.len() * copies + CACHE_LINE);
    let start = values_to_cache_line(buffer.as_ptr());
    buffer.resize(start, 0.0);
    for _ in 0..copies {
        buffer.extend_from_slice(values);
    }
    &mut buffer[start..]
}
