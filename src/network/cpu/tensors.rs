//! Between tensors of the CPU backend and slices.

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use burn::tensor::{Tensor, TensorData};

/// The values of a contiguous tensor of 32-bit floats.
pub(crate) fn as_slice(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("contiguous, and `supports` has checked the dtype")
}

/// A tensor of 32-bit floats.
pub(crate) fn from_values(values: Vec<f32>, shape: &[usize]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.to_vec()))
}

/// A bias per output channel, 0 where a layer has none; zeros are not tracked, so their gradient is not computed.
pub(super) fn bias_or_zeros(bias: Option<Tensor<1>>, outputs: usize, input: &Tensor<5>) -> Tensor<1> {
    bias.unwrap_or_else(|| Tensor::zeros([outputs], &input.device()))
}

/// The last three edges of a tensor, `[z, y, x]`.
pub(super) fn edges(tensor: &FlexTensor) -> [usize; 3] {
    let shape = tensor.shape();
    [shape[2], shape[3], shape[4]]
}
