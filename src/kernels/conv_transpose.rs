//! Transposed convolution whose stride is its kernel, and its two gradients.
//!
//! Each voxel of the output depends on one voxel of the input, because the kernels of neighbouring voxels do not overlap. So this
//! is a 1 × 1 × 1 convolution with one output channel per output channel and kernel position, followed by a rearrangement.
#![expect(unsafe_code, reason = "memory that is written before it is read")]

use rayon::prelude::*;

use super::conv::{self, ConvDims};
use super::transpose::transpose_slice;
use super::uninit::{assume_init, uninit};

/// Channels and edges of a transposed convolution.
#[derive(Clone, Debug)]
pub struct ConvTranspose {
    /// Number of samples.
    pub samples: usize,
    /// Number of input channels.
    pub inputs: usize,
    /// Number of output channels.
    pub outputs: usize,
    /// Edges of the input's maps, `[z, y, x]`.
    pub size: [usize; 3],
    /// Edges of the kernel, which are also the strides, `[z, y, x]`.
    pub kernel: [usize; 3],
}

/// Gradients of a transposed convolution.
pub struct Gradients {
    /// Of the input; empty if not requested.
    pub input: Vec<f32>,
    /// Of the weight.
    pub weight: Vec<f32>,
}

impl ConvTranspose {
    /// Output `[sample, output, z, y, x]` of `input`, `[sample, input, z, y, x]`; `weight` is `[input, output, z, y, x]`.
    ///
    /// # Panics
    ///
    /// When a length does not match.
    pub fn forward(&self, input: &[f32], weight: &[f32]) -> Vec<f32> {
        let weight = transpose_matrix(weight, self.inputs);
        let product = conv::forward(&self.pointwise(), &[input], &weight, &vec![0.0; self.outputs * self.taps()]);
        let mut output = uninit(product.len());
        let channel_len = self.taps() * self.voxels();
        output.par_chunks_mut(channel_len).zip(product.par_chunks(channel_len)).for_each(|(output, product)| {
            self.for_each_row(|output_start, row| {
                let voxels = output[output_start..].iter_mut().step_by(self.kernel[2]);
                for (to, from) in voxels.zip(&product[row..][..self.size[2]]) {
                    to.write(*from);
                }
            });
        });
        // SAFETY: the rows of all kernel positions cover all voxels of the output.
        unsafe { assume_init(output) }
    }

    /// Gradients from that of the output; the one of the input only if requested.
    ///
    /// # Panics
    ///
    /// When a length does not match.
    pub fn backward(&self, input: &[f32], weight: &[f32], gradient: &[f32], needs_input_gradient: bool) -> Gradients {
        let mut product = uninit(gradient.len());
        let channel_len = self.taps() * self.voxels();
        product.par_chunks_mut(channel_len).zip(gradient.par_chunks(channel_len)).for_each(|(product, gradient)| {
            self.for_each_row(|output_start, row| {
                let voxels = gradient[output_start..].iter().step_by(self.kernel[2]);
                for (to, from) in product[row..][..self.size[2]].iter_mut().zip(voxels) {
                    to.write(*from);
                }
            });
        });
        // SAFETY: the rows of all kernel positions have been written.
        let product = unsafe { assume_init(product) };
        let dims = self.pointwise();
        let of_weight = conv::weight_gradient(&dims, &[input], &product);
        let of_input = if needs_input_gradient {
            conv::input_gradients(&dims, &transpose_matrix(weight, self.inputs), &product).remove(0)
        } else {
            Vec::new()
        };
        Gradients { input: of_input, weight: transpose_matrix(&of_weight, self.outputs * self.taps()) }
    }

    /// The 1 × 1 × 1 convolution; its output channels are all kernel positions of the first output, then of the second, ….
    fn pointwise(&self) -> ConvDims {
        ConvDims {
            samples: self.samples,
            inputs: vec![self.inputs],
            outputs: self.outputs * self.taps(),
            size: self.size,
            kernel: [1; 3],
        }
    }

    /// Kernel positions.
    fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Voxels of a map of the input.
    fn voxels(&self) -> usize {
        self.size.iter().product()
    }

    /// Calls `visit` for each row of each kernel position, in the order of the output.
    ///
    /// Arguments are the index of the row's first voxel in the output, where the row has stride `kernel[2]`, and its index in the
    /// output of the 1 × 1 × 1 convolution.
    fn for_each_row(&self, mut visit: impl FnMut(usize, usize)) {
        let [depth, height, width] = self.size;
        let [kz, ky, kx] = self.kernel;
        for (z, y) in (0..depth * kz).flat_map(|z| (0..height * ky).map(move |y| (z, y))) {
            for i in 0..kx {
                let tap = (z % kz * ky + y % ky) * kx + i;
                let row = ((tap * depth + z / kz) * height + y / ky) * width;
                visit((z * height * ky + y) * width * kx + i, row);
            }
        }
    }
}

/// The transpose of a matrix of `rows` rows.
fn transpose_matrix(matrix: &[f32], rows: usize) -> Vec<f32> {
    let columns = matrix.len() / rows;
    let mut transposed = uninit(matrix.len());
    transpose_slice(matrix, columns, &mut transposed, rows, [rows, columns]);
    // SAFETY: the transpose has as many values as the matrix.
    unsafe { assume_init(transposed) }
}
