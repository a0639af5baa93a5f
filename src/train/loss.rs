//! The loss: soft Dice plus cross-entropy.

#[cfg(feature = "flex")]
mod fast;

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData, assert_shape};

use crate::plan::schema::{DiceCe, DiceScope};

/// Negative soft Dice plus cross-entropy, one number. `logits` is `[b, classes, z, y, x]`, `labels` `[b, z, y, x]` with class
/// indices from 0.
///
/// The Dice of a class is `(2 Σ u v + s) / (Σ u + Σ v + s)`, with `u` its softmax and `v` its indicator, summed over the voxels of
/// a sample or of the whole batch; its mean over classes (and samples) counts negatively. Where numerator and denominator are
/// both 0, which takes `s = 0`, a class counts 0. Cross-entropy is the mean over all voxels, background included. The best
/// value is -1.
///
/// # Panics
///
/// When the shapes do not agree, or there are fewer than two classes.
///
/// Source: arXiv:1809.10486, section 2.2; smoothing and background from spec section 8.
pub fn dice_ce(logits: Tensor<5>, labels: Tensor<4, Int>, scope: DiceScope, loss: &DiceCe) -> Tensor<1> {
    let [samples, classes, z, y, x] = logits.dims();
    assert_shape!(labels, [samples, z, y, x]);
    assert!(classes >= 2, "a segmentation has at least two classes, background included; found {classes}");
    #[cfg(feature = "flex")]
    if crate::network::cpu::supports(&logits) {
        return fast::dice_ce(logits, labels, scope, loss);
    }
    plain(logits, labels, scope, loss)
}

/// The same by Burn's operations, on every backend.
fn plain(logits: Tensor<5>, labels: Tensor<4, Int>, scope: DiceScope, loss: &DiceCe) -> Tensor<1> {
    let [samples, classes, z, y, x] = logits.dims();
    let indicator = indicator(labels.reshape([samples, 1, z * y, x]), classes, &logits.device());
    let log_probability = log_softmax(logits.reshape([samples, classes, z * y, x]), 1);
    let surprise = sum_of_maps(log_probability.clone() * indicator.clone()).sum().neg();
    let cross_entropy = surprise / (samples * z * y * x) as f64;
    cross_entropy - mean_dice(log_probability.exp(), indicator, scope, loss)
}

/// Mean Dice over classes (and samples). Both inputs are `[b, classes, rows, x]`.
fn mean_dice(probability: Tensor<4>, indicator: Tensor<4>, scope: DiceScope, loss: &DiceCe) -> Tensor<1> {
    let sum = |maps: Tensor<4>| match scope {
        DiceScope::Sample => sum_of_maps(maps),
        DiceScope::Batch => sum_of_maps(maps).sum_dim(0),
    };
    let shared = sum(probability.clone() * indicator.clone());
    let total = sum(probability) + sum(indicator);
    // The smallest normal number stands for an empty denominator, over an empty numerator.
    let dice = (shared * 2.0 + loss.smooth) / (total + loss.smooth).clamp_min(f32::MIN_POSITIVE);
    let first = usize::from(!loss.include_background);
    let [_, classes, _] = dice.dims();
    dice.narrow(1, first, classes - first).mean()
}

/// Sums over the voxels of each map, `[b, classes, 1]`.
///
/// In two steps, row by row: one sum over a large patch in single precision would lose digits on some backends.
fn sum_of_maps(maps: Tensor<4>) -> Tensor<3> {
    maps.sum_dim(3).squeeze_dim::<3>(3).sum_dim(2)
}

