//! Soft Dice loss plus cross-entropy.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData, assert_shape};

use crate::plan::schema::{DiceCe, DiceScope};
use crate::units::format_number;

/// Negative soft Dice plus cross-entropy, one value. `logits` is `[b, classes, z, y, x]`, `labels` `[b, z, y, x]` with class
/// indices from 0.
///
/// The Dice of a class is `(2 Σ u v + s) / (Σ u + Σ v + s)` with softmax `u` and one-hot labels `v`, summed over the voxels of a
/// sample or of the whole batch; its mean over classes (and samples) enters with a negative sign. If numerator and denominator are
/// both 0, which needs `s = 0`, the class contributes 0. Cross-entropy is the mean over all voxels, background included. The best
/// value is -1. Source: arXiv:1809.10486, 2.3.
///
/// Differs: the paper has no smoothing `s` and does not mention background. By default `s` is 1e-5 and the Dice term excludes
/// background, as in nnU-Net commit 6150f1b0, `dice_loss.py`. That commit also squares the product `u v` of the Dice per sample, a
/// bug fixed later and not reproduced here.
///
/// # Panics
///
/// If the shapes do not agree, or there are fewer than two classes.
pub(super) fn dice_ce(logits: Tensor<5>, labels: Tensor<4, Int>, scope: DiceScope, settings: &DiceCe) -> Tensor<1> {
    let [samples, classes, z, y, x] = logits.dims();
    assert_shape!(labels, [samples, z, y, x]);
    assert!(classes >= 2, "a segmentation has at least two classes, background included; found {classes}");
    #[cfg(feature = "flex")]
    if crate::network::cpu::supports(&logits) {
        return super::cpu::dice_ce(logits, labels, scope, settings);
    }
    plain(logits, labels, scope, settings)
}

/// The loss as a sentence of a methods paragraph.
pub(super) fn describe(settings: &DiceCe) -> String {
    let background = if settings.include_background { "including" } else { "excluding" };
    format!(
        "The loss was the sum of the soft Dice loss ({background} background, smoothing {}) and the cross-entropy.",
        format_number(settings.smooth)
    )
}

/// The loss by Burn's operations, on every backend.
fn plain(logits: Tensor<5>, labels: Tensor<4, Int>, scope: DiceScope, settings: &DiceCe) -> Tensor<1> {
    let [samples, classes, z, y, x] = logits.dims();
    let target = one_hot(labels.reshape([samples, 1, z * y, x]), classes, &logits.device());
    let log_probability = log_softmax(logits.reshape([samples, classes, z * y, x]), 1);
    let log_likelihood = sum_over_voxels(log_probability.clone() * target.clone()).sum();
    let cross_entropy = log_likelihood.neg() / (samples * z * y * x) as f64;
    cross_entropy - mean_dice(log_probability.exp(), target, scope, settings)
}

/// Mean Dice over classes (and samples). Both inputs are `[b, classes, rows, x]`.
fn mean_dice(probability: Tensor<4>, target: Tensor<4>, scope: DiceScope, settings: &DiceCe) -> Tensor<1> {
    let sum = |values: Tensor<4>| match scope {
        DiceScope::Sample => sum_over_voxels(values),
        DiceScope::Batch => sum_over_voxels(values).sum_dim(0),
    };
    let intersection = sum(probability.clone() * target.clone());
    let total = sum(probability) + sum(target);
    // An empty denominator has an empty numerator: the smallest normal number avoids 0 / 0.
    let dice = (intersection * 2.0 + settings.smooth) / (total + settings.smooth).clamp_min(f32::MIN_POSITIVE);
    let first = usize::from(!settings.include_background);
    let [_, classes, _] = dice.dims();
    dice.narrow(1, first, classes - first).mean()
}

/// Sums over the voxels of each class, `[b, classes, 1]`.
///
/// In two steps, row by row: a single f32 sum over a large patch loses digits on some backends.
fn sum_over_voxels(values: Tensor<4>) -> Tensor<3> {
    values.sum_dim(3).squeeze_dim::<3>(3).sum_dim(2)
}

