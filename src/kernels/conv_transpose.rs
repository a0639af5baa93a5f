//! Transposed convolution whose stride is its kernel, and its two gradients.
//!
//! As no two boxes of the output overlap, each of its voxels is the product of one voxel of the input: a convolution with one
//! tap whose channels are those of the output at each place of the box, and a rearrangement.
#![expect(unsafe_code, reason = "memory that is written before it is read")]

use rayon::prelude::*;

use super::conv::{self, ConvDims};
use super::fresh::{fresh, written};
use super::transpose::turn;

/// ConvDims of a transposed convolution.
#[derive(Clone, Debug)]
pub struct ConvTranspose {
    /// Count of samples.
    pub samples: usize,
    /// Count of input channels.
    pub inputs: usize,
    /// Count of output channels.
    pub outputs: usize,
    /// Edges of the input's maps, `[z, y, x]`.
    pub size: [usize; 3],
    /// Edges of the kernel, which are also its strides, `[z, y, x]`.
    pub kernel: [usize; 3],
}

/// Gradients of a transposed convolution.
pub struct Gradients {
    /// Of the input; empty if it was not asked for.
    pub input: Vec<f32>,
    /// Of the weights.
    pub weight: Vec<f32>,
}

impl ConvTranspose {
    /// Output `[sample, output, z, y, x]` of `input`, `[sample, input, z, y, x]`; `weight` is `[input, output, z, y, x]`.
    ///
    /// # Panics
    ///
    /// When a length does not fit the sizes.
    pub fn forward(&self, input: &[f32], weight: &[f32]) -> Vec<f32> {
        let weight = turned(weight, self.inputs);
        let places = conv::forward(&self.places(), &[input], &weight, &vec![0.0; self.outputs * self.boxed()]);
        let mut output = fresh(places.len());
        let of_channel = self.boxed() * self.volume();
        output.par_chunks_mut(of_channel).zip(places.par_chunks(of_channel)).for_each(|(output, places)| {
            self.for_each_row(|at, row| {
                let voxels = output[at..].iter_mut().step_by(self.kernel[2]);
                for (to, from) in voxels.zip(&places[row..][..self.size[2]]) {
                    to.write(*from);
                }
            });
        });
        // SAFETY: the rows of all places are all voxels of the output.
        unsafe { written(output) }
    }

    /// Gradients of the input (empty where it is not `wanted`) and of the weights, from that of the output.
    ///
    /// # Panics
    ///
    /// When a length does not fit the sizes.
    pub fn backward(&self, input: &[f32], weight: &[f32], gradient: &[f32], wanted: bool) -> Gradients {
        let mut places = fresh(gradient.len());
        let of_channel = self.boxed() * self.volume();
        places.par_chunks_mut(of_channel).zip(gradient.par_chunks(of_channel)).for_each(|(places, gradient)| {
            self.for_each_row(|at, row| {
                let voxels = gradient[at..].iter().step_by(self.kernel[2]);
                for (to, from) in places[row..][..self.size[2]].iter_mut().zip(voxels) {
                    to.write(*from);
                }
            });
        });
        // SAFETY: the rows of all places have been written.
        let places = unsafe { written(places) };
        let sizes = self.places();
        let of_weight = conv::weight_gradient(&sizes, &[input], &places);
        let of_input = if wanted {
            conv::input_gradients(&sizes, &turned(weight, self.inputs), &places).remove(0)
        } else {
            Vec::new()
        };
        Gradients { input: of_input, weight: turned(&of_weight, self.outputs * self.boxed()) }
    }

    /// The convolution with one tap: the channels of its output are the places of the box, for one output after the other.
    fn places(&self) -> ConvDims {
        ConvDims {
            samples: self.samples,
            inputs: vec![self.inputs],
            outputs: self.outputs * self.boxed(),
            size: self.size,
            kernel: [1; 3],
        }
    }

    /// Voxels of a box.
    fn boxed(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Voxels of a map of the input.
    fn volume(&self) -> usize {
        self.size.iter().product()
    }

    /// Calls for each row of each place of the box, in the order of the output: where its first voxel is in the output, every
    /// `kernel[2]`-th of which is of the row, and where the row is among those of all places.
    fn for_each_row(&self, mut visit: impl FnMut(usize, usize)) {
        let [depth, height, width] = self.size;
        let [kz, ky, kx] = self.kernel;
        for (z, y) in (0..depth * kz).flat_map(|z| (0..height * ky).map(move |y| (z, y))) {
            for i in 0..kx {
                let place = (z % kz * ky + y % ky) * kx + i;
                let row = ((place * depth + z / kz) * height + y / ky) * width;
                visit((z * height * ky + y) * width * kx + i, row);
            }
        }
    }
}

/// A matrix of `rows` rows with its columns as rows.
fn turned(matrix: &[f32], rows: usize) -> Vec<f32> {
    let columns = matrix.len() / rows;
    let mut turned = fresh(matrix.len());
    turn(matrix, columns, &mut turned, rows, [rows, columns]);
    // SAFETY: a matrix has no numbers beside its rows.
    unsafe { written(turned) }
}
