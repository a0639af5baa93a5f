//! How fast the parts of an experiment are on this machine: each timed several times after a warm-up.

mod data;
mod error;
mod timings;

pub use self::timings::Timings;

use std::path::Path;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::RngExt as _;

use self::data::DataTimings;
pub use self::error::BenchError;
use crate::device::{DeviceError, open_device};
use crate::kernels::peak;
use crate::network::{PlannedNetwork, UNet};
use crate::plan::read::LoadedPlan;
use crate::plan::schema::{Configuration, ConfigurationName, Plan};
use crate::random::{Key, Purpose, stream};
use crate::run::dataset::{DataError, find_dataset};
use crate::run::{Listener, UnknownConfiguration};
use crate::store::read_text;
use crate::train::loss;
use crate::train::optimizer::Optimizer;

/// Backward passes of a convolution by input and by weight cost a forward pass each.
pub const STEP_OVER_FORWARD: f64 = 3.0;
/// Arithmetic of the forward pass on which a device is timed quickly, operations.
const QUICK_OPERATIONS: f64 = 4e9;

/// Times one configuration of a plan.
///
/// Training step and forward pass use random batches. The other three use the plan's data set; they are left out, and said
/// to be, where it is not on disk.
///
/// # Errors
///
/// An unknown device or configuration, or cases that cannot be read.
pub fn bench(
    loaded: &LoadedPlan,
    name: ConfigurationName,
    repetitions: usize,
    events: &dyn Listener,
) -> Result<Timings, BenchError> {
    let plan = &loaded.plan;
    let planned = PlannedNetwork::find(plan, name).ok_or_else(|| UnknownConfiguration::new(plan, name))?;
    let configuration = planned.configuration();
    let device = &open_device(&plan.runtime.device)?;
    let bench = Bench { plan, name, configuration, repetitions, device, events };
    let topology = planned.topology();
    let patch = configuration.patch_size;
    let operations = 2.0 * topology.multiply_adds(patch.0) as f64 * configuration.batch_size as f64;

    events.say("timing training step and forward pass");
    let key = Key { purpose: Purpose::Weights, seed: 0, counters: [0; 4] };
    let network = planned.init(&mut stream(key), &device.clone().autodiff());
    let inference = network.valid();
    let train_step_s = train_step(&bench, network);
    // An allocator keeps what it once had: this is the most that the steps needed, and its reserve.
    let device_bytes = device.memory_pool_usage().map(|usage| usage.bytes_reserved);
    let forward_s = forward(&bench, &inference);
    let with_data = match find_dataset(loaded, events) {
        Ok(dataset) => Some(DataTimings::measure(&bench, &inference, &dataset)?),
        // A data set that exists and cannot be used is a failure, not one that is not there.
        Err(absent @ (DataError::Missing { .. } | DataError::NoFolder)) => {
            events.say(&format!("preprocessing, loader and prediction are not timed: {absent}"));
            None
        }
        Err(unusable) => return Err(unusable.into()),
    };
    Ok(Timings {
        configuration: name,
        device: plan.runtime.device.clone(),
        threads: rayon::current_num_threads(),
        patch_size: patch.0,
        batch_size: configuration.batch_size,
        parameters: topology.parameters(),
        repetitions,
        train_step_s,
        forward_s,
        train_voxels_per_s: (patch.voxels() * configuration.batch_size) as f64 / train_step_s,
        train_gflops: STEP_OVER_FORWARD * operations / train_step_s / 1e9,
        forward_gflops: operations / forward_s / 1e9,
        peak_gflops: peak_gflops(&bench),
        preprocess_case_s: with_data.as_ref().map(|times| times.preprocess_case_s),
        loader_patches_per_s: with_data.as_ref().map(|times| times.loader_patches_per_s),
        predict_case_s: with_data.as_ref().map(|times| times.predict_case_s),
        predict_passes: with_data.as_ref().map(|times| times.predict_passes),
        peak_rss_bytes: peak_rss_bytes(),
        estimated_bytes: planned.training_bytes(),
        device_bytes,
    })
}

