//! The loss.
//!
//! One file per kind of `[loss]`; `cpu` is the fused implementation of the CPU backend.

#[cfg(feature = "flex")]
mod cpu;
mod deep_supervision;
mod dice_ce;

use burn::tensor::{Int, Tensor};

use crate::plan::schema::{DiceScope, Loss};

/// The loss of a batch, one value: the loss of its only output, or with deep supervision the weighted sum of the losses of all outputs.
///
/// `outputs` are logits `[b, classes, z, y, x]`, finest first, each next one at a coarser resolution; `labels` are those of the finest,
/// `[b, z, y, x]`, with class indices from 0.
///
/// # Panics
///
/// If the shapes do not agree, or there are fewer than two classes.
pub fn compute(outputs: Vec<Tensor<5>>, labels: Tensor<4, Int>, scope: DiceScope, loss: &Loss) -> Tensor<1> {
    let weights = deep_supervision::weights(outputs.len());
    let weighted = outputs.into_iter().zip(weights).filter(|(_, weight)| *weight > 0.0);
    let terms = weighted.map(|(logits, weight)| {
        let [_, _, z, y, x] = logits.dims();
        let labels = deep_supervision::nearest(labels.clone(), [z, y, x]);
        of_output(logits, labels, scope, loss) * weight
    });
    terms.reduce(|sum, term| sum + term).expect("the finest output has a weight")
}

/// The loss of one output.
fn of_output(logits: Tensor<5>, labels: Tensor<4, Int>, scope: DiceScope, loss: &Loss) -> Tensor<1> {
    match loss {
        Loss::DiceCe(settings) => dice_ce::dice_ce(logits, labels, scope, settings),
    }
}

/// The loss as a sentence of a methods paragraph.
pub fn describe(loss: &Loss) -> String {
    match loss {
        Loss::DiceCe(settings) => dice_ce::describe(settings),
    }
}
