//! Transposed convolution whose stride is its kernel.

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
use crate::kernels::up::Up;

/// Transposed convolution without bias, whose stride is its kernel; `weight` is `[in, out, kz, ky, kx]`.
pub(in crate::network) fn up(input: Tensor<5>, weight: Tensor<5>) -> Tensor<5> {
    Tensor::from_dispatch(Dispatch::up(input.into_dispatch(), weight.into_dispatch()))
}

/// The operation, for the backends that have it.
#[backend_extension(Flex, Autodiff)]
trait Transposed: Backend {
    /// Transposed convolution without bias, whose stride is its kernel.
    fn up(input: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl Transposed for Flex {
    fn up(input: FlexTensor, weight: FlexTensor) -> FlexTensor {
        let (input, weight) = (input.to_contiguous(), weight.to_contiguous());
        let up = sizes(&input, &weight);
        let [z, y, x] = std::array::from_fn(|axis| up.size[axis] * up.kernel[axis]);
        tensor(up.forward(slice(&input), slice(&weight)), &[up.samples, up.outputs, z, y, x])
    }
}

impl<C: CheckpointStrategy> Transposed for Autodiff<Flex, C> {
    fn up(input: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let output = Flex::up(input.primitive().clone(), weight.primitive().clone());
        match TransposedBackward.prepare::<C>([input.node(), weight.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut step) => {
                let state = [step.checkpoint(&input), step.checkpoint(&weight)];
                step.finish(state, output)
            }
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }
}

#[derive(Debug)]
struct TransposedBackward;

impl Backward<Flex, 2> for TransposedBackward {
    /// The input, and the weights.
    type State = [NodeId; 2];

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, checkpointer: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let given = ops.state.map(|node| checkpointer.retrieve_node_output::<FlexTensor>(node).to_contiguous());
        let [input, weight] = &given;
        let wanted = ops.parents[0].is_some();
        let result = sizes(input, weight).backward(slice(input), slice(weight), slice(&gradient), wanted);
        for ((node, values), given) in ops.parents.into_iter().zip([result.0, result.1]).zip(&given) {
            if let Some(node) = node {
                gradients.register::<Flex>(node.id, tensor(values, &given.shape()));
            }
        }
    }
}

fn sizes(input: &FlexTensor, weight: &FlexTensor) -> Up {
    Up {
        samples: input.shape()[0],
        inputs: input.shape()[1],
        outputs: weight.shape()[1],
        size: edges(input),
        kernel: edges(weight),
    }
}
