//! Instance normalisation and activation.

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
use crate::kernels::norm::Norm;

/// Instance normalisation, the affine map of each channel, leaky `ReLU`.
pub(in crate::network) fn norm_act(
    maps: Tensor<5>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    eps: f64,
    slope: f64,
) -> Tensor<5> {
    let (maps, gamma, beta) = (maps.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
    Tensor::from_dispatch(Dispatch::normalize(maps, gamma, beta, eps, slope))
}

/// The operation, for the backends that have it.
#[backend_extension(Flex, Autodiff)]
trait Normalization: Backend {
    /// Instance normalisation, the affine map of each channel, leaky `ReLU`.
    fn normalize(
        maps: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f64,
        slope: f64,
    ) -> FloatTensor<Self>;
}

impl Normalization for Flex {
    fn normalize(maps: FlexTensor, gamma: FlexTensor, beta: FlexTensor, eps: f64, slope: f64) -> FlexTensor {
        let (maps, gamma, beta) = (maps.to_contiguous(), gamma.to_contiguous(), beta.to_contiguous());
        tensor(norm(&maps, &gamma, &beta, (eps, slope)).forward(slice(&maps)), &maps.shape())
    }
}

impl<C: CheckpointStrategy> Normalization for Autodiff<Flex, C> {
    fn normalize(
        maps: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f64,
        slope: f64,
    ) -> FloatTensor<Self> {
        match NormalizationBackward.prepare::<C>([maps.node(), gamma.node(), beta.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut step) => {
                let nodes = [&maps, &gamma, &beta].map(|given| step.checkpoint(given));
                let (maps, gamma, beta) = (maps.into_primitive(), gamma.into_primitive(), beta.into_primitive());
                step.finish(State { nodes, eps, slope }, Flex::normalize(maps, gamma, beta, eps, slope))
            }
            OpsKind::UnTracked(step) => {
                let (maps, gamma, beta) = (maps.into_primitive(), gamma.into_primitive(), beta.into_primitive());
                step.finish(Flex::normalize(maps, gamma, beta, eps, slope))
            }
        }
    }
}

#[derive(Clone, Debug)]
struct State {
    /// Maps, scale, shift.
    nodes: [NodeId; 3],
    eps: f64,
    slope: f64,
}

#[derive(Debug)]
struct NormalizationBackward;

impl Backward<Flex, 3> for NormalizationBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 3>, gradients: &mut Gradients, checkpointer: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let State { nodes, eps, slope } = ops.state;
        let [maps, gamma, beta] =
            nodes.map(|node| checkpointer.retrieve_node_output::<FlexTensor>(node).to_contiguous());
        let result = norm(&maps, &gamma, &beta, (eps, slope)).backward(slice(&maps), slice(&gradient));
        let values = [(result.maps, maps.shape()), (result.gamma, gamma.shape()), (result.beta, beta.shape())];
        for (node, (values, shape)) in ops.parents.into_iter().zip(values) {
            if let Some(node) = node {
                gradients.register::<Flex>(node.id, tensor(values, &shape));
            }
        }
    }
}

fn norm<'a>(maps: &FlexTensor, gamma: &'a FlexTensor, beta: &'a FlexTensor, (eps, slope): (f64, f64)) -> Norm<'a> {
    Norm { voxels: edges(maps).iter().product(), gamma: slice(gamma), beta: slice(beta), eps, slope }
}
