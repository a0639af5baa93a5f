//! A scale for the loss of a training in 16-bit floats of the small range ("f16").
//!
//! Most gradients of the maps lie below the smallest such number; the loss is multiplied before the backward pass, and the
//! gradients of the weights, which have 32 bits, are divided again. A scale that is too large makes them overflow: that step
//! is left out, and the scale halved. Source: arXiv:1710.03740, section 3.2; the numbers are those of `torch.amp.GradScaler`.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};
use serde::{Deserialize, Serialize};

use crate::device::{DeviceFailure, read_number};
use crate::network::UNet;
use crate::plan::schema::Precision;

/// The first scale.
const FIRST: f64 = 65_536.0;
/// Steps without an overflow after which the scale is doubled.
const PATIENCE: u32 = 2000;

/// The scale, a power of two, and how it fares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossScale {
    factor: f64,
    /// Steps since it was changed.
    steps: u32,
}

impl LossScale {
    /// The first scale of a training; none where the range of the numbers needs none.
    pub fn new(precision: Precision) -> Option<Self> {
        match precision {
            Precision::F32 | Precision::Bf16 => None,
            Precision::F16 => Some(Self { factor: FIRST, steps: 0 }),
        }
    }

    /// What the loss is multiplied by.
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// Notes a step, whose gradients were finite or not.
    pub fn note(&mut self, finite: bool) {
        self.steps += 1;
        if !finite {
            *self = Self { factor: self.factor / 2.0, steps: 0 };
        } else if self.steps == PATIENCE {
            *self = Self { factor: self.factor * 2.0, steps: 0 };
        }
    }
}

/// Whether all gradients of a network are finite; waits for the device.
///
/// # Errors
///
/// When the device has failed.
pub fn are_finite(network: &UNet, gradients: &Gradients) -> Result<bool, DeviceFailure> {
    let mut sums = Sums { gradients, found: Vec::new() };
    network.visit(&mut sums);
    Ok(read_number(Tensor::cat(sums.found, 0).sum())?.is_finite())
}

/// Sums of absolute values, which no infinity and nothing undefined leaves finite.
struct Sums<'a> {
    gradients: &'a Gradients,
    found: Vec<Tensor<1>>,
}

impl ModuleVisitor for Sums<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.extend(param.val().grad(self.gradients).map(|gradient| gradient.abs().sum()));
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Tensor;

    use super::*;
    use crate::network::testing::{cpu, tiny, wave};

    #[test]
    fn an_overflow_halves_the_scale_and_patience_doubles_it() {
        assert_eq!(LossScale::new(Precision::Bf16), None);
        let mut scale = LossScale::new(Precision::F16).unwrap();
        for step in 1..=PATIENCE {
            assert!((scale.factor() - FIRST).abs() < 1e-9, "step {step}");
            scale.note(true);
        }
        assert!((scale.factor() - 2.0 * FIRST).abs() < 1e-9);
        for _ in 0..PATIENCE - 1 {
            scale.note(true);
        }
        scale.note(false);
        assert_eq!(scale, LossScale { factor: FIRST, steps: 0 });
    }

    #[test]
    fn one_gradient_that_is_not_finite_is_found() {
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
