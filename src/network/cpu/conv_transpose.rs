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

use super::tensors::{as_slice, bias_or_zeros, edges, from_values};
use crate::kernels::conv_transpose::{ConvTranspose, Requested};

/// Transposed convolution whose stride is its kernel; `weight` is `[in, out, kz, ky, kx]`.
pub(crate) fn conv_transpose(input: Tensor<5>, weight: Tensor<5>, bias: Option<Tensor<1>>) -> Tensor<5> {
    let bias = bias_or_zeros(bias, weight.dims()[1], &input).into_dispatch();
    Tensor::from_dispatch(Dispatch::conv_transpose(input.into_dispatch(), weight.into_dispatch(), bias))
}

/// The operation, for the backends that implement it.
#[backend_extension(Flex, Autodiff)]
trait TransposedConvolution: Backend {
    /// Transposed convolution whose stride is its kernel.
    fn conv_transpose(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl TransposedConvolution for Flex {
    fn conv_transpose(input: FlexTensor, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
        let (input, weight, bias) = (input.to_contiguous(), weight.to_contiguous(), bias.to_contiguous());
        let dims = dims_of(&input, &weight);
        let [z, y, x] = dims.output_size();
        let output = dims.forward(as_slice(&input), as_slice(&weight), as_slice(&bias));
        from_values(output, &[dims.samples, dims.outputs, z, y, x])
    }
}

impl<C: CheckpointStrategy> TransposedConvolution for Autodiff<Flex, C> {
    fn conv_transpose(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let output =
            Flex::conv_transpose(input.primitive().clone(), weight.primitive().clone(), bias.primitive().clone());
        let nodes = [input.node(), weight.node(), bias.node()];
        match TransposedConvolutionBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut step) => {
                let state = [step.checkpoint(&input), step.checkpoint(&weight)];
                step.finish(state, output)
            }
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }
}

#[derive(Debug)]
struct TransposedConvolutionBackward;

impl Backward<Flex, 3> for TransposedConvolutionBackward {
    /// Nodes of input and weight.
    type State = [NodeId; 2];

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, checkpointer: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let [input, weight] =
            ops.state.map(|node| checkpointer.retrieve_node_output::<FlexTensor>(node).to_contiguous());
        let requested = Requested { input: ops.parents[0].is_some(), bias: ops.parents[2].is_some() };
        let dims = dims_of(&input, &weight);
        let result = dims.backward(as_slice(&input), as_slice(&weight), as_slice(&gradient), requested);
        let values =
            [(result.input, input.shape()), (result.weight, weight.shape()), (result.bias, [dims.outputs].into())];
        for (node, (values, shape)) in ops.parents.into_iter().zip(values) {
            if let Some(node) = node {
                gradients.register::<Flex>(node.id, from_values(values, &shape));
            }
        }
    }
}

fn dims_of(input: &FlexTensor, weight: &FlexTensor) -> ConvTranspose {
    ConvTranspose {
        samples: input.shape()[0],
        inputs: input.shape()[1],
        outputs: weight.shape()[1],
        size: edges(input),
        kernel: edges(weight),
    }
}
