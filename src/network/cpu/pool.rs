//! Max pooling.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::tensors::{as_slice, edges, from_values};
use crate::kernels::pool::MaxPool;

/// Max pooling whose stride is its kernel, which divides the edges.
pub(crate) fn max_pool(maps: Tensor<5>, kernel: [usize; 3]) -> Tensor<5> {
    Tensor::from_dispatch(Dispatch::max_pool(maps.into_dispatch(), kernel))
}

/// The operation, for the backends that implement it.
#[backend_extension(Flex, Autodiff)]
trait Pooling: Backend {
    /// Max pooling whose stride is its kernel, which divides the edges.
    fn max_pool(maps: FloatTensor<Self>, kernel: [usize; 3]) -> FloatTensor<Self>;
}

impl Pooling for Flex {
    fn max_pool(maps: FlexTensor, kernel: [usize; 3]) -> FlexTensor {
        let maps = maps.to_contiguous();
        let pool = MaxPool { size: edges(&maps), kernel };
        let [z, y, x] = pool.pooled();
        from_values(pool.forward(as_slice(&maps)), &[maps.shape()[0], maps.shape()[1], z, y, x])
    }
}

impl<C: CheckpointStrategy> Pooling for Autodiff<Flex, C> {
    fn max_pool(maps: FloatTensor<Self>, kernel: [usize; 3]) -> FloatTensor<Self> {
        match PoolingBackward.prepare::<C>([maps.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut step) => {
                let state = (step.checkpoint(&maps), kernel);
                step.finish(state, Flex::max_pool(maps.into_primitive(), kernel))
            }
            OpsKind::UnTracked(step) => step.finish(Flex::max_pool(maps.into_primitive(), kernel)),
        }
    }
}

#[derive(Debug)]
struct PoolingBackward;

impl Backward<Flex, 1> for PoolingBackward {
    /// Node of the input, and the kernel.
    type State = (NodeId, [usize; 3]);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, checkpointer: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let (maps, kernel) = ops.state;
        let maps = checkpointer.retrieve_node_output::<FlexTensor>(maps).to_contiguous();
        let [node] = ops.parents;
        if let Some(node) = node {
            let pool = MaxPool { size: edges(&maps), kernel };
            gradients.register::<Flex>(
                node.id,
                from_values(pool.backward(as_slice(&maps), as_slice(&gradient)), &maps.shape()),
            );
        }
    }
}
