//! Convolution with stride 1 and zero padding that keeps the shape, and its three gradients.
#![expect(unsafe_code, reason = "memory that is written before it is read")]

use std::ops::Range;

use rayon::prelude::*;

use super::border::{Shape, Zone};
use super::correlate::{self, Part, correlate};
use super::direct::{self, Weights, add};
use super::fresh::{clear, fresh, written};
use super::maps::Maps;
use super::region::{Target, regions};
use super::sum::sum;
use super::transpose::turn;
use super::vector::Instructions;

/// The gradient of the weights is divided into about as many tasks, whatever the count of threads.
const TASKS: usize = 16;

/// Most numbers that its sums over sections of the planes take, about.
const SECTION_NUMBERS: usize = 1 << 20;

/// ConvDims of a convolution.
#[derive(Clone, Debug)]
pub struct ConvDims {
    /// Count of samples.
    pub samples: usize,
    /// Count of channels of each input; the channels of the inputs follow each other.
    pub inputs: Vec<usize>,
    /// Count of output channels.
    pub outputs: usize,
    /// Edges of the maps, `[z, y, x]`.
    pub size: [usize; 3],
    /// Edges of the kernel, `[z, y, x]`, odd.
    pub kernel: [usize; 3],
}

/// Output `[sample, output, z, y, x]` of the `inputs`, `[sample, input, z, y, x]`; `weight` is `[output, input, z, y, x]`,
/// `bias` is `[output]`.
///
/// # Panics
///
/// When a length does not fit the sizes, or an edge of the kernel is even.
pub fn forward(sizes: &ConvDims, inputs: &[&[f32]], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    sizes.check(inputs, weight);
    assert_eq!(bias.len(), sizes.outputs);
    let (shape, maps) = (sizes.shape(), sizes.maps(inputs));
    let strides = Strides { output: sizes.channels() * shape.taps(), input: shape.taps() };
    convolve(&shape, &maps, &[sizes.outputs], (weight, &strides), bias, &shape.zones()).remove(0)
}

/// Gradients of a convolution.
pub struct Gradients {
    /// Of the inputs; empty if it was not asked for.
    pub inputs: Vec<Vec<f32>>,
    /// Of the weights.
    pub weight: Vec<f32>,
    /// Of the bias.
    pub bias: Vec<f32>,
}

/// Gradients of a convolution, from that of its output; those of the inputs only where they are `wanted`.
///
/// # Panics
///
/// When a length does not fit the sizes, or an edge of the kernel is even.
pub fn backward(sizes: &ConvDims, inputs: &[&[f32]], weight: &[f32], gradient: &[f32], wanted: bool) -> Gradients {
    sizes.check(inputs, weight);
    assert_eq!(gradient.len(), sizes.samples * sizes.outputs * sizes.voxels());
    // One after the other, so that what is laid out for one needs no room beside that for the next.
    let of_weight = weight_gradient(sizes, inputs, gradient);
    let of_inputs = if wanted { input_gradients(sizes, weight, gradient) } else { Vec::new() };
    Gradients { inputs: of_inputs, weight: of_weight, bias: bias_gradient(sizes, gradient) }
}

/// Gradients of the inputs alone.
pub(super) fn input_gradients(sizes: &ConvDims, weight: &[f32], gradient: &[f32]) -> Vec<Vec<f32>> {
    let shape = sizes.shape();
    let maps = Maps { values: gradient, channels: sizes.outputs, volume: shape.volume() };
    let strides = Strides { output: shape.taps(), input: sizes.channels() * shape.taps() };
    // The input sees each weight from the other side.
    let mut zones = shape.zones();
    for tap in zones.iter_mut().flat_map(Zone::taps_mut) {
        tap.number = shape.taps() - 1 - tap.number;
    }
    convolve(&shape, &[maps], &sizes.inputs, (weight, &strides), &vec![0.0; sizes.channels()], &zones)
}

impl ConvDims {
    fn channels(&self) -> usize {
        self.inputs.iter().sum()
    }

    fn voxels(&self) -> usize {
        self.size.iter().product()
    }

    fn shape(&self) -> Shape {
        Shape::new(self.size, self.kernel)
    }

