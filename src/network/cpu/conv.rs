//! Convolution of one input, or of two inputs concatenated along their channels.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::tensors::{as_slice, bias_or_zeros, edges, from_values};
use crate::kernels::conv::{self, ConvDims, Requested};

/// Convolution with zero padding of half the kernel, rounded down; the channels of `skip` follow those of `input`.
pub(crate) fn conv3d(
    input: Tensor<5>,
    skip: Option<Tensor<5>>,
    weight: Tensor<5>,
    bias: Option<Tensor<1>>,
    stride: [usize; 3],
) -> Tensor<5> {
    let bias = bias_or_zeros(bias, weight.dims()[0], &input).into_dispatch();
    let (input, weight) = (input.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(match skip {
        None => Dispatch::conv(input, weight, bias, stride),
        Some(skip) => Dispatch::conv_with_skip(input, skip.into_dispatch(), weight, bias, stride),
    })
}

/// The operation, for the backends that implement it.
#[backend_extension(Flex, Autodiff)]
trait Convolution: Backend {
    /// Convolution with zero padding of half the kernel, rounded down.
    fn conv(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: [usize; 3],
    ) -> FloatTensor<Self>;

    /// The same for the channels of `input` followed by those of `skip`.
    fn conv_with_skip(
        input: FloatTensor<Self>,
        skip: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: [usize; 3],
    ) -> FloatTensor<Self>;
}

impl Convolution for Flex {
    fn conv(input: FlexTensor, weight: FlexTensor, bias: FlexTensor, stride: [usize; 3]) -> FlexTensor {
        compute(&[input], &weight, &bias, stride)
    }

    fn conv_with_skip(
        input: FlexTensor,
        skip: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        stride: [usize; 3],
    ) -> FlexTensor {
        compute(&[input, skip], &weight, &bias, stride)
    }
}

fn compute(inputs: &[FlexTensor], weight: &FlexTensor, bias: &FlexTensor, stride: [usize; 3]) -> FlexTensor {
    let inputs: Vec<FlexTensor> = inputs.iter().map(FlexTensor::to_contiguous).collect();
    let (weight, bias) = (weight.to_contiguous(), bias.to_contiguous());
    let dims = conv_dims(&inputs, &weight, stride);
    let inputs: Vec<&[f32]> = inputs.iter().map(as_slice).collect();
    let output = conv::forward(&dims, &inputs, as_slice(&weight), as_slice(&bias));
    let [z, y, x] = dims.output_size();
    from_values(output, &[dims.samples, dims.outputs, z, y, x])
}

impl<C: CheckpointStrategy> Convolution for Autodiff<Flex, C> {
    fn conv(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: [usize; 3],
    ) -> FloatTensor<Self> {
        let nodes = [weight.node(), bias.node(), input.node()];
        record::<C, 3>(nodes, &[input], &weight, &bias, stride)
    }

    fn conv_with_skip(
        input: FloatTensor<Self>,
        skip: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: [usize; 3],
    ) -> FloatTensor<Self> {
        let nodes = [weight.node(), bias.node(), input.node(), skip.node()];
        record::<C, 4>(nodes, &[input, skip], &weight, &bias, stride)
    }
}

/// Computes a convolution and records it for the backward pass; `nodes` are those of weight, bias and inputs.
fn record<C: CheckpointStrategy, const N: usize>(
    nodes: [NodeGuard; N],
    inputs: &[FloatTensor<Autodiff<Flex, C>>],
    weight: &FloatTensor<Autodiff<Flex, C>>,
    bias: &FloatTensor<Autodiff<Flex, C>>,
    stride: [usize; 3],
) -> FloatTensor<Autodiff<Flex, C>> {
    let primitives: Vec<FlexTensor> = inputs.iter().map(|input| input.primitive().clone()).collect();
    let output = compute(&primitives, weight.primitive(), bias.primitive(), stride);
    match ConvolutionBackward.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(mut step) => {
            let state = State {
                weight: step.checkpoint(weight),
                inputs: inputs.iter().map(|input| step.checkpoint(input)).collect(),
                stride,
            };
            step.finish(state, output)
        }
        OpsKind::UnTracked(step) => step.finish(output),
    }
}

#[derive(Clone, Debug)]
struct State {
    weight: NodeId,
    inputs: Vec<NodeId>,
    stride: [usize; 3],
}

#[derive(Debug)]
struct ConvolutionBackward;

impl<const N: usize> Backward<Flex, N> for ConvolutionBackward {
    type State = State;

    fn backward(self, ops: Ops<State, N>, gradients: &mut Gradients, checkpointer: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let mut retrieve = |node| checkpointer.retrieve_node_output::<FlexTensor>(node).to_contiguous();
        let weight = retrieve(ops.state.weight);
        let inputs: Vec<FlexTensor> = ops.state.inputs.into_iter().map(retrieve).collect();
        let dims = conv_dims(&inputs, &weight, ops.state.stride);
        let requested =
            Requested { bias: ops.parents[1].is_some(), inputs: ops.parents[2..].iter().any(Option::is_some) };
        let slices: Vec<&[f32]> = inputs.iter().map(as_slice).collect();
        let result = conv::backward(&dims, &slices, as_slice(&weight), as_slice(&gradient), requested);
        let shapes = [weight.shape(), [dims.outputs].into()].into_iter().chain(inputs.iter().map(FlexTensor::shape));
        let values = [result.weight, result.bias].into_iter().chain(result.inputs);
        for ((node, values), shape) in ops.parents.into_iter().zip(values).zip(shapes) {
            if let Some(node) = node {
                gradients.register::<Flex>(node.id, from_values(values, &shape));
            }
        }
    }
}

fn conv_dims(inputs: &[FlexTensor], weight: &FlexTensor, stride: [usize; 3]) -> ConvDims {
    let kernel = edges(weight);
    ConvDims {
        samples: inputs[0].shape()[0],
        inputs: inputs.iter().map(|maps| maps.shape()[1]).collect(),
        outputs: weight.shape()[0],
        size: edges(&inputs[0]),
        kernel,
        stride,
        padding: kernel.map(|edge| edge / 2),
    }
}
