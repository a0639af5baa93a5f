//! Sum of two tensors followed by leaky `ReLU`.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::tensors::{as_slice, from_values};
use crate::kernels::add_act;

/// Leaky `ReLU` of the sum of two tensors of the same shape; the slope is not negative.
pub(crate) fn add_act(a: Tensor<5>, b: Tensor<5>, slope: f64) -> Tensor<5> {
    Tensor::from_dispatch(Dispatch::add_act(a.into_dispatch(), b.into_dispatch(), slope))
}

/// The operation, for the backends that implement it.
#[backend_extension(Flex, Autodiff)]
trait AddAct: Backend {
    /// Leaky `ReLU` of the sum of two tensors of the same shape; the slope is not negative.
    fn add_act(a: FloatTensor<Self>, b: FloatTensor<Self>, slope: f64) -> FloatTensor<Self>;
}

impl AddAct for Flex {
    fn add_act(a: FlexTensor, b: FlexTensor, slope: f64) -> FlexTensor {
        let (a, b) = (a.to_contiguous(), b.to_contiguous());
        from_values(add_act::forward(as_slice(&a), as_slice(&b), slope), &a.shape())
    }
}

impl<C: CheckpointStrategy> AddAct for Autodiff<Flex, C> {
    fn add_act(a: FloatTensor<Self>, b: FloatTensor<Self>, slope: f64) -> FloatTensor<Self> {
        let output = Flex::add_act(a.primitive().clone(), b.primitive().clone(), slope);
        match AddActBackward.prepare::<C>([a.node(), b.node()]).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish(State { output: output.clone(), slope }, output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }
}

/// The output instead of the summands: the next layer keeps it anyway.
#[derive(Clone, Debug)]
struct State {
    output: FlexTensor,
    slope: f64,
}

#[derive(Debug)]
struct AddActBackward;

impl Backward<Flex, 2> for AddActBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 2>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let State { output, slope } = ops.state;
        let values = add_act::backward(as_slice(&output), as_slice(&gradient), slope);
        // Both summands have the same gradient.
        let of_sum = from_values(values, &output.shape());
        for node in ops.parents.into_iter().flatten() {
            gradients.register::<Flex>(node.id, of_sum.clone());
        }
    }
}
