//! Adam, and the whole of network, loss and Adam, against `PyTorch`.

use burn::tensor::{Int, Tensor, TensorData};
use serde::Deserialize;

use super::*;
use crate::network::testing::{build_unet, configuration, cpu, network, tiny, wave};
use crate::network::{UNetConfig, init, weights};
use crate::plan::schema::{self, DiceCe, DiceScope, Loss, Network, Precision};
use crate::train::loss;
use crate::train::loss_scale::{LossScale, are_finite};

fn adam(amsgrad: bool, weight_decay: f64) -> schema::Optimizer {
    schema::Optimizer::Adam(schema::Adam { weight_decay, amsgrad })
}

#[derive(Deserialize)]
struct AdamOracle {
    amsgrad: bool,
    weight_decay: f64,
    path: Vec<[f32; 5]>,
}

#[test]
fn adam_follows_pytorch_step_by_step() {
    let oracles: Vec<AdamOracle> =
        serde_json::from_str(include_str!("../../../tests/reference/values/adam.json")).expect("valid values");
    assert_eq!(oracles.len(), 2);
    for oracle in oracles {
        let mut optimizer = Optimizer::new(&adam(oracle.amsgrad, oracle.weight_decay));
        let mut weight = Tensor::<1>::from_floats([0.5, -0.25, 0.0, 1.0, -2.0], &cpu());
        for (step, expected) in oracle.path.iter().enumerate() {
            let gradient = std::array::from_fn::<_, 5, _>(|at| {
                let (t, j) = (step as f64, at as f64);
                (0.8_f64.powf(t) * (t + j).sin() + 0.01 * j) as f32
            });
            optimizer.begin_step();
            let learning_rate = if step < 20 { 1e-2 } else { 2e-3 };
            let gradient = Tensor::from_floats(gradient, &cpu());
            weight = optimizer.update("w".to_owned(), weight, gradient, learning_rate);
            for (found, expected) in weights::values(weight.clone()).iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6, "step {step}: {found} is not {expected}");
            }
        }
    }
}

#[derive(Deserialize)]
struct TenLosses {
    learning_rate: f64,
    weight_decay: f64,
    dice_smooth: f64,
    logit_stride: usize,
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    patch: [usize; 3],
    pools: [usize; 3],
    features: Vec<usize>,
    channels: usize,
    classes: usize,
    batch: usize,
    dice: DiceScope,
    parameters: u64,
    losses: Vec<f64>,
    logits: Vec<f32>,
}

impl Case {
    fn network(&self, name: &str, precision: Precision, device: &Device) -> UNet {
        let config = configuration(self.patch, self.pools, &self.features);
        let network = Network { precision, ..network() };
        let config = UNetConfig::new(&config, &network, self.channels, self.classes);
        assert_eq!(config.topology.parameters(), self.parameters, "{name}");
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/reference/values/ten_losses_{name}.safetensors"));
        weights::load(init::zeros(&config, device), &path).expect("weights of the same network")
    }

    /// The batch of a step, by the formula of `tests/reference/ten_losses.py`.
    fn batch(&self, step: usize, device: &Device) -> (Tensor<5>, Tensor<4, Int>) {
        batch([self.batch, self.channels, self.classes], self.patch, step, device)
    }

    /// The loss before each of ten steps.
    fn losses(&self, name: &str, precision: Precision, oracle: &TenLosses) -> Vec<f64> {
        let device = cpu().autodiff();
        let settings = Loss::DiceCe(DiceCe { smooth: oracle.dice_smooth, include_background: false });
        let mut optimizer = Optimizer::new(&adam(true, oracle.weight_decay));
        let mut unet = self.network(name, precision, &device);
        let scale = LossScale::new(precision).map_or(1.0, |scale| scale.factor());
        let step = |step: usize| {
            let (images, labels) = self.batch(step, &device);
            let loss = loss::compute(unet.forward_all(images), labels, self.dice, &settings);
            let gradients = (loss.clone() * scale).backward();
            assert!(are_finite(&unet, &gradients).expect("the device works"), "{name}, step {step}");
            unet = optimizer.step(unet.clone(), gradients, oracle.learning_rate, Some(scale));
            f64::from(loss.into_scalar::<f32>())
        };
        (0..10).map(step).collect()
    }
}

/// Images and labels of a step, by the formula of `tests/reference/ten_losses.py`.
pub(super) fn batch(
    [samples, channels, classes]: [usize; 3],
    [z, y, x]: [usize; 3],
    step: usize,
    device: &Device,
) -> (Tensor<5>, Tensor<4, Int>) {
    let labels = (0..samples * z * y * x).map(|i| ((i / 5 + i / 64 + step) % classes) as i64).collect::<Vec<_>>();
    let labels = Tensor::from_data(TensorData::new(labels, [samples, z, y, x]), device);
    (wave([samples, channels, z, y, x], 0.37, step as f64, device), labels)
}

fn ten_losses() -> TenLosses {
    let values: TenLosses =
        serde_json::from_str(include_str!("../../../tests/reference/values/ten_losses.json")).expect("valid values");
    assert_eq!(values.cases.len(), 3);
    values
}