/// 1 where a voxel has a class and 0 elsewhere, `[b, classes, rows, x]`, of labels `[b, 1, rows, x]`.
fn indicator(labels: Tensor<4, Int>, classes: usize, device: &Device) -> Tensor<4> {
    let [samples, _, rows, x] = labels.dims();
    let device = device.clone().without_autodiff();
    let numbers = (0..classes as i64).collect::<Vec<_>>();
    let numbers = Tensor::<4, Int>::from_data(TensorData::new(numbers, [1, classes, 1, 1]), &device);
    let shape = [samples, classes, rows, x];
    labels.inner().expand(shape).equal(numbers.expand(shape)).float()
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use serde::Deserialize;

    use super::*;
    use crate::network::testing::{cpu, wave};
    use crate::network::weights::values;

    fn loss(smooth: f64, include_background: bool) -> DiceCe {
        DiceCe { smooth, include_background }
    }

    /// Loss of one sample whose voxels have these logits, given class by class, and labels.
    fn of<const N: usize>(logits: &[[f32; N]; 2], labels: [i64; N], loss: &DiceCe) -> f32 {
        let logits = Tensor::from_data(TensorData::new(logits.concat(), [1, 2, 1, 1, N]), &cpu());
        let labels = Tensor::from_data(TensorData::new(labels.to_vec(), [1, 1, 1, N]), &cpu());
        dice_ce(logits, labels, DiceScope::Sample, loss).into_scalar()
    }

    /// Logits at which the softmax is exactly 1 and 0.
    const SURE: f32 = 200.0;

    #[test]
    fn the_vectors_of_the_spec() {
        let literal = loss(0.0, true);
        // Two voxels, two classes, perfect.
        assert_abs_diff_eq!(of(&[[SURE, -SURE], [-SURE, SURE]], [0, 1], &literal), -1.0);
        // A softmax of one half everywhere: Dice -0.5, cross-entropy ln 2.
        assert_abs_diff_eq!(of(&[[0.0; 2]; 2], [0, 1], &literal), 0.193_147, epsilon = 1e-6);
        // One voxel, class 1 absent and not predicted: its term is 0 without smoothing, and 1 with it.
        assert_abs_diff_eq!(of(&[[SURE], [-SURE]], [0], &literal), -0.5);
        assert_abs_diff_eq!(of(&[[SURE], [-SURE]], [0], &loss(1e-5, true)), -1.0);
        assert_abs_diff_eq!(of(&[[SURE], [-SURE]], [0], &loss(1e-5, false)), -1.0);
    }

    #[test]
    fn sure_and_wrong_is_finite() {
        // Cross-entropy is the distance of the logits; both Dice terms are 0.
        assert_abs_diff_eq!(of(&[[1e4], [-1e4]], [1], &loss(0.0, true)), 2e4);
    }

    #[test]
    fn sums_over_a_large_patch_stay_exact() {
        let logits = Tensor::zeros([2, 3, 64, 96, 96], &cpu());
        let labels = Tensor::ones([2, 64, 96, 96], &cpu());
        // Softmax of a third everywhere, every voxel of class 1: Dice 1/2 and 0, cross-entropy ln 3.
        for scope in [DiceScope::Sample, DiceScope::Batch] {
            let found: f32 = dice_ce(logits.clone(), labels.clone(), scope, &loss(1e-5, false)).into_scalar();
            assert_abs_diff_eq!(found, 3.0_f32.ln() - 0.25, epsilon = 1e-6);
        }
    }

    /// Loss and gradient of a function of the logits, whose gradient is scaled by 0.7 on its way back.
    fn scaled(logits: &Tensor<5>, of: &dyn Fn(Tensor<5>) -> Tensor<1>) -> (f32, Vec<f32>) {
        let logits = logits.clone().autodiff().require_grad();
        let loss = of(logits.clone());
        let gradients = (loss.clone() * 0.7).backward();
        (loss.into_scalar(), values(logits.grad(&gradients).expect("tracked")))
    }

    #[test]
    fn the_cpu_kernel_is_the_plain_loss() {
        for (shape, scope, settings) in [
            ([1, 2, 1, 1, 1], DiceScope::Sample, loss(0.0, true)),
            ([2, 3, 5, 6, 7], DiceScope::Sample, loss(1e-5, false)),
            ([3, 2, 1, 40, 31], DiceScope::Batch, loss(1e-5, true)),
            ([2, 5, 9, 16, 17], DiceScope::Batch, loss(0.0, false)),
        ] {
            let [samples, classes, z, y, x] = shape;
            let logits = wave(shape, 1.37, 0.4, &cpu()) * 9.0;
            // The last class is absent.
            let labels = (0..samples * z * y * x).map(|at| (at / 5 % (classes - 1)) as i64).collect();
            let labels = Tensor::<4, Int>::from_data(TensorData::new::<i64, _>(labels, [samples, z, y, x]), &cpu());
            let (fused, fused_gradient) = scaled(&logits, &|logits| dice_ce(logits, labels.clone(), scope, &settings));
            let (direct, gradient) = scaled(&logits, &|logits| plain(logits, labels.clone(), scope, &settings));
            assert_abs_diff_eq!(fused, direct, epsilon = 1e-5);
            let largest = gradient.iter().fold(0.0_f32, |most, slope| most.max(slope.abs()));
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
            serde_json::from_str(include_str!("../../tests/reference/values/dice_ce.json")).expect("valid values");
        assert_eq!(oracles.len(), 4);
        for oracle in oracles {
            let (found, gradient) = loss_and_gradient(inputs().0, oracle.scope, &loss(1e-5, oracle.background));
            assert!((found - oracle.loss).abs() < 1e-6, "{found} is not {}", oracle.loss);
            for (found, expected) in gradient.iter().zip(&oracle.gradient) {
                assert!((f64::from(*found) - expected).abs() < 1e-7, "{found} is not {expected}");
            }
        }
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let settings = loss(1e-5, true);
        let (logits, _) = inputs();
        let (_, gradient) = loss_and_gradient(logits.clone(), DiceScope::Batch, &settings);
        for at in [0, 31, 77, 143] {
            let moved = |by: f32| {
                let mut logits = logits.clone();
                logits[at] += by;
                loss_and_gradient(logits, DiceScope::Batch, &settings).0
            };
            let slope = (moved(0.05) - moved(-0.05)) / 0.1;
            assert!((slope - f64::from(gradient[at])).abs() < 2e-5, "{slope} is not {}", gradient[at]);
        }
    }
}
