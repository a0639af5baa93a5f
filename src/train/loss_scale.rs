//! Loss scaling for training with `network.precision = "f16"`.
//!
//! Many gradients of the activations are too small for f16 and would become zero. The loss is multiplied by a scale before the backward
//! pass, and the gradients of the weights, which are f32, are divided by it. If the scale is too large, gradients overflow: the step
//! is skipped and the scale is halved. Source: arXiv:1710.03740, 3.2; constants of `torch.amp.GradScaler`.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};
use serde::{Deserialize, Serialize};

use crate::device::{DeviceFailure, read_number};
use crate::network::UNet;
use crate::plan::schema::Precision;

/// Initial scale.
const INITIAL: f64 = 65_536.0;
/// Steps without overflow before the scale doubles.
const GROWTH_INTERVAL: u32 = 2000;

/// The current scale, a power of two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LossScale {
    factor: f64,
    /// Steps since the scale changed.
    steps: u32,
}

impl LossScale {
    /// The initial scale; `None` for precisions whose range needs no scaling.
    pub(super) fn new(precision: Precision) -> Option<Self> {
        match precision {
            Precision::F32 | Precision::Bf16 => None,
            Precision::F16 => Some(Self { factor: INITIAL, steps: 0 }),
        }
    }

    /// Factor of the loss.
    pub(super) fn factor(&self) -> f64 {
        self.factor
    }

    /// Updates the scale after a step whose gradients were finite or not.
    pub(super) fn update(&mut self, finite: bool) {
        self.steps += 1;
        if !finite {
            *self = Self { factor: self.factor / 2.0, steps: 0 };
        } else if self.steps == GROWTH_INTERVAL {
            *self = Self { factor: self.factor * 2.0, steps: 0 };
        }
    }
}

/// Whether all gradients of a network are finite. Waits for the device.
///
/// # Errors
///
/// If the device has failed.
pub(super) fn are_finite(network: &UNet, gradients: &Gradients) -> Result<bool, DeviceFailure> {
    let mut sums = AbsoluteSums { gradients, sums: Vec::new() };
    network.visit(&mut sums);
    Ok(read_number(Tensor::cat(sums.sums, 0).sum())?.is_finite())
}

/// Sum of the absolute gradients of each parameter: not finite as soon as one gradient is not.
struct AbsoluteSums<'a> {
    gradients: &'a Gradients,
    sums: Vec<Tensor<1>>,
}

impl ModuleVisitor for AbsoluteSums<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.sums.extend(param.val().grad(self.gradients).map(|gradient| gradient.abs().sum()));
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Tensor;

    use super::*;
    use crate::network::testing::{cpu, tiny, wave};

    #[test]
    fn an_overflow_halves_the_scale_and_many_finite_steps_double_it() {
        assert_eq!(LossScale::new(Precision::Bf16), None);
        let mut scale = LossScale::new(Precision::F16).unwrap();
        for step in 1..=GROWTH_INTERVAL {
            assert!((scale.factor() - INITIAL).abs() < 1e-9, "step {step}");
            scale.update(true);
        }
        assert!((scale.factor() - 2.0 * INITIAL).abs() < 1e-9);
        for _ in 0..GROWTH_INTERVAL - 1 {
            scale.update(true);
        }
        scale.update(false);
        assert_eq!(scale, LossScale { factor: INITIAL, steps: 0 });
    }

    #[test]
    fn a_single_gradient_that_is_not_finite_is_detected() {
        let device = cpu().autodiff();
        let network = tiny(1, &device);
        let finite = |factor: f64| {
            let sum: Tensor<1> = network.forward(wave([1, 1, 8, 16, 16], 0.37, 0.0, &device)).sum() * factor;
            are_finite(&network, &sum.backward()).unwrap()
        };
        assert!(finite(1.0));
        assert!(!finite(f64::INFINITY) && !finite(f64::NAN));
    }
}
