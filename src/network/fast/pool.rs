//! Maximum over boxes.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::{edges, slice, tensor};
use crate::kernels::pool::Pool;

/// Maximum over boxes of the kernel's shape, which is also the stride and divides the edges.
pub(in crate::network) fn max_pool(maps: Tensor<5>, kernel: [usize; 3]) -> Tensor<5> {
    Tensor::from_dispatch(Dispatch::pool(maps.into_dispatch(), kernel))
}

/// The operation, for the backends that have it.
#[backend_extension(Flex, Autodiff)]
trait Pooling: Backend {
    /// Maximum over boxes of the kernel's shape, which is also the stride and divides the edges.
    fn pool(maps: FloatTensor<Self>, kernel: [usize; 3]) -> FloatTensor<Self>;
}

impl Pooling for Flex {
    fn pool(maps: FlexTensor, kernel: [usize; 3]) -> FlexTensor {
        let maps = maps.to_contiguous();
        let pool = Pool { size: edges(&maps), kernel };
        let [z, y, x] = pool.pooled();
        tensor(pool.forward(slice(&maps)), &[maps.shape()[0], maps.shape()[1], z, y, x])
    }
}

impl<C: CheckpointStrategy> Pooling for Autodiff<Flex, C> {
    fn pool(maps: FloatTensor<Self>, kernel: [usize; 3]) -> FloatTensor<Self> {
        match PoolingBackward.prepare::<C>([maps.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut step) => {
                let state = (step.checkpoint(&maps), kernel);
                step.finish(state, Flex::pool(maps.into_primitive(), kernel))
            }
            OpsKind::UnTracked(step) => step.finish(Flex::pool(maps.into_primitive(), kernel)),
        }
    }
}

#[derive(Debug)]
struct PoolingBackward;

impl Backward<Flex, 1> for PoolingBackward {
    /// The input, and the kernel.
    type State = (NodeId, [usize; 3]);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, checkpointer: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let (maps, kernel) = ops.state;
        let maps = checkpointer.retrieve_node_output::<FlexTensor>(maps).to_contiguous();
        let [node] = ops.parents;
        if let Some(node) = node {
            let pool = Pool { size: edges(&maps), kernel };
            gradients.register::<Flex>(node.id, tensor(pool.backward(slice(&maps), slice(&gradient)), &maps.shape()));
        }
    }
}
