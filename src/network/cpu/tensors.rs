//! Between tensors of the CPU backend and slices.

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;

/// The values of a contiguous tensor of 32-bit floats.
pub(crate) fn as_slice(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("contiguous, and `supports` has checked the dtype")
}

/// A tensor of 32-bit floats.
pub(crate) fn from_values(values: Vec<f32>, shape: &[usize]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.to_vec()))
}

/// The last three edges of a tensor, `[z, y, x]`.
pub(super) fn edges(tensor: &FlexTensor) -> [usize; 3] {
    let shape = tensor.shape();
    [shape[2], shape[3], shape[4]]
}
