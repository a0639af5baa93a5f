//! GPU backends against the CPU: equal logits, losses and gradients, and equal results of an interrupted and resumed training.
//!
//! Run with `cargo test --release --features wgpu --test parity`. The tests need a device of `wgpu`, and fail without one; a
//! software device is sufficient (Debian package `mesa-vulkan-drivers`), but compiling and autotuning kernels on it takes minutes.
//! `CUBECL_AUTOTUNE_LEVEL=minimal` shortens that.

#![cfg(feature = "wgpu")]
#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};
use segplan::device::open_device;
use segplan::experiment::{Options, Outcome, Stage, run};
use segplan::network::topology::Topology;
use segplan::network::{UNet, UNetConfig, init, weights};
use segplan::plan::read::load;
use segplan::plan::schema::{
    self, Adam, ConfigurationName, DiceCe, DiceScope, Downsampling, EncoderBlock, Loss, Network, Precision, Train,
};
use segplan::run::Listener;
use segplan::run::NetworkId;
use segplan::run::log::read_epochs;
use segplan::train::loss;
use segplan::train::optimizer::Optimizer;
use serde::Deserialize;

/// Maximum difference from the CPU, relative to the maximum absolute value.
const TOLERANCE: f64 = 1e-3;
/// The same between two trainings on one device, whose order of summation differs only in atomic additions.
const RESUMED: f64 = 1e-4;

/// The networks of `tests/reference/ten_losses.py`: 2D, 3D, and 3D with anisotropic pooling.
#[derive(Deserialize)]
struct TenLosses {
    learning_rate: f64,
    weight_decay: f64,
    dice_smooth: f64,
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
    losses: Vec<f64>,
}

/// Results of a network for its first batch.
struct Computed {
    logits: Vec<f32>,
    loss: f64,
    gradients: BTreeMap<String, Vec<f32>>,
}

fn ten_losses() -> TenLosses {
    serde_json::from_str(include_str!("reference/values/ten_losses.json")).unwrap()
}

fn open_gpu() -> Device {
    open_device("wgpu").unwrap_or_else(|error| panic!("{error}\ninstall a Vulkan driver, such as mesa-vulkan-drivers"))
}

