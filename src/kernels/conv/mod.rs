//! Convolution with stride 1 and zero padding that keeps the shape, and its gradients.
//!
//! Kernels have odd edges on each axis. The operation is direct: no matrix of patches (im2col) is built in memory.

mod blocking;
mod boundary;
mod dims;
mod forward;
mod forward_task;
mod forward_tile;
mod output;
mod weight_gradient;
mod weight_gradient_task;
mod weight_gradient_tile;

pub use self::dims::ConvDims;
pub use self::forward::forward;
pub(super) use self::forward::input_gradients;
pub(super) use self::weight_gradient::weight_gradient;

use self::weight_gradient::bias_gradient;

/// Gradients of a convolution.
pub struct Gradients {
    /// Of each input; empty if not requested.
    pub inputs: Vec<Vec<f32>>,
    /// Of the weight.
    pub weight: Vec<f32>,
    /// Of the bias.
    pub bias: Vec<f32>,
}

/// Gradients of a convolution from that of its output, `[sample, output, z, y, x]`; those of the inputs only if requested.
///
/// # Panics
///
/// When a length does not match, or a kernel edge is even.
pub fn backward(
    dims: &ConvDims,
    inputs: &[&[f32]],
    weight: &[f32],
    gradient: &[f32],
    needs_input_gradients: bool,
) -> Gradients {
    dims.check(inputs, weight);
    assert_eq!(gradient.len(), dims.samples * dims.outputs * dims.voxels());
    // One after the other, so that their temporary buffers do not exist at the same time.
    let of_weight = weight_gradient(dims, inputs, gradient);
    let of_inputs = if needs_input_gradients { input_gradients(dims, weight, gradient) } else { Vec::new() };
    Gradients { inputs: of_inputs, weight: of_weight, bias: bias_gradient(dims, gradient) }
}

#[cfg(test)]
mod tests;
