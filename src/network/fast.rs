//! The convolution of the CPU backend, by the kernels of this crate, as an operation that Burn can differentiate.
//!
//! Burn's own is the reference; this one differs from it in nothing but rounding and time.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, DispatchDevice, Flex, TensorMetadata, backend_extension};
use burn::tensor::{DType, Tensor, TensorData};

use crate::kernels::conv::{self, Sizes};

/// Whether [`conv3d`] takes this tensor.
pub(super) fn takes(input: &Tensor<5>) -> bool {
    let device = input.device();
    let inner = match device.as_dispatch() {
        DispatchDevice::Autodiff(device) => matches!(&**device, DispatchDevice::Flex(_)),
        device => matches!(device, DispatchDevice::Flex(_)),
    };
    inner && input.dtype() == DType::F32
}

/// Convolution with stride 1 and zero padding that keeps the shape.
pub(super) fn conv3d(input: Tensor<5>, weight: Tensor<5>, bias: Tensor<1>) -> Tensor<5> {
    Tensor::from_dispatch(Dispatch::conv3d_same(input.into_dispatch(), weight.into_dispatch(), bias.into_dispatch()))
}

/// The operation, for the backends that have it.
#[backend_extension(Flex, Autodiff)]
trait Convolution: Backend {
    /// Convolution with stride 1 and zero padding that keeps the shape.
    fn conv3d_same(input: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl Convolution for Flex {
    fn conv3d_same(input: FlexTensor, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
        let sizes = sizes(&input, &weight);
        let (input, weight, bias) = (input.to_contiguous(), weight.to_contiguous(), bias.to_contiguous());
        let output = conv::forward(&sizes, slice(&input), slice(&weight), slice(&bias));
        let [z, y, x] = sizes.size;
        tensor(output, &[sizes.samples, sizes.outputs, z, y, x])
    }
}

impl<C: CheckpointStrategy> Convolution for Autodiff<Flex, C> {
    fn conv3d_same(input: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        match ConvolutionBackward.prepare::<C>([input.node(), weight.node(), bias.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut step) => {
                let state = (step.checkpoint(&input), step.checkpoint(&weight));
                let (input, weight, bias) = (input.into_primitive(), weight.into_primitive(), bias.into_primitive());
                step.finish(state, Flex::conv3d_same(input, weight, bias))
            }
            OpsKind::UnTracked(step) => {
                let (input, weight, bias) = (input.into_primitive(), weight.into_primitive(), bias.into_primitive());
                step.finish(Flex::conv3d_same(input, weight, bias))
            }
        }
    }
}

#[derive(Debug)]
struct ConvolutionBackward;

impl Backward<Flex, 3> for ConvolutionBackward {
    /// Input and weights.
    type State = (NodeId, NodeId);

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, checkpointer: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let input = checkpointer.retrieve_node_output::<FlexTensor>(ops.state.0).to_contiguous();
        let weight = checkpointer.retrieve_node_output::<FlexTensor>(ops.state.1).to_contiguous();
        let sizes = sizes(&input, &weight);
        let [node_input, node_weight, node_bias] = ops.parents;
        let result = conv::backward(&sizes, slice(&input), slice(&weight), slice(&gradient), node_input.is_some());
        if let (Some(node), Some(values)) = (node_input, result.input) {
            gradients.register::<Flex>(node.id, tensor(values, &input.shape()));
        }
        if let Some(node) = node_weight {
            gradients.register::<Flex>(node.id, tensor(result.weight, &weight.shape()));
        }
        if let Some(node) = node_bias {
            gradients.register::<Flex>(node.id, tensor(result.bias, &[sizes.outputs]));
        }
    }
}

fn sizes(input: &FlexTensor, weight: &FlexTensor) -> Sizes {
    let (input, weight) = (input.shape(), weight.shape());
    assert_eq!(input[1], weight[1], "the kernel is for another number of channels");
    Sizes {
        samples: input[0],
        inputs: input[1],
        outputs: weight[0],
        size: [input[2], input[3], input[4]],
        kernel: [weight[2], weight[3], weight[4]],
    }
}

fn slice(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("contiguous, and `takes` has looked at the type")
}

fn tensor(values: Vec<f32>, shape: &[usize]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::ops::convolve_plainly;
    use crate::network::testing::{cpu, wave};
    use crate::network::weights::values;

    type Convolve = fn(Tensor<5>, Tensor<5>, Tensor<1>) -> Tensor<5>;

    /// Output and the gradients of input, weights and bias.
    fn run(
        convolve: Convolve,
        [samples, inputs, outputs]: [usize; 3],
        size: [usize; 3],
        kernel: [usize; 3],
    ) -> [Vec<f32>; 4] {
        let device = cpu().autodiff();
        let ([z, y, x], [kz, ky, kx]) = (size, kernel);
        let input = wave([samples, inputs, z, y, x], 0.37, 0.0, &device).require_grad();
        let weight = wave([outputs, inputs, kz, ky, kx], 0.91, 0.5, &device).require_grad();
        let bias = wave([outputs], 1.3, 0.2, &device).require_grad();
        let output = convolve(input.clone(), weight.clone(), bias.clone());
        let pull = wave([samples, outputs, z, y, x], 0.53, 1.0, &device);
        let gradients = (output.clone() * pull).sum().backward();
        let gradient = |given: Option<Tensor<5>>| values(given.expect("tracked"));
        [
            values(output.inner()),
            gradient(input.grad(&gradients)),
            gradient(weight.grad(&gradients)),
            values(bias.grad(&gradients).expect("tracked")),
        ]
    }

    #[test]
    fn output_and_gradients_are_those_of_burn() {
        let cases = [
            ([2, 1, 30], [3, 5, 4], [3, 3, 3]),
            ([1, 4, 8], [1, 9, 7], [3, 3, 3]),
            ([1, 3, 5], [2, 1, 1], [3, 3, 3]),
            ([3, 7, 13], [1, 6, 9], [1, 3, 3]),
            ([2, 40, 33], [2, 4, 5], [3, 3, 3]),
            ([2, 9, 11], [4, 3, 8], [1, 1, 1]),
            ([1, 34, 1], [2, 8, 9], [3, 1, 3]),
            ([1, 2, 2], [1, 40, 41], [1, 3, 3]),
            ([2, 20, 12], [5, 7, 5], [3, 3, 1]),
        ];
        for (channels, size, kernel) in cases {
            let ours = run(conv3d, channels, size, kernel);
            let reference = run(convolve_plainly, channels, size, kernel);
            for (part, (ours, reference)) in ours.iter().zip(&reference).enumerate() {
                assert_eq!(ours.len(), reference.len());
                let norm =
                    |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
                let difference = norm(&mut ours.iter().zip(reference).map(|(a, b)| a - b));
                let error = difference / norm(&mut reference.iter().copied());
                assert!(error < 1e-5, "part {part} of {channels:?}, {size:?}, {kernel:?}: {error}");
            }
        }
    }
}