impl Case {
    fn network(&self, name: &str, device: &Device) -> UNet {
        let depth = self.pools.into_iter().max().unwrap();
        let strides =
            (0..depth).map(|step| self.pools.map(|pools| if pools + step >= depth { 2 } else { 1 })).collect();
        let kernel = if self.patch[0] == 1 { [1, 3, 3] } else { [3; 3] };
        let topology = Topology {
            in_channels: self.channels,
            outputs: self.classes,
            kernels: vec![kernel; self.features.len()],
            encoder_blocks: vec![2; self.features.len()],
            decoder_blocks: vec![2; self.features.len() - 1],
            features: self.features.clone(),
            strides,
            block: EncoderBlock::Plain,
            downsampling: Downsampling::MaxPool,
            upsampling_bias: false,
            head_bias: false,
            deep_supervision: false,
        };
        let config = UNetConfig {
            topology,
            network: Network {
                leaky_relu_slope: 0.01,
                instance_norm_eps: 1e-5,
                block: EncoderBlock::Plain,
                downsampling: Downsampling::MaxPool,
                upsampling_bias: false,
                head_bias: false,
                deep_supervision: false,
                precision: Precision::F32,
            },
        };
        let file = format!("tests/reference/values/ten_losses_{name}.safetensors");
        weights::load(init::zeros(&config, device), &Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
    }

    fn batch(&self, step: usize, device: &Device) -> (Tensor<5>, Tensor<4, Int>) {
        let [z, y, x] = self.patch;
        let voxels = self.batch * z * y * x;
        let image = |i: usize| (0.37 * i as f64 + step as f64).sin() as f32;
        let images: Vec<f32> = (0..voxels * self.channels).map(image).collect();
        let labels: Vec<i64> = (0..voxels).map(|i| ((i / 5 + i / 64 + step) % self.classes) as i64).collect();
        (
            Tensor::from_data(TensorData::new(images, [self.batch, self.channels, z, y, x]), device),
            Tensor::from_data(TensorData::new(labels, [self.batch, z, y, x]), device),
        )
    }

    fn compute(&self, name: &str, device: &Device) -> Computed {
        let device = device.clone().autodiff();
        let network = self.network(name, &device);
        let (images, labels) = self.batch(0, &device);
        let logits = network.forward(images);
        let settings = Loss::DiceCe(DiceCe { smooth: 1e-5, include_background: false });
        let loss = loss::compute(vec![logits.clone()], labels, self.dice, &settings);
        let mut named = Named { gradients: &loss.backward(), path: Vec::new(), found: BTreeMap::new() };
        network.visit(&mut named);
        Computed { logits: values(logits), loss: loss.into_scalar(), gradients: named.found }
    }

    /// Losses before each of ten optimizer steps.
    fn losses(&self, name: &str, settings: &TenLosses, device: &Device) -> Vec<f64> {
        let device = device.clone().autodiff();
        let adam = schema::Optimizer::Adam(Adam { weight_decay: settings.weight_decay, amsgrad: true });
        let dice_ce = Loss::DiceCe(DiceCe { smooth: settings.dice_smooth, include_background: false });
        let (mut network, mut optimizer) = (self.network(name, &device), Optimizer::new(&adam));
        let step = |step: usize| {
            let (images, labels) = self.batch(step, &device);
            let loss = loss::compute(network.forward_all(images), labels, self.dice, &dice_ce);
            network = optimizer.step(network.clone(), loss.backward(), settings.learning_rate, None);
            loss.into_scalar::<f64>()
        };
        (0..self.losses.len()).map(step).collect()
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

/// Gradients by parameter name.
struct Named<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    found: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor for Named<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = param.val().grad(self.gradients).expect("every parameter has a gradient");
        self.found.insert(self.path.join("."), values(gradient));
    }
}

fn max_abs(values: &[f32]) -> f64 {
    values.iter().fold(0.0, |maximum, value| f64::max(maximum, f64::from(value.abs())))
}

/// Maximum absolute difference, relative to `scale`.
fn difference(found: &[f32], expected: &[f32], scale: f64) -> f64 {
    assert_eq!(found.len(), expected.len());
    let differences: Vec<f32> = found.iter().zip(expected).map(|(found, expected)| found - expected).collect();
    assert!(differences.iter().all(|value| value.is_finite()));
    max_abs(&differences) / scale
}

/// The scale of a gradient: its maximum absolute value. The gradient of a bias before a normalisation is 0 except for rounding;
/// its scale is that of the weight of the same convolution.
fn scale(parameter: &str, gradients: &BTreeMap<String, Vec<f32>>) -> f64 {
    match parameter.strip_suffix("conv.bias") {
        Some(block) => max_abs(&gradients[&format!("{block}conv.weight")]),
        None => max_abs(&gradients[parameter]),
    }
}

/// Compares logits, loss and all gradients of a network on the GPU with those on the CPU.
#[expect(clippy::print_stdout, reason = "the differences are shown with --nocapture")]
fn compare(name: &str) {
    let case = &ten_losses().cases[name];
    let (expected, found) = (case.compute(name, &open_device("cpu").unwrap()), case.compute(name, &open_gpu()));
    let logits = difference(&found.logits, &expected.logits, max_abs(&expected.logits));
    let loss = (found.loss / expected.loss - 1.0).abs();
    assert_eq!(found.gradients.len(), expected.gradients.len());
    let gradient = |(parameter, gradient): (&String, &Vec<f32>)| {
        (difference(&found.gradients[parameter], gradient, scale(parameter, &expected.gradients)), parameter.clone())
    };
    let differences: Vec<(f64, String)> = expected.gradients.iter().map(gradient).collect();
    let (worst, parameter) = differences.iter().max_by(|left, right| left.0.total_cmp(&right.0)).unwrap();
    println!(
        "{name}: logits differ by {logits:.1e}, loss by {loss:.1e}, {} gradients by at most {worst:.1e} ({parameter})",
        differences.len()
    );
    assert!(logits < TOLERANCE && loss < TOLERANCE && *worst < TOLERANCE);
}

#[test]
fn a_2d_network_computes_the_same_on_gpu_and_cpu() {
    compare("2d_batch");
}

#[test]
fn a_3d_network_computes_the_same_on_gpu_and_cpu() {
    compare("3d_sample");
}

#[test]
fn a_network_with_anisotropic_pooling_computes_the_same_on_gpu_and_cpu() {
    compare("anisotropic");
}

#[test]
fn ten_losses_on_the_gpu_equal_those_of_the_cpu_and_of_pytorch() {
    let (cpu, gpu) = (open_device("cpu").unwrap(), open_gpu());
    let settings = ten_losses();
    for (name, case) in &settings.cases {
        let (expected, found) = (case.losses(name, &settings, &cpu), case.losses(name, &settings, &gpu));
        assert_eq!(found.len(), 10);
        for (step, found) in found.iter().enumerate() {
            for (whose, expected) in [("the CPU's", expected[step]), ("PyTorch's", case.losses[step])] {
                let difference = (found / expected - 1.0).abs();
                assert!(
                    difference < TOLERANCE,
                    "{name}, step {step}: {found} instead of {whose} {expected} ({difference:.1e})"
                );
            }
        }
    }
}

/// Sets `stop` after a step.
struct StopAfter<'a> {
    epoch: usize,
    step: usize,
    stop: &'a AtomicBool,
}

