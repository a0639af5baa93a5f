//! Operations of the CPU backend that the kernels of this crate compute, registered with Burn together with their gradients.
//!
//! The plain versions in [`super::ops`] are the reference: results differ by rounding only.

mod add_act;
mod avg_pool;
mod conv;
mod conv_transpose;
mod norm;
mod pool;
mod tensors;

use burn::backend::DispatchDevice;
use burn::tensor::{DType, Tensor};

pub(super) use self::add_act::add_act;
pub(super) use self::avg_pool::avg_pool;
pub(super) use self::conv::conv3d;
pub(super) use self::conv_transpose::conv_transpose;
pub(super) use self::norm::norm_act;
pub(super) use self::pool::max_pool;
pub(crate) use self::tensors::{as_slice, from_values};

/// Whether the operations of this module support a tensor: 32-bit floats on the CPU.
pub(crate) fn supports(input: &Tensor<5>) -> bool {
    let device = input.device().without_autodiff();
    matches!(device.as_dispatch(), DispatchDevice::Flex(_)) && input.dtype() == DType::F32
}
