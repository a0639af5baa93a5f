//! The loss.
//!
//! One file per kind of `[loss]`; `cpu` is the fused implementation of the CPU backend.

#[cfg(feature = "flex")]
mod cpu;
mod dice_ce;

use burn::tensor::{Int, Tensor};

use crate::plan::schema::{DiceScope, Loss};

/// The loss of a batch, one value. `logits` is `[b, classes, z, y, x]`, `labels` `[b, z, y, x]` with class indices from 0.
///
/// # Panics
///
/// If the shapes do not agree, or there are fewer than two classes.
pub fn compute(logits: Tensor<5>, labels: Tensor<4, Int>, scope: DiceScope, loss: &Loss) -> Tensor<1> {
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
