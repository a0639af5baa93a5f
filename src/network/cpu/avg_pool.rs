//! Average pooling.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::tensors::{as_slice, edges, from_values};
use crate::kernels::avg_pool::AvgPool;

/// Average pooling whose stride is its kernel; voxels beyond the last whole box do not count.
pub(crate) fn avg_pool(maps: Tensor<5>, kernel: [usize; 3]) -> Tensor<5> {
    Tensor::from_dispatch(Dispatch::avg_pool(maps.into_dispatch(), kernel))
}

/// The operation, for the backends that implement it.
#[backend_extension(Flex, Autodiff)]
trait AveragePooling: Backend {
    /// Average pooling whose stride is its kernel; voxels beyond the last whole box do not count.
    fn avg_pool(maps: FloatTensor<Self>, kernel: [usize; 3]) -> FloatTensor<Self>;
}

impl AveragePooling for Flex {
    fn avg_pool(maps: FlexTensor, kernel: [usize; 3]) -> FlexTensor {
        let maps = maps.to_contiguous();
        let pool = AvgPool { size: edges(&maps), kernel };
        let [z, y, x] = pool.pooled();
        from_values(pool.forward(as_slice(&maps)), &[maps.shape()[0], maps.shape()[1], z, y, x])
    }
}

impl<C: CheckpointStrategy> AveragePooling for Autodiff<Flex, C> {
    fn avg_pool(maps: FloatTensor<Self>, kernel: [usize; 3]) -> FloatTensor<Self> {
        match AveragePoolingBackward.prepare::<C>([maps.node()]).compute_bound().stateful() {
            OpsKind::Tracked(step) => {
                let shape = maps.primitive().shape();
                let state = State { shape: std::array::from_fn(|axis| shape[axis]), kernel };
                step.finish(state, Flex::avg_pool(maps.into_primitive(), kernel))
            }
            OpsKind::UnTracked(step) => step.finish(Flex::avg_pool(maps.into_primitive(), kernel)),
        }
    }
}

#[derive(Clone, Debug)]
struct State {
    /// Of the input.
    shape: [usize; 5],
    kernel: [usize; 3],
}

#[derive(Debug)]
struct AveragePoolingBackward;

impl Backward<Flex, 1> for AveragePoolingBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let State { shape, kernel } = ops.state;
        let [node] = ops.parents;
        if let Some(node) = node {
            let pool = AvgPool { size: [shape[2], shape[3], shape[4]], kernel };
            gradients.register::<Flex>(node.id, from_values(pool.backward(as_slice(&gradient)), &shape));
        }
    }
}