    fn maps<'a>(&self, inputs: &[&'a [f32]]) -> Vec<Maps<'a>> {
        let maps =
            |(values, channels): (&&'a [f32], &usize)| Maps { values, channels: *channels, volume: self.voxels() };
        inputs.iter().zip(&self.inputs).map(maps).collect()
    }

    fn check(&self, inputs: &[&[f32]], weight: &[f32]) {
        assert_eq!(inputs.len(), self.inputs.len());
        for (input, channels) in inputs.iter().zip(&self.inputs) {
            assert_eq!(input.len(), self.samples * channels * self.voxels());
        }
        assert_eq!(weight.len(), self.outputs * self.channels() * self.kernel.iter().product::<usize>());
    }
}

/// How the weights of a convolution lie in memory: the distances of two outputs and of two inputs of it.
struct Strides {
    output: usize,
    input: usize,
}

/// Convolution of maps whose channels follow each other; the output channels are divided into several outputs.
///
/// The taps of a weight follow each other; where those of an output and an input begin, the strides say.
fn convolve(
    shape: &Shape,
    maps: &[Maps<'_>],
    parts: &[usize],
    (weight, strides): (&[f32], &Strides),
    bias: &[f32],
    zones: &[Zone],
) -> Vec<Vec<f32>> {
    let instructions = Instructions::detect();
    let (inputs, outputs): (usize, usize) = (maps.iter().map(|maps| maps.channels).sum(), parts.iter().sum());
    let samples = maps[0].values.len() / (maps[0].channels * shape.volume());
    let blocks = Block::all(outputs, instructions, direct::most_vectors(instructions));
    let size = inputs * shape.taps();
    let packed = pack(weight, strides, [outputs, inputs, shape.taps()], &blocks, instructions);
    let regions = regions(shape, samples, inputs);
    // What is larger stays in the cache for all of what is smaller.
    let by_block = blocks[0].channels.len() * size > inputs * regions[0].voxels();
    let mut results: Vec<_> = parts.iter().map(|part| fresh(samples * part * shape.volume())).collect();
    let targets: Vec<Target> = Target::of(&mut results, parts, shape.volume());
    (0..blocks.len() * regions.len()).into_par_iter().for_each_init(Vec::new, |sums: &mut Vec<f32>, at| {
        let (block, region) = if by_block {
            (&blocks[at / regions.len()], &regions[at % regions.len()])
        } else {
            (&blocks[at % blocks.len()], &regions[at / blocks.len()])
        };
        let wide = block.vectors * instructions.lanes();
        let mut lanes = bias[block.channels.clone()].to_vec();
        lanes.resize(wide, 0.0);
        sums.clear();
        for _ in 0..region.voxels() {
            sums.extend_from_slice(&lanes);
        }
        let values = &packed[block.channels.start * size..][..wide * size];
        let weights = Weights { values, taps: shape.taps(), vectors: block.vectors };
        add(maps, &region.rows(shape, zones), weights, sums, instructions);
        for (sample, sums) in region.samples.clone().zip(sums.chunks(region.of_sample() * wide)) {
            for target in &targets {
                // SAFETY: the tasks have different channels or different voxels.
                unsafe { target.write(sample, &block.channels, region.first(shape), sums, wide, instructions) }
            }
        }
    });
    // SAFETY: all channels of all voxels of all samples have been written.
    results.into_iter().map(|result| unsafe { written(result) }).collect()
}

/// Output channels that are computed at once.
struct Block {
    channels: Range<usize>,
    vectors: usize,
}

impl Block {
    fn all(outputs: usize, instructions: Instructions, most: usize) -> Vec<Self> {
        let vectors = outputs.div_ceil(instructions.lanes());
        let blocks = vectors.div_ceil(most);
        let edge = |block: usize| block * vectors / blocks;
        let channel = |vector: usize| outputs.min(vector * instructions.lanes());
        (0..blocks)
            .map(|block| Self {
                channels: channel(edge(block))..channel(edge(block + 1)),
                vectors: edge(block + 1) - edge(block),
            })
            .collect()
    }
}

/// Weights as [`add`] reads them, one block after the other, `[input, tap, output of the block]`.
fn pack(
    weight: &[f32],
    strides: &Strides,
    [outputs, inputs, taps]: [usize; 3],
    blocks: &[Block],
    instructions: Instructions,
) -> Vec<f32> {
    let lanes = instructions.lanes();
    let mut packed = fresh(outputs.next_multiple_of(lanes) * inputs * taps);
    let mut rest = &mut packed[..];
    let mut tasks = Vec::with_capacity(blocks.len() * inputs);
    for block in blocks {
        let (of_block, after) = rest.split_at_mut(block.vectors * lanes * inputs * taps);
        tasks.extend(
            of_block.chunks_mut(block.vectors * lanes * taps).enumerate().map(|(input, to)| (block, input, to)),
        );
        rest = after;
    }
    tasks.par_iter_mut().with_min_len(8).for_each(|(block, input, to)| {
        let from = &weight[block.channels.start * strides.output + *input * strides.input..];
        let wide = block.vectors * lanes;
        if block.channels.len() < wide {
            clear(to);
        }
        turn(from, strides.output, to, wide, [block.channels.len(), taps]);
    });
    // SAFETY: each task has written its part, and the parts are all.
    unsafe { written(packed) }
}

/// Gradient of the weights alone.
pub(super) fn weight_gradient(sizes: &ConvDims, inputs: &[&[f32]], gradient: &[f32]) -> Vec<f32> {
    let instructions = Instructions::detect();
    let (shape, maps) = (sizes.shape(), sizes.maps(inputs));
    let gradient = Maps { values: gradient, channels: sizes.outputs, volume: shape.volume() };
    let blocks = Block::all(sizes.outputs, instructions, correlate::most_vectors(instructions));
    let (channels, planes) = (sizes.channels(), sizes.samples * shape.size[0]);
    let row = channels * shape.taps();
    let sections = (SECTION_NUMBERS / (sizes.outputs * row)).clamp(1, TASKS.min(planes));
    let of_chunk = (channels * blocks.len() * sections / TASKS).clamp(1, 32);
    let chunks = channels.div_ceil(of_chunk);
    let part = |at: usize| {
        let (section, block, chunk) = (at % sections, &blocks[at / sections / chunks], at / sections % chunks);
        Part {
            shape: &shape,
            maps: &maps,
            gradient,
            planes: section * planes / sections..(section + 1) * planes / sections,
            outputs: block.channels.clone(),
            vectors: block.vectors,
            inputs: chunk * of_chunk..channels.min((chunk + 1) * of_chunk),
        }
    };
    // Sums `[block, chunk, section]` of some inputs each.
    let mut sums: Vec<Vec<f32>> =
        (0..blocks.len() * chunks * sections).into_par_iter().map(|at| correlate(&part(at), instructions)).collect();
    sums.par_chunks_mut(sections).for_each(|sections| {
        let (total, others) = sections.split_first_mut().expect("there is a section");
        for other in others {
            total.iter_mut().zip(other).for_each(|(total, sum)| *total += *sum);
        }
    });
    let mut weight = fresh(sizes.outputs * row);
    let mut rest = &mut weight[..];
    let mut tasks = Vec::with_capacity(blocks.len());
    for (block, sums) in blocks.iter().zip(sums.chunks(chunks * sections)) {
        let (of_block, after) = rest.split_at_mut(block.channels.len() * row);
        tasks.push((block, sums, of_block));
        rest = after;
    }
    tasks.par_iter_mut().for_each(|(block, sums, weight)| {
        let wide = block.vectors * instructions.lanes();
        for (chunk, sums) in sums.iter().step_by(sections).enumerate() {
            let to = &mut weight[chunk * of_chunk * shape.taps()..];
            turn(sums, wide, to, row, [sums.len() / wide, block.channels.len()]);
        }
    });
    // SAFETY: the chunks of all blocks have been written.
    unsafe { written(weight) }
}

fn bias_gradient(sizes: &ConvDims, gradient: &[f32]) -> Vec<f32> {
    let instructions = Instructions::detect();
    let sum = |map: &[f32]| instructions.widest(|| sum(map, map, |value, _| value));
    let sums: Vec<f64> = gradient.par_chunks(sizes.voxels()).map(sum).collect();
    (0..sizes.outputs).map(|output| sums.iter().skip(output).step_by(sizes.outputs).sum::<f64>() as f32).collect()
}
