//! Transposed convolution whose stride is its kernel, and its two gradients.
//!
//! It is the input gradient of the convolution with the same weight, kernel and stride and without padding, and so are its
//! gradients: the input gradient is the convolution, the weight gradient that of the convolution with swapped operands.

use super::conv::{self, ConvDims};

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
    /// Of the bias; empty if not requested.
    pub bias: Vec<f32>,
}

/// Gradients to compute besides that of the weight.
#[derive(Clone, Copy, Debug)]
pub struct Requested {
    /// Gradient of the input.
    pub input: bool,
    /// Gradient of the bias.
    pub bias: bool,
}

impl ConvTranspose {
    /// Edges of the output's maps, `[z, y, x]`.
    pub fn output_size(&self) -> [usize; 3] {
        std::array::from_fn(|axis| self.size[axis] * self.kernel[axis])
    }

    /// Output `[sample, output, z, y, x]` of `input`, `[sample, input, z, y, x]`; `weight` is `[input, output, z, y, x]`, `bias` is
    /// `[output]`.
    ///
    /// # Panics
    ///
    /// When a length does not match.
    pub fn forward(&self, input: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
        self.check(input, weight);
        assert_eq!(bias.len(), self.outputs);
        conv::transposed(&self.convolution(), weight, input, bias).remove(0)
    }

    /// Gradients of the weight, and those requested, from the gradient of the output.
    ///
    /// # Panics
    ///
    /// When a length does not match.
    pub fn backward(&self, input: &[f32], weight: &[f32], gradient: &[f32], requested: Requested) -> Gradients {
        self.check(input, weight);
        let dims = self.convolution();
        let voxels: usize = dims.size.iter().product();
        assert_eq!(gradient.len(), self.samples * self.outputs * voxels);
        let of_weight = conv::weight_gradient(&dims, &[gradient], input);
        let of_input = || conv::forward(&dims, &[gradient], weight, &vec![0.0; self.inputs]);
        let of_bias = || conv::bias_gradient(gradient, self.outputs, voxels);
        Gradients {
            input: if requested.input { of_input() } else { Vec::new() },
            weight: of_weight,
            bias: if requested.bias { of_bias() } else { Vec::new() },
        }
    }

    /// The convolution from the output back to the input.
    fn convolution(&self) -> ConvDims {
        ConvDims {
            samples: self.samples,
            inputs: vec![self.outputs],
            outputs: self.inputs,
            size: self.output_size(),
            kernel: self.kernel,
            stride: self.kernel,
            padding: [0; 3],
        }
    }

    fn check(&self, input: &[f32], weight: &[f32]) {
        assert_eq!(input.len(), self.samples * self.inputs * self.size.iter().product::<usize>());
        assert_eq!(weight.len(), self.inputs * self.outputs * self.kernel.iter().product::<usize>());
    }
}
