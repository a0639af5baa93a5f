//! Instance normalisation and leaky `ReLU`.

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
use crate::kernels::norm::InstanceNorm;

/// Instance normalisation with scale and shift per channel, then leaky `ReLU`.
pub(crate) fn norm_act(maps: Tensor<5>, gamma: Tensor<1>, beta: Tensor<1>, eps: f64, slope: f64) -> Tensor<5> {
    let (maps, gamma, beta) = (maps.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
    Tensor::from_dispatch(Dispatch::norm_act(maps, gamma, beta, eps, slope))
}

/// The operation, for the backends that implement it.
#[backend_extension(Flex, Autodiff)]
trait NormAct: Backend {
    /// Instance normalisation with scale and shift per channel, then leaky `ReLU`.
    fn norm_act(
        maps: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f64,
        slope: f64,
    ) -> FloatTensor<Self>;
}

impl NormAct for Flex {
    fn norm_act(maps: FlexTensor, gamma: FlexTensor, beta: FlexTensor, eps: f64, slope: f64) -> FlexTensor {
        let (maps, gamma, beta) = (maps.to_contiguous(), gamma.to_contiguous(), beta.to_contiguous());
        from_values(norm(&maps, &gamma, &beta, eps, slope).forward(as_slice(&maps)), &maps.shape())
    }
}

impl<C: CheckpointStrategy> NormAct for Autodiff<Flex, C> {
    fn norm_act(
        maps: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f64,
        slope: f64,
    ) -> FloatTensor<Self> {
        match NormActBackward.prepare::<C>([maps.node(), gamma.node(), beta.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut step) => {
                let nodes = [&maps, &gamma, &beta].map(|tensor| step.checkpoint(tensor));
                let (maps, gamma, beta) = (maps.into_primitive(), gamma.into_primitive(), beta.into_primitive());
                step.finish(State { nodes, eps, slope }, Flex::norm_act(maps, gamma, beta, eps, slope))
            }
            OpsKind::UnTracked(step) => {
                let (maps, gamma, beta) = (maps.into_primitive(), gamma.into_primitive(), beta.into_primitive());
                step.finish(Flex::norm_act(maps, gamma, beta, eps, slope))
            }
        }
    }
}

#[derive(Clone, Debug)]
struct State {
    /// Of maps, scale and shift.
    nodes: [NodeId; 3],
    eps: f64,
    slope: f64,
}

#[derive(Debug)]
struct NormActBackward;

impl Backward<Flex, 3> for NormActBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 3>, gradients: &mut Gradients, checkpointer: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let State { nodes, eps, slope } = ops.state;
        let [maps, gamma, beta] =
            nodes.map(|node| checkpointer.retrieve_node_output::<FlexTensor>(node).to_contiguous());
        let result = norm(&maps, &gamma, &beta, eps, slope).backward(as_slice(&maps), as_slice(&gradient));
        let values = [(result.maps, maps.shape()), (result.gamma, gamma.shape()), (result.beta, beta.shape())];
        for (node, (values, shape)) in ops.parents.into_iter().zip(values) {
            if let Some(node) = node {
                gradients.register::<Flex>(node.id, from_values(values, &shape));
            }
        }
    }
}

fn norm<'a>(maps: &FlexTensor, gamma: &'a FlexTensor, beta: &'a FlexTensor, eps: f64, slope: f64) -> InstanceNorm<'a> {
    InstanceNorm { voxels: edges(maps).iter().product(), gamma: as_slice(gamma), beta: as_slice(beta), eps, slope }
}
