//! The operations of the CPU backend that this crate's kernels compute, made known to Burn with their gradients.
//!
//! Burn's own operations are the reference; these differ from them in nothing but rounding and time.

mod convolution;
mod norm;
mod pool;
mod transposed;

#[cfg(test)]
mod tests;

pub(super) use self::convolution::conv3d;
pub(super) use self::norm::norm_act;
pub(super) use self::pool::max_pool;
pub(super) use self::transposed::up;

use burn::backend::flex::FlexTensor;
use burn::backend::{DispatchDevice, TensorMetadata};
use burn::tensor::{DType, Tensor, TensorData};

/// Whether the operations of this module take this tensor.
pub(crate) fn takes(input: &Tensor<5>) -> bool {
    let device = input.device().without_autodiff();
    let is_flex = matches!(device.as_dispatch(), DispatchDevice::Flex(_));
    is_flex && input.dtype() == DType::F32
}

/// The numbers of a contiguous tensor.
pub(crate) fn slice(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("contiguous, and `takes` has looked at the type")
}

/// A tensor of these numbers.
pub(crate) fn tensor(values: Vec<f32>, shape: &[usize]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.to_vec()))
}

/// Edges of maps `[b, c, z, y, x]`.
fn edges(maps: &FlexTensor) -> [usize; 3] {
    let shape = maps.shape();
    [shape[2], shape[3], shape[4]]
}
