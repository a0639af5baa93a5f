//! Convolution with zero padding, and its gradients.
//!
//! Kernel, stride and padding may differ between the axes. The operation is direct: no matrix of patches (im2col) is built in
//! memory, and strided maps are read and written in place.

mod axis;
mod blocking;
mod boundary;
mod dims;
mod forward;
mod forward_task;
mod forward_tile;
mod output;
mod stencil;
mod weight_gradient;
mod weight_gradient_task;
mod weight_gradient_tile;

pub use self::dims::ConvDims;
pub use self::forward::forward;
pub(super) use self::forward::transposed;
pub(super) use self::weight_gradient::{bias_gradient, weight_gradient};

/// Gradients of a convolution.
pub struct Gradients {
    /// Of each input; empty if not requested.
    pub inputs: Vec<Vec<f32>>,
    /// Of the weight.
    pub weight: Vec<f32>,
    /// Of the bias; empty if not requested.
    pub bias: Vec<f32>,
}

/// Gradients to compute besides that of the weight.
#[derive(Clone, Copy, Debug)]
pub struct Requested {
    /// Those of all inputs.
    pub inputs: bool,
    /// Gradient of the bias.
    pub bias: bool,
}

/// Gradients of a convolution from that of its output, `[sample, output, z, y, x]`; that of the weight, and those requested.
///
/// # Panics
///
/// When a length does not match, a stride is 0, or a padded map is smaller than the kernel.
pub fn backward(
    dims: &ConvDims,
    inputs: &[&[f32]],
    weight: &[f32],
    gradient: &[f32],
    requested: Requested,
) -> Gradients {
    dims.check(inputs, weight);
    assert_eq!(gradient.len(), dims.samples * dims.outputs * dims.output_voxels());
    // One after the other, so that their temporary buffers do not exist at the same time.
    let of_weight = weight_gradient(dims, inputs, gradient);
    let no_bias = || vec![0.0; dims.input_channels()];
    let of_inputs = if requested.inputs { transposed(dims, weight, gradient, &no_bias()) } else { Vec::new() };
    let of_bias = if requested.bias { bias_gradient(gradient, dims.outputs, dims.output_voxels()) } else { Vec::new() };
    Gradients { inputs: of_inputs, weight: of_weight, bias: of_bias }
}

#[cfg(test)]
mod tests;