#[test]
fn the_first_logits_are_those_of_pytorch() {
    let oracle = ten_losses();
    for (name, case) in &oracle.cases {
        let logits = weights::values(case.network(name, Precision::F32, &cpu()).forward(case.batch(0, &cpu()).0));
        let sampled = logits.iter().step_by(oracle.logit_stride).collect::<Vec<_>>();
        assert_eq!(sampled.len(), case.logits.len(), "{name}");
        for (found, expected) in sampled.into_iter().zip(&case.logits) {
            assert!((found - expected).abs() < 1e-4, "{name}: {found} is not {expected}");
        }
    }
}

#[test]
fn ten_losses_are_those_of_pytorch() {
    let oracle = ten_losses();
    for (name, case) in &oracle.cases {
        let losses = case.losses(name, Precision::F32, &oracle);
        assert_eq!((losses.len(), case.losses.len()), (10, 10), "{name}");
        for (step, (found, expected)) in losses.into_iter().zip(&case.losses).enumerate() {
            let error = (found / expected - 1.0).abs();
            assert!(error < 1e-4, "{name}, step {step}: {found} is not {expected} (relative {error:.1e})");
        }
    }
}

/// `PyTorch` under `torch.autocast` differs from its own 32-bit losses by at most 0.011 (bf16) and 0.010 (f16).
#[test]
fn ten_losses_in_16_bits_are_close_to_those_in_32_bits() {
    let oracle = ten_losses();
    for (precision, tolerance) in [(Precision::Bf16, 0.02), (Precision::F16, 0.015)] {
        for (name, case) in &oracle.cases {
            let losses = case.losses(name, precision, &oracle);
            let differences = losses.iter().zip(&case.losses).map(|(found, expected)| (found - expected).abs());
            let largest = differences.fold(0.0, f64::max);
            assert!(largest < tolerance, "{name} in {precision:?}: off by {largest}, {losses:?}");
            assert!(largest > 1e-6, "{name} in {precision:?}: nothing was rounded to 16 bits");
        }
    }
}

#[test]
fn a_restored_optimiser_continues_bit_for_bit() {
    let device = cpu().autodiff();
    let settings = adam(true, 3e-5);
    let step = |optimizer: &mut Optimizer, unet: UNet, at: usize| {
        let gradients =
            unet.forward(wave([2, 1, 8, 16, 16], 0.37, at as f64, &device)).powi_scalar(2).mean().backward();
        optimizer.step(unet, gradients, 1e-3, None)
    };
    let mut optimizer = Optimizer::new(&settings);
    let unet = (0..3).fold(tiny(1, &device), |unet, at| step(&mut optimizer, unet, at));
    let (moments, weight) = (optimizer.to_host(), weights::to_host(&unet));
    assert_eq!(moments.len(), 3 * weight.len());

    let origin = Path::new("a checkpoint");
    let mut restored =
        Optimizer::from_host(&settings, optimizer.steps(), moments.clone(), &device, origin).expect("all moments");
    assert_eq!((restored.steps(), restored.to_host()), (3, moments));
    let copy = weights::from_host(tiny(2, &device), weight, origin).expect("the same shapes");
    let (unet, copy) = (step(&mut optimizer, unet, 3), step(&mut restored, copy, 3));
    assert_eq!(weights::to_host(&copy), weights::to_host(&unet));
    assert_eq!(restored.to_host(), optimizer.to_host());
}

#[test]
fn a_missing_moment_is_an_error() {
    let device = cpu().autodiff();
    let settings = adam(true, 0.0);
    let unet = tiny(1, &device);
    let gradients = unet.forward(wave([1, 1, 8, 16, 16], 0.37, 0.0, &device)).mean().backward();
    let mut optimizer = Optimizer::new(&settings);
    optimizer.step(unet, gradients, 1e-3, None);
    let mut moments = optimizer.to_host();
    moments.remove("second.head.weight").expect("each parameter has a second moment");
    let refused = Optimizer::from_host(&settings, 1, moments, &device, Path::new("cut")).expect_err("refused");
    let message = "missing tensor `second.head.weight` in `cut`; the file belongs to another network";
    assert_eq!(refused.to_string(), message);
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let settings = adam(true, 3e-5);
    let trained = || {
        let device = cpu().autodiff();
        let plan = configuration([16, 32, 32], [1, 2, 2], &[8, 16, 24]);
        let mut unet = build_unet(&plan, (1, 2), 5, &device);
        let mut optimizer = Optimizer::new(&settings);
        for step in 0..2 {
            let labels = Tensor::ones([2, 16, 32, 32], &device);
            let logits = unet.forward(wave([2, 1, 16, 32, 32], 0.37, f64::from(step), &device));
            let settings = Loss::DiceCe(DiceCe { smooth: 1e-5, include_background: false });
            let gradients = loss::compute(vec![logits], labels, DiceScope::Sample, &settings).backward();
            unet = optimizer.step(unet, gradients, 1e-3, None);
        }
        weights::to_host(&unet)
    };
    let threads = |count| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build().expect("threads");
        pool.install(trained)
    };
    let one = threads(1);
    assert_eq!(one, threads(2));
    assert_eq!(one, threads(5));
}
