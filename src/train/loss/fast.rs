//! The loss on the CPU by a kernel of our own, as one operation with its gradient. Differs from the plain one in rounding only.

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

use crate::kernels::dice_ce::{Segmentation, Slopes, Sums};
use crate::network::cpu::{as_slice, from_values};
use crate::plan::schema::{DiceCe, DiceScope};

/// What the loss needs beside the logits.
#[derive(Clone, Debug)]
struct Target {
    labels: Arc<[u8]>,
    scope: DiceScope,
    loss: DiceCe,
}

/// [`super::dice_ce`] of logits on the CPU.
pub(super) fn dice_ce(logits: Tensor<5>, labels: Tensor<4, Int>, scope: DiceScope, loss: &DiceCe) -> Tensor<1> {
    let labels = labels.into_data().iter::<u8>().collect();
    let target = Target { labels, scope, loss: loss.clone() };
    Tensor::from_dispatch(Dispatch::segmentation_loss(logits.into_dispatch(), target))
}

/// The operation, for the backends that have it.
#[backend_extension(Flex, Autodiff)]
trait SegmentationLoss: Backend {
    /// Negative soft Dice plus cross-entropy, `[1]`.
    fn segmentation_loss(logits: FloatTensor<Self>, target: Target) -> FloatTensor<Self>;
}

impl SegmentationLoss for Flex {
    fn segmentation_loss(logits: FlexTensor, target: Target) -> FlexTensor {
        let logits = logits.to_contiguous();
        let (value, _) = target.value_and_slopes(&target.segmentation(&logits).sums());
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
            let segmentation = target.segmentation(&logits);
            let (_, mut slopes) = target.value_and_slopes(&segmentation.sums());
            for slopes in &mut slopes {
                slopes.scale(as_slice(&outer)[0]);
            }
            gradients.register::<Flex>(node.id, from_values(segmentation.gradient(&slopes), &logits.shape()));
        }
    }
}

impl Target {
    /// Logits are `[b, classes, z, y, x]`.
    fn segmentation<'a>(&'a self, logits: &'a FlexTensor) -> Segmentation<'a> {
        let shape = logits.shape();
        let voxels = shape[2] * shape[3] * shape[4];
        Segmentation { logits: as_slice(logits), labels: &self.labels, classes: shape[1], voxels }
    }

    /// The loss, and its derivatives by the sums of each sample.
    fn value_and_slopes(&self, sums: &[Sums]) -> (f64, Vec<Slopes>) {
        let surprise: f64 = sums.iter().map(|sums| sums.surprise).sum();
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
        let dice: Vec<(f64, Slopes)> = groups.iter().map(|sums| self.dice(sums, per_voxel, groups.len())).collect();
        let value = surprise * per_voxel + dice.iter().map(|(value, _)| value).sum::<f64>();
        let slopes = (0..sums.len()).map(|sample| dice[sample % dice.len()].1.clone()).collect();
        (value, slopes)
    }

    /// What the Dice terms of one of several groups of voxels add to the loss.
    fn dice(&self, sums: &Sums, surprise: f64, groups: usize) -> (f64, Slopes) {
        let classes = sums.shared.len();
        let first = usize::from(!self.loss.include_background);
        let weight = -1.0 / ((classes - first) * groups) as f64;
        let mut value = 0.0;
        let mut slopes =
            Slopes { shared: vec![0.0; classes], predicted: vec![0.0; classes], surprise: surprise as f32 };
        for class in first..classes {
            let above = 2.0 * sums.shared[class] + self.loss.smooth;
            let below = sums.predicted[class] + sums.present[class] + self.loss.smooth;
            // An empty denominator stands over an empty numerator: the class counts 0.
            if below > 0.0 {
                value += weight * above / below;
                slopes.shared[class] = (weight * 2.0 / below) as f32;
                slopes.predicted[class] = (-weight * above / (below * below)) as f32;
            }
        }
        (value, slopes)
    }
}
