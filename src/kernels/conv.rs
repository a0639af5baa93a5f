//! Convolution with stride 1 and zero padding that keeps the shape, and its three gradients.
#![expect(unsafe_code, reason = "memory that is written before it is read")]

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::correlate::{Maps, Part, columns, correlate, tile_channels};
use super::direct::{Source, Strip, add_strip, best_block};
use super::fresh::{fresh, written};
use super::grid::Grid;
use super::sum::sum;
use super::vector::Instructions;

/// The gradient of the weights is divided into about as many tasks, whatever the count of threads.
const TASKS: usize = 16;

/// Most numbers that its sums over sections of the planes take, about.
const SECTION_NUMBERS: usize = 1 << 20;

/// Sizes of a convolution.
#[derive(Clone, Debug)]
pub struct Sizes {
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
pub fn forward(sizes: &Sizes, inputs: &[&[f32]], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    sizes.check(inputs, weight);
    assert_eq!(bias.len(), sizes.outputs);
    let grid = Grid::new(sizes.size, sizes.kernel);
    let (channels, taps) = (sizes.channels(), grid.taps());
    let weight_of = |output: usize, input: usize, tap: usize| weight[(output * channels + input) * taps + tap];
    let mut outputs =
        convolve(&grid, grid.pad(inputs, &sizes.inputs).values(), channels, &[sizes.outputs], &weight_of, bias);
    outputs.remove(0)
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
pub fn backward(sizes: &Sizes, inputs: &[&[f32]], weight: &[f32], gradient: &[f32], wanted: bool) -> Gradients {
    sizes.check(inputs, weight);
    let grid = Grid::new(sizes.size, sizes.kernel);
    assert_eq!(gradient.len(), sizes.samples * sizes.outputs * sizes.voxels());
    // The gradients one after the other, so that the maps that are laid out for one need no room beside those for the next.
    let weight_gradient = weight_gradient(sizes, &grid, inputs, gradient);
    let (channels, taps) = (sizes.channels(), grid.taps());
    // The input sees each weight from the other side.
    let weight_of =
        |input: usize, output: usize, tap: usize| weight[(output * channels + input) * taps + taps - 1 - tap];
    let input_gradients = || {
        let padded = grid.pad(&[gradient], &[sizes.outputs]);
        convolve(&grid, padded.values(), sizes.outputs, &sizes.inputs, &weight_of, &vec![0.0; channels])
    };
    Gradients {
        inputs: if wanted { input_gradients() } else { Vec::new() },
        weight: weight_gradient,
        bias: bias_gradient(sizes, gradient),
    }
}

impl Sizes {
    fn channels(&self) -> usize {
        self.inputs.iter().sum()
    }

    fn voxels(&self) -> usize {
        self.size.iter().product()
    }

    fn check(&self, inputs: &[&[f32]], weight: &[f32]) {
        assert_eq!(inputs.len(), self.inputs.len());
        for (input, channels) in inputs.iter().zip(&self.inputs) {
            assert_eq!(input.len(), self.samples * channels * self.voxels());
        }
        assert_eq!(weight.len(), self.outputs * self.channels() * self.kernel.iter().product::<usize>());
    }
}

/// Convolution of padded maps; `weight_of` takes output, input and tap. The output channels are divided into several outputs.
fn convolve(
    grid: &Grid,
    maps: &[f32],
    inputs: usize,
    parts: &[usize],
    weight_of: &(dyn Fn(usize, usize, usize) -> f32 + Sync),
    bias: &[f32],
) -> Vec<Vec<f32>> {
    let instructions = Instructions::detect();
    let outputs = parts.iter().sum();
    let block = best_block(outputs, instructions);
    let weights = pack(outputs, inputs, grid.taps(), block, weight_of);
    let [depth, height, width] = grid.size;
    let samples = maps.len() / (inputs * depth * grid.plane);
    let rows = grid.rows_of_strip(inputs);
    let strips = height.div_ceil(rows);
    let mut results: Vec<_> = parts.iter().map(|part| fresh(samples * part * depth * grid.voxels())).collect();
    // Neighbouring planes of a strip follow each other, as they read almost the same.
    let mut tasks: Vec<Vec<&mut [MaybeUninit<f32>]>> =
        (0..samples * strips * depth).map(|_| Vec::with_capacity(outputs)).collect();
    for (result, part) in results.iter_mut().zip(parts) {
        for (at, plane) in result.chunks_mut(grid.voxels()).enumerate() {
            let (sample, z) = (at / depth / part, at % depth);
            for (strip, rows) in plane.chunks_mut(rows * width).enumerate() {
                tasks[(sample * strips + strip) * depth + z].push(rows);
            }
        }
    }
    let source = Source { grid, maps, inputs, block };
    tasks.par_iter_mut().enumerate().for_each_init(
        || vec![0.0; block * (rows * grid.row).next_multiple_of(16)],
        |sums, (at, channels)| {
            let start = at / depth % strips * rows;
            let rows = (start, rows.min(height - start));
            let strip = Strip { sample: at / depth / strips, z: at % depth, rows };
            let positions = (rows.1 * grid.row).next_multiple_of(16);
            let sums = &mut sums[..block * positions];
            let blocks = channels.chunks_mut(block).zip(bias.chunks(block));
            for ((channels, bias), weights) in blocks.zip(weights.chunks(block * inputs * grid.taps())) {
                for (sums, bias) in sums.chunks_mut(positions).zip(bias) {
                    sums.fill(*bias);
                }
                add_strip(&source, strip, weights, sums, instructions);
                for (channel, sums) in channels.iter_mut().zip(sums.chunks(positions)) {
                    for (row, sums) in channel.chunks_mut(width).zip(sums.chunks(grid.row)) {
                        row.write_copy_of_slice(&sums[..width]);
                    }
                }
            }
        },
    );
    // SAFETY: each strip of the results is in one task, which writes all its rows.
    results.into_iter().map(|result| unsafe { written(result) }).collect()
}

/// Weights as [`add_strip`] reads them, `[block, input, tap, output of the block]`; outputs beyond the last are zero.
fn pack(
    outputs: usize,
    inputs: usize,
    taps: usize,
    block: usize,
    weight_of: &(dyn Fn(usize, usize, usize) -> f32 + Sync),
) -> Vec<f32> {
    let mut packed = vec![0.0; outputs.next_multiple_of(block) * inputs * taps];
    packed.par_chunks_mut(block * inputs * taps).enumerate().for_each(|(number, packed)| {
        for b in 0..block.min(outputs - number * block) {
            for pair in 0..inputs * taps {
                packed[pair * block + b] = weight_of(number * block + b, pair / taps, pair % taps);
            }
        }
    });
    packed
}

fn weight_gradient(sizes: &Sizes, grid: &Grid, inputs: &[&[f32]], gradient: &[f32]) -> Vec<f32> {
    let instructions = Instructions::detect();
    let (channels, outputs) = (sizes.channels(), sizes.outputs);
    let (input, gradient) = (grid.pad(inputs, &sizes.inputs), columns(grid, gradient, outputs, instructions));
    let (input, gradient) = (input.values(), gradient.values());
    let maps = Maps { grid, samples: sizes.samples, input, inputs: channels, gradient, outputs };
    let wide = tile_channels(outputs, instructions);
    let (tiles, planes) = (outputs.div_ceil(wide), sizes.samples * grid.size[0]);
    let size = outputs * channels * grid.taps();
    let sections = (SECTION_NUMBERS / size).clamp(1, TASKS.min(planes));
    let planes_of_section = planes.div_ceil(sections);
    let sections = planes.div_ceil(planes_of_section);
    let per_task = (channels * tiles * sections / TASKS).clamp(1, 32);
    let chunks = channels.div_ceil(per_task);
    let part = |at: usize| {
        let (plane, input) = (at / chunks / tiles * planes_of_section, at % chunks * per_task);
        let planes = plane..planes.min(plane + planes_of_section);
        Part { planes, tile: at / chunks % tiles, inputs: input..channels.min(input + per_task) }
    };
    let sums: Vec<Vec<f32>> =
        (0..sections * tiles * chunks).into_par_iter().map(|at| correlate(&maps, &part(at), instructions)).collect();
    let mut weight = vec![0.0; size];
    weight.par_chunks_mut(channels * grid.taps()).enumerate().for_each(|(output, row)| {
        for sums in sums.chunks(tiles * chunks) {
            let sums = &sums[output / wide * chunks..][..chunks];
            let of_output = sums.iter().flat_map(|sums| sums.iter().skip(output % wide).step_by(wide));
            row.iter_mut().zip(of_output).for_each(|(weight, sum)| *weight += sum);
        }
    });
    weight
}

fn bias_gradient(sizes: &Sizes, gradient: &[f32]) -> Vec<f32> {
    let instructions = Instructions::detect();
    let sum = |map: &[f32]| instructions.widest(|| sum(map, map, |value, _| value));
    let sums: Vec<f64> = gradient.par_chunks(sizes.voxels()).map(sum).collect();
    (0..sizes.outputs).map(|output| sums.iter().skip(output).step_by(sizes.outputs).sum::<f64>() as f32).collect()
}