/// One-hot labels, `[b, classes, rows, x]`, from labels `[b, 1, rows, x]`.
fn one_hot(labels: Tensor<4, Int>, classes: usize, device: &Device) -> Tensor<4> {
    let [samples, _, rows, x] = labels.dims();
    let device = device.clone().without_autodiff();
    let indices = (0..classes as i64).collect::<Vec<_>>();
    let indices = Tensor::<4, Int>::from_data(TensorData::new(indices, [1, classes, 1, 1]), &device);
    let shape = [samples, classes, rows, x];
    labels.inner().expand(shape).equal(indices.expand(shape)).float()
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use serde::Deserialize;

    use super::*;
    use crate::network::testing::{cpu, wave};
    use crate::network::weights::values;

    fn settings(smooth: f64, include_background: bool) -> DiceCe {
        DiceCe { smooth, include_background }
    }

    /// Loss of one sample with two classes from the logits of each class and the labels.
    fn loss_of<const N: usize>(logits: &[[f32; N]; 2], labels: [i64; N], loss: &DiceCe) -> f32 {
        let logits = Tensor::from_data(TensorData::new(logits.concat(), [1, 2, 1, 1, N]), &cpu());
        let labels = Tensor::from_data(TensorData::new(labels.to_vec(), [1, 1, 1, N]), &cpu());
        dice_ce(logits, labels, DiceScope::Sample, loss).into_scalar()
    }

    /// Logits whose softmax is exactly 1 and 0.
    const CONFIDENT: f32 = 200.0;

    #[test]
    fn small_examples_have_the_losses_computed_by_hand() {
        let literal = settings(0.0, true);
        // Two voxels, two classes, perfect.
        assert_abs_diff_eq!(loss_of(&[[CONFIDENT, -CONFIDENT], [-CONFIDENT, CONFIDENT]], [0, 1], &literal), -1.0);
        // A softmax of one half everywhere: Dice -0.5, cross-entropy ln 2.
        assert_abs_diff_eq!(loss_of(&[[0.0; 2]; 2], [0, 1], &literal), 0.193_147, epsilon = 1e-6);
        // One voxel, class 1 absent and not predicted: its term is 0 without smoothing, and 1 with it.
        assert_abs_diff_eq!(loss_of(&[[CONFIDENT], [-CONFIDENT]], [0], &literal), -0.5);
        assert_abs_diff_eq!(loss_of(&[[CONFIDENT], [-CONFIDENT]], [0], &settings(1e-5, true)), -1.0);
        assert_abs_diff_eq!(loss_of(&[[CONFIDENT], [-CONFIDENT]], [0], &settings(1e-5, false)), -1.0);
    }

    #[test]
    fn a_confident_wrong_prediction_has_a_finite_loss() {
        // Cross-entropy is the difference of the logits; both Dice terms are 0.
        assert_abs_diff_eq!(loss_of(&[[1e4], [-1e4]], [1], &settings(0.0, true)), 2e4);
    }

    #[test]
    fn sums_over_a_large_patch_stay_exact() {
        let logits = Tensor::zeros([2, 3, 64, 96, 96], &cpu());
        let labels = Tensor::ones([2, 64, 96, 96], &cpu());
        // Softmax of a third everywhere, every voxel of class 1: Dice 1/2 and 0, cross-entropy ln 3.
        for scope in [DiceScope::Sample, DiceScope::Batch] {
            let found: f32 = dice_ce(logits.clone(), labels.clone(), scope, &settings(1e-5, false)).into_scalar();
            assert_abs_diff_eq!(found, 3.0_f32.ln() - 0.25, epsilon = 1e-6);
        }
    }

    /// Value and gradient of a function of the logits; the gradient is scaled by 0.7 in the backward pass.
    fn value_and_gradient(logits: &Tensor<5>, function: &dyn Fn(Tensor<5>) -> Tensor<1>) -> (f32, Vec<f32>) {
        let logits = logits.clone().autodiff().require_grad();
        let loss = function(logits.clone());
        let gradients = (loss.clone() * 0.7).backward();
        (loss.into_scalar(), values(logits.grad(&gradients).expect("tracked")))
    }

    #[test]
    fn the_fused_cpu_loss_equals_the_plain_one() {
        for (shape, scope, loss) in [
            ([1, 2, 1, 1, 1], DiceScope::Sample, settings(0.0, true)),
            ([2, 3, 5, 6, 7], DiceScope::Sample, settings(1e-5, false)),
            ([3, 2, 1, 40, 31], DiceScope::Batch, settings(1e-5, true)),
            ([2, 5, 9, 16, 17], DiceScope::Batch, settings(0.0, false)),
        ] {
            let [samples, classes, z, y, x] = shape;
            let logits = wave(shape, 1.37, 0.4, &cpu()) * 9.0;
            // The last class is absent.
            let labels = (0..samples * z * y * x).map(|index| (index / 5 % (classes - 1)) as i64).collect();
            let labels = Tensor::<4, Int>::from_data(TensorData::new::<i64, _>(labels, [samples, z, y, x]), &cpu());
            let (fused, fused_gradient) =
                value_and_gradient(&logits, &|logits| dice_ce(logits, labels.clone(), scope, &loss));
            let (direct, gradient) = value_and_gradient(&logits, &|logits| plain(logits, labels.clone(), scope, &loss));
            assert_abs_diff_eq!(fused, direct, epsilon = 1e-5);
            let largest = gradient.iter().fold(0.0_f32, |largest, slope| largest.max(slope.abs()));
            for (fused, direct) in fused_gradient.iter().zip(&gradient) {
                assert!((fused - direct).abs() <= 1e-5 * largest, "{shape:?}: {fused} is not {direct}");
            }
        }
    }

    #[derive(Deserialize)]
    struct Oracle {
        scope: DiceScope,
        background: bool,
        loss: f64,
        gradient: Vec<f64>,
    }

    /// The oracle's inputs: logits `3 sin(0.7 i + 0.3)`, labels `(i / 3) % 3`, without label 2 in sample 1.
    fn inputs() -> (Vec<f32>, Vec<i64>) {
        let logits = (0..144).map(|i| (3.0 * (0.7 * f64::from(i) + 0.3).sin()) as f32).collect();
        let label = |i: i64| if i >= 24 && i / 3 % 3 == 2 { 0 } else { i / 3 % 3 };
        (logits, (0..48).map(label).collect())
    }

    fn loss_and_gradient(logits: Vec<f32>, scope: DiceScope, settings: &DiceCe) -> (f64, Vec<f32>) {
        let device = cpu().autodiff();
        let logits = Tensor::from_data(TensorData::new(logits, [2, 3, 2, 3, 4]), &device).require_grad();
        let labels = Tensor::from_data(TensorData::new(inputs().1, [2, 2, 3, 4]), &device);
        let loss = dice_ce(logits.clone(), labels, scope, settings);
        let gradients = loss.backward();
        let gradient = values(logits.grad(&gradients).expect("tracked"));
        (f64::from(loss.into_scalar::<f32>()), gradient)
    }

    #[test]
    fn loss_and_gradient_are_those_of_pytorch() {
        let oracles: Vec<Oracle> =
            serde_json::from_str(include_str!("../../../tests/reference/values/dice_ce.json")).expect("valid values");
        assert_eq!(oracles.len(), 4);
        for oracle in oracles {
            let (found, gradient) = loss_and_gradient(inputs().0, oracle.scope, &settings(1e-5, oracle.background));
            assert!((found - oracle.loss).abs() < 1e-6, "{found} is not {}", oracle.loss);
            for (found, expected) in gradient.iter().zip(&oracle.gradient) {
                assert!((f64::from(*found) - expected).abs() < 1e-7, "{found} is not {expected}");
            }
        }
    }

    #[test]
    fn the_gradient_equals_finite_differences() {
        let loss = settings(1e-5, true);
        let (logits, _) = inputs();
        let (_, gradient) = loss_and_gradient(logits.clone(), DiceScope::Batch, &loss);
        for at in [0, 31, 77, 143] {
            let moved = |by: f32| {
                let mut logits = logits.clone();
                logits[at] += by;
                loss_and_gradient(logits, DiceScope::Batch, &loss).0
            };
            let slope = (moved(0.05) - moved(-0.05)) / 0.1;
            assert!((slope - f64::from(gradient[at])).abs() < 2e-5, "{slope} is not {}", gradient[at]);
        }
    }
}