impl Listener for StopAfter<'_> {
    fn step(&self, _: NetworkId, _: &Train, epoch: usize, step: usize, _: f64) {
        if (epoch, step) == (self.epoch + 1, self.step + 1) {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

/// A short training of the phantom on `wgpu`, interrupted after the given epoch and step. Kernels are autotuned once per process.
fn train_phantom(folder: &Path, name: &str, (epoch, step): (usize, usize)) -> Outcome {
    let runs = folder.join("runs");
    let set = [
        &format!("name=\"{name}\""),
        &format!("runtime.runs=\"{}\"", runs.display()),
        "runtime.device=wgpu",
        "train.max_epochs=3",
        "train.batches_per_epoch=4",
        "train.validation_batches_per_epoch=1",
        "configurations.3d_fullres.patch_size=[8, 16, 16]",
        "configurations.3d_fullres.pool_depths=[1, 1, 1]",
        "configurations.3d_fullres.features_per_stage=[4, 8]",
    ];
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/phantom.toml");
    let loaded = load(&plan, &set.map(str::to_owned)).unwrap();
    let stop = AtomicBool::new(false);
    let events = StopAfter { epoch, step, stop: &stop };
    let only = vec![ConfigurationName::FullRes];
    let options = Options { until: Stage::Train, configurations: only, folds: vec![0], keep_going: false };
    run(&loaded, &options, &events, &stop).unwrap()
}

#[test]
fn an_interrupted_training_resumes_with_the_same_results() {
    open_gpu();
    let folder = tempfile::tempdir().unwrap();
    let never = (usize::MAX, 0);
    assert!(matches!(train_phantom(folder.path(), "whole", never), Outcome::Done(_)));
    assert!(matches!(train_phantom(folder.path(), "stopped", (1, 1)), Outcome::Interrupted));
    assert!(matches!(train_phantom(folder.path(), "stopped", never), Outcome::Done(_)));

    let rows = |name: &str| {
        let fold = folder.path().join(format!("runs/{name}/3d_fullres/seed_12345/fold_0"));
        read_epochs(&fold.join("epochs.parquet")).unwrap()
    };
    let (whole, resumed) = (rows("whole"), rows("stopped"));
    assert_eq!((whole.len(), resumed.len()), (3, 3));
    for (whole, resumed) in whole.iter().zip(&resumed) {
        for (whole, resumed) in
            [(whole.train_loss, resumed.train_loss), (whole.validation_loss, resumed.validation_loss)]
        {
            let difference = (resumed / whole - 1.0).abs();
            assert!(difference < RESUMED, "{resumed} instead of {whole} ({difference:.1e})");
        }
    }
}
