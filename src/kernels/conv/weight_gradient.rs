//! Weight gradient of a convolution, divided into tasks, and bias gradient.
#![expect(unsafe_code, reason = "memory that is written before it is read")]

use rayon::prelude::*;

use super::blocking::ChannelBlock;
use super::dims::ConvDims;
use super::weight_gradient_task::{Task, max_vectors};
use crate::kernels::channels::Channels;
use crate::kernels::reduce::sum_terms;
use crate::kernels::simd::InstructionSet;
use crate::kernels::transpose::transpose_slice;
use crate::kernels::uninit::{assume_init, uninit};

/// Number of tasks, about. It does not depend on the number of threads, so neither does the result.
const TASKS: usize = 16;

/// Maximum number of values, about, in the partial sums of all sections of the planes.
const MAX_PARTIAL_SUMS: usize = 1 << 20;

/// Maximum number of input channels of a task.
const MAX_CHUNK: usize = 32;

/// Gradient of the weight, `[output, input, z, y, x]`, from that of the output, `[sample, output, z, y, x]`.
pub(crate) fn weight_gradient(dims: &ConvDims, inputs: &[&[f32]], gradient: &[f32]) -> Vec<f32> {
    let instructions = InstructionSet::detect();
    let (stencil, inputs) = (dims.stencil(), dims.channels(inputs));
    let gradient = Channels { values: gradient, count: dims.outputs, voxels: dims.output_voxels() };
    let blocks = ChannelBlock::divide(dims.outputs, instructions, max_vectors(instructions));
    let division = Division::new(dims, blocks.len());
    let planes = dims.samples * dims.output_size()[0];
    let task = |index: usize| {
        let Division { sections, chunk_len, chunks } = division;
        let (section, chunk, block) = (index % sections, index / sections % chunks, &blocks[index / sections / chunks]);
        Task {
            stencil: &stencil,
            inputs: &inputs,
            gradient,
            planes: section * planes / sections..(section + 1) * planes / sections,
            output_channels: block.channels.clone(),
            vectors: block.vectors,
            input_channels: chunk * chunk_len..dims.input_channels().min((chunk + 1) * chunk_len),
        }
    };
    let tasks = blocks.len() * division.chunks * division.sections;
    // `[block, chunk, section]`.
    let mut sums: Vec<Vec<f32>> = (0..tasks).into_par_iter().map(|index| task(index).compute(instructions)).collect();
    sums.par_chunks_mut(division.sections).for_each(add_sections);
    // The first section of each chunk now holds the total.
    let totals: Vec<&[f32]> = sums.iter().step_by(division.sections).map(Vec::as_slice).collect();
    gather(dims, &blocks, division, &totals, instructions)
}

/// Division of the input channels into chunks and of the planes into sections.
#[derive(Clone, Copy)]
struct Division {
    sections: usize,
    /// Input channels of a chunk.
    chunk_len: usize,
    chunks: usize,
}

impl Division {
    fn new(dims: &ConvDims, blocks: usize) -> Self {
        let (channels, planes) = (dims.input_channels(), dims.samples * dims.output_size()[0]);
        let values = dims.outputs * channels * dims.stencil().taps();
        let sections = (MAX_PARTIAL_SUMS / values).clamp(1, TASKS.min(planes));
        let chunk_len = (channels * blocks * sections / TASKS).clamp(1, MAX_CHUNK);
        Self { sections, chunk_len, chunks: channels.div_ceil(chunk_len) }
    }
}

/// Adds the sums of all sections to those of the first.
fn add_sections(sections: &mut [Vec<f32>]) {
    let (total, others) = sections.split_first_mut().expect("at least one section");
    for other in others {
        total.iter_mut().zip(other).for_each(|(total, sum)| *total += *sum);
    }
}

/// Arranges the totals, `[block, chunk]` of `[input, tap, output]`, as a weight, `[output, input, z, y, x]`.
fn gather(
    dims: &ConvDims,
    blocks: &[ChannelBlock],
    division: Division,
    totals: &[&[f32]],
    instructions: InstructionSet,
) -> Vec<f32> {
    let taps = dims.stencil().taps();
    let row = dims.input_channels() * taps;
    let mut weight = uninit(dims.outputs * row);
    let mut rest = &mut weight[..];
    let mut tasks = Vec::with_capacity(blocks.len());
    for (block, totals) in blocks.iter().zip(totals.chunks(division.chunks)) {
        let (of_block, after) = rest.split_at_mut(block.channels.len() * row);
        tasks.push((block, totals, of_block));
        rest = after;
    }
    tasks.par_iter_mut().for_each(|(block, totals, weight)| {
        let stride = block.vectors * instructions.lanes();
        for (chunk, total) in totals.iter().enumerate() {
            let to = &mut weight[chunk * division.chunk_len * taps..];
            transpose_slice(total, stride, to, row, [total.len() / stride, block.channels.len()]);
        }
    });
    // SAFETY: the chunks of all blocks have been written.
    unsafe { assume_init(weight) }
}

/// Gradient of the bias, `[output]`: the gradient of the output, with `outputs` maps per sample, summed over voxels and samples.
pub(crate) fn bias_gradient(gradient: &[f32], outputs: usize, voxels: usize) -> Vec<f32> {
    let instructions = InstructionSet::detect();
    let sum_map = |map: &[f32]| instructions.vectorize(|| sum_terms(map, map, |value, _| value));
    let sums: Vec<f64> = gradient.par_chunks(voxels).map(sum_map).collect();
    (0..outputs).map(|output| sums.iter().skip(output).step_by(outputs).sum::<f64>() as f32).collect()
}