/// How much of a configuration's arithmetic the device does in a second, operations: quickly measured, by training steps on
/// a part of the batch, or of a single patch, that is a matter of a second or so.
///
/// # Errors
///
/// When the device cannot be used.
pub fn operations_per_second(plan: &Plan, name: ConfigurationName, events: &dyn Listener) -> Result<f64, DeviceError> {
    let device = &open_device(&plan.runtime.device)?;
    let planned = PlannedNetwork::new(plan, name);
    let mut configuration = planned.configuration().clone();
    let topology = planned.topology();
    let divisor = topology.divisor();
    let operations = |patch: [usize; 3]| 2.0 * topology.multiply_adds(patch) as f64;
    while operations(configuration.patch_size.0) > QUICK_OPERATIONS {
        let patch = &mut configuration.patch_size.0;
        let parts: [usize; 3] = std::array::from_fn(|axis| patch[axis] / divisor[axis]);
        // The axis that can be cut down most keeps at least two voxels at the bottom, for the normalisation.
        let Some(axis) = (0..3).filter(|&axis| parts[axis] > 2).max_by_key(|&axis| parts[axis]) else { break };
        patch[axis] = parts[axis].div_ceil(2) * divisor[axis];
    }
    let key = Key { purpose: Purpose::Weights, seed: 0, counters: [0; 4] };
    let network = planned.init(&mut stream(key), &device.clone().autodiff());
    let one = operations(configuration.patch_size.0);
    configuration.batch_size = ((QUICK_OPERATIONS / one) as usize).clamp(1, configuration.batch_size);
    let operations = one * configuration.batch_size as f64;
    let bench = Bench { plan, name, configuration: &configuration, repetitions: 2, device, events };
    Ok(STEP_OVER_FORWARD * operations / train_step(&bench, network))
}

/// What is timed, and how often.
#[derive(Clone, Copy)]
struct Bench<'a> {
    plan: &'a Plan,
    name: ConfigurationName,
    configuration: &'a Configuration,
    repetitions: usize,
    device: &'a Device,
    events: &'a dyn Listener,
}

/// A random batch: images `[b, c, z, y, x]` and labels `[b, z, y, x]`.
fn random_batch(bench: &Bench<'_>, device: &Device) -> (Tensor<5>, Tensor<4, Int>) {
    let mut rng = stream(Key { purpose: Purpose::TrainingPatch, seed: 0, counters: [0; 4] });
    let [z, y, x] = bench.configuration.patch_size.0;
    let (batch, channels) = (bench.configuration.batch_size, bench.plan.input_channels(bench.name));
    let classes = bench.plan.data.labels.len() as i32 + 1;
    let voxels = batch * z * y * x;
    let images: Vec<f32> = (0..voxels * channels).map(|_| rng.random_range(-1.0..1.0)).collect();
    let labels: Vec<i32> = (0..voxels).map(|_| rng.random_range(0..classes)).collect();
    (
        Tensor::from_data(TensorData::new(images, [batch, channels, z, y, x]), device),
        Tensor::from_data(TensorData::new(labels, [batch, z, y, x]), device),
    )
}

fn forward(bench: &Bench<'_>, network: &UNet) -> f64 {
    let (images, _) = random_batch(bench, bench.device);
    median(bench.repetitions, || {
        // Reading one value back waits for the whole pass on devices that work ahead.
        std::hint::black_box(network.forward(images.clone()).sum().into_scalar::<f32>());
    })
}

fn train_step(bench: &Bench<'_>, network: UNet) -> f64 {
    let (images, labels) = random_batch(bench, &bench.device.clone().autodiff());
    let mut optimizer = Optimizer::new(&bench.plan.train.optimizer);
    let mut network = Some(network);
    median(bench.repetitions, || {
        let Some(before) = network.take() else { return };
        let logits = before.forward(images.clone());
        let loss = loss::compute(logits, labels.clone(), bench.configuration.dice_scope(), &bench.plan.loss);
        let value = loss.clone().inner();
        network = Some(optimizer.step(before, loss.backward(), bench.plan.train.learning_rate, None));
        // Waits for the whole step; a failure is told by the number that is read.
        let _ = bench.device.sync();
        std::hint::black_box(value.into_scalar::<f32>());
    })
}

/// What a product of two matrices reaches, or on the CPU multiply-adds in registers, 10⁹ operations a second.
fn peak_gflops(bench: &Bench<'_>) -> f64 {
    const EDGE: usize = 1536;
    let matrix = || Tensor::<2>::ones([EDGE, EDGE], bench.device);
    let (left, right) = (matrix(), matrix());
    let seconds = median(bench.repetitions, || {
        std::hint::black_box(left.clone().matmul(right.clone()).sum().into_scalar::<f32>());
    });
    let product = 2.0 * (EDGE as f64).powi(3) / seconds / 1e9;
    let is_cpu = PlannedNetwork::new(bench.plan, bench.name).backend().is_cpu();
    if is_cpu { (0..bench.repetitions).map(|_| peak::measure_gflops()).fold(product, f64::max) } else { product }
}

/// Median time of some repetitions after one that is not counted, seconds.
fn median(repetitions: usize, mut work: impl FnMut()) -> f64 {
    work();
    let mut times: Vec<f64> = (0..repetitions.max(1))
        .map(|_| {
            let begun = Instant::now();
            work();
            begun.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Most memory that the process has held so far, bytes.
fn peak_rss_bytes() -> Option<u64> {
    let status = read_text(Path::new("/proc/self/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}
