//! Soft Dice plus cross-entropy on the CPU backend: one fused operation with its own gradient. It equals the plain loss but for
//! rounding.

use std::sync::Arc;

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Int, Tensor};

use crate::kernels::dice_ce::{LabelledLogits, Sums, SumsGradient};
use crate::network::cpu::{as_slice, from_values};
use crate::plan::schema::{DiceCe, DiceScope};

/// The inputs of the loss that have no gradient.
#[derive(Clone, Debug)]
struct Target {
    labels: Arc<[u8]>,
    scope: DiceScope,
    settings: DiceCe,
}

/// Negative soft Dice plus cross-entropy of logits on the CPU; arguments and result as in `dice_ce.rs`.
pub(super) fn dice_ce(logits: Tensor<5>, labels: Tensor<4, Int>, scope: DiceScope, settings: &DiceCe) -> Tensor<1> {
    let labels = labels.into_data().iter::<u8>().collect();
    let target = Target { labels, scope, settings: settings.clone() };
    Tensor::from_dispatch(Dispatch::segmentation_loss(logits.into_dispatch(), target))
}

/// The operation for Burn's dispatch.
#[backend_extension(Flex, Autodiff)]
trait SegmentationLoss: Backend {
    /// Negative soft Dice plus cross-entropy, `[1]`.
    fn segmentation_loss(logits: FloatTensor<Self>, target: Target) -> FloatTensor<Self>;
}

impl SegmentationLoss for Flex {
    fn segmentation_loss(logits: FlexTensor, target: Target) -> FlexTensor {
        let logits = logits.to_contiguous();
        let (value, _) = target.value_and_gradient(&target.labelled(&logits).compute_sums());
        from_values(vec![value as f32], &[1])
    }
}

impl<C: CheckpointStrategy> SegmentationLoss for Autodiff<Flex, C> {
    fn segmentation_loss(logits: FloatTensor<Self>, target: Target) -> FloatTensor<Self> {
        match LossBackward.prepare::<C>([logits.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut step) => {
                let state = (step.checkpoint(&logits), target.clone());
                step.finish(state, Flex::segmentation_loss(logits.into_primitive(), target))
            }
            OpsKind::UnTracked(step) => step.finish(Flex::segmentation_loss(logits.into_primitive(), target)),
        }
    }
}

#[derive(Debug)]
struct LossBackward;

impl Backward<Flex, 1> for LossBackward {
    /// The logits, and the target.
    type State = (NodeId, Target);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, checkpointer: &mut Checkpointer) {
        let outer = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let (logits, target) = ops.state;
        let logits = checkpointer.retrieve_node_output::<FlexTensor>(logits).to_contiguous();
        let [node] = ops.parents;
        if let Some(node) = node {
            let labelled = target.labelled(&logits);
            let (_, mut of_sums) = target.value_and_gradient(&labelled.compute_sums());
            for gradient in &mut of_sums {
                gradient.scale(as_slice(&outer)[0]);
            }
            gradients.register::<Flex>(node.id, from_values(labelled.compute_gradient(&of_sums), &logits.shape()));
        }
    }
}

impl Target {
    /// Logits are `[b, classes, z, y, x]`.
    fn labelled<'a>(&'a self, logits: &'a FlexTensor) -> LabelledLogits<'a> {
        let shape = logits.shape();
        let voxels = shape[2] * shape[3] * shape[4];
        LabelledLogits { logits: as_slice(logits), labels: &self.labels, classes: shape[1], voxels }
    }

    /// The loss, and its gradient with respect to the sums of each sample.
    fn value_and_gradient(&self, sums: &[Sums]) -> (f64, Vec<SumsGradient>) {
        let cross_entropy: f64 = sums.iter().map(|sums| sums.cross_entropy).sum();
        let per_voxel = 1.0 / self.labels.len() as f64;
        let groups: Vec<Sums> = match self.scope {
            DiceScope::Sample => sums.to_vec(),
            DiceScope::Batch => {
                let mut rest = sums.iter();
                let mut total = rest.next().cloned().unwrap_or_default();
                rest.for_each(|sums| total.add(sums));
                vec![total]
            }
        };
        let dice: Vec<(f64, SumsGradient)> =
            groups.iter().map(|sums| self.dice(sums, per_voxel, groups.len())).collect();
        let value = cross_entropy * per_voxel + dice.iter().map(|(value, _)| value).sum::<f64>();
        let of_sums = (0..sums.len()).map(|sample| dice[sample % dice.len()].1.clone()).collect();
        (value, of_sums)
    }

    /// Contribution of the Dice terms of one of `groups` groups of voxels (samples, or the whole batch), with its gradient.
    fn dice(&self, sums: &Sums, cross_entropy: f64, groups: usize) -> (f64, SumsGradient) {
        let classes = sums.intersection.len();
        let first = usize::from(!self.settings.include_background);
        let weight = -1.0 / ((classes - first) * groups) as f64;
        let mut value = 0.0;
        let mut gradient = SumsGradient {
            intersection: vec![0.0; classes],
            predicted: vec![0.0; classes],
            cross_entropy: cross_entropy as f32,
        };
        for class in first..classes {
            let numerator = 2.0 * sums.intersection[class] + self.settings.smooth;
            let denominator = sums.predicted[class] + sums.target[class] + self.settings.smooth;
            // A denominator of 0 implies a numerator of 0; the class then contributes 0.
            if denominator > 0.0 {
                value += weight * numerator / denominator;
                gradient.intersection[class] = (weight * 2.0 / denominator) as f32;
                gradient.predicted[class] = (-weight * numerator / (denominator * denominator)) as f32;
            }
        }
        (value, gradient)
    }
}
