//! How fast the parts of an experiment are on this machine: each timed several times after a warm-up.

use std::path::Path;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::RngExt as _;
use serde::Serialize;

use crate::dataset::{Case, Dataset};
use crate::device::device;
use crate::experiment::events::Events;
use crate::experiment::{ExperimentError, data};
use crate::network::topology::Topology;
use crate::network::{UNet, UNetConfig};
use crate::plan::digest::stage_digests;
use crate::plan::schema::{Configuration, ConfigurationName, Plan};
use crate::predict::memory::Room;
use crate::predict::{Member, Predictor, labels};
use crate::preprocess::cache::{PreparedCase, prepare_all};
use crate::preprocess::prepare;
use crate::random::{Key, Purpose, stream};
use crate::store::folder::{FoldFolder, prepared_folder};
use crate::store::read_text;
use crate::train::Job;
use crate::train::loader::for_each_batch;
use crate::train::loss::dice_ce;
use crate::train::optimizer::Optimizer;
use crate::train::patches::{Patches, Set};
use crate::volume::nifti::{NiftiError, read_header, read_image, read_labels};

/// Backward passes of a convolution by input and by weight cost a forward pass each.
const STEP_OVER_FORWARD: f64 = 3.0;

/// What was measured of one configuration. Times are medians, seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timings {
    /// The configuration.
    pub configuration: ConfigurationName,
    /// The device.
    pub device: String,
    /// Threads.
    pub threads: usize,
    /// Patch, voxels, `[z, y, x]`.
    pub patch_size: [usize; 3],
    /// Patches in a batch.
    pub batch_size: usize,
    /// Trainable numbers of the network.
    pub parameters: u64,
    /// Times that each was measured after one warm-up; the medians are reported.
    pub repetitions: usize,
    /// Forward, loss, backward and Adam, on one batch.
    pub train_step_s: f64,
    /// Forward pass without gradients, on one batch.
    pub forward_s: f64,
    /// Voxels of patches that a training step takes in a second.
    pub train_voxels_per_s: f64,
    /// Arithmetic of the convolutions in a training step, 10⁹ operations a second.
    pub train_gflops: f64,
    /// Arithmetic of the convolutions in a forward pass, 10⁹ operations a second.
    pub forward_gflops: f64,
    /// What a product of two matrices reaches on this device, 10⁹ operations a second.
    pub peak_gflops: f64,
    /// Reading, cropping, resampling and normalising one case; absent without the data set.
    pub preprocess_case_s: Option<f64>,
    /// Augmented training patches a second that the loader makes with nothing else running; absent without the data set.
    pub loader_patches_per_s: Option<f64>,
    /// Prediction of one case, mirrored and back on its own grid; absent without the data set.
    pub predict_case_s: Option<f64>,
    /// Most memory that the process has held so far, bytes; absent where the system does not tell.
    pub peak_rss_bytes: Option<u64>,
    /// Memory that a training step is estimated to take, bytes.
    pub estimated_bytes: u64,
    /// Memory that the device's allocator holds after the training steps, bytes; absent where the backend does not tell.
    pub device_bytes: Option<u64>,
}

/// Times one configuration of a plan.
///
/// Training step and forward pass use random batches. The other three use the plan's data set; they are left out, and said
/// to be, where it is not on disk.
///
/// # Errors
///
/// An unknown device or configuration, or cases that cannot be read.
pub fn bench(
    plan: &Plan,
    name: ConfigurationName,
    repetitions: usize,
    events: &dyn Events,
) -> Result<Timings, ExperimentError> {
    let configuration =
        plan.configurations.get(&name).ok_or_else(|| ExperimentError::unknown_configuration(plan, name))?;
    let device = &device(&plan.runtime.device)?;
    let bench = Bench { plan, name, configuration, repetitions, device, events };
    let topology = Topology::of(plan, name);
    let patch = configuration.patch_size;
    let operations = 2.0 * topology.multiply_adds(patch.0) as f64 * configuration.batch_size as f64;

    events.say("timing training step and forward pass");
    let key = Key { purpose: Purpose::Weights, seed: 0, counters: [0; 4] };
    let network = UNetConfig::of_plan(plan, name).init(&mut stream(key), &device.clone().autodiff());
    let inference = network.valid();
    let train_step_s = train_step(&bench, network);
    // An allocator keeps what it once had: this is the most that the steps needed, and its reserve.
    let device_bytes = device.memory_pool_usage().map(|usage| usage.bytes_reserved);
    let forward_s = forward(&bench, &inference);
    let with_data = match data::find(plan, events) {
        Ok(_) if name == ConfigurationName::Cascade => {
            events.say("preprocessing, loader and prediction are not timed: they need the cascade's first stage");
            None
        }
        Ok(dataset) => Some(DataTimings::measure(&bench, &inference, &dataset)?),
        Err(absent) => {
            events.say(&format!("preprocessing, loader and prediction are not timed: {absent}"));
            None
        }
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
        peak_gflops: peak(&bench),
        preprocess_case_s: with_data.as_ref().map(|times| times.preprocess_case_s),
        loader_patches_per_s: with_data.as_ref().map(|times| times.loader_patches_per_s),
        predict_case_s: with_data.as_ref().map(|times| times.predict_case_s),
        peak_rss_bytes: peak_rss_bytes(),
        estimated_bytes: topology.training_bytes(patch.0, configuration.batch_size),
        device_bytes,
    })
}

/// What is timed, and how often.
#[derive(Clone, Copy)]
struct Bench<'a> {
    plan: &'a Plan,
    name: ConfigurationName,
    configuration: &'a Configuration,
    repetitions: usize,
    device: &'a Device,
    events: &'a dyn Events,
}

/// Times that need the data set.
#[expect(clippy::struct_field_names, reason = "the unit is part of the name")]
struct DataTimings {
    preprocess_case_s: f64,
    loader_patches_per_s: f64,
    predict_case_s: f64,
}

impl DataTimings {
    fn measure(bench: &Bench<'_>, network: &UNet, dataset: &Dataset) -> Result<Self, ExperimentError> {
        let folder = prepared_folder(&bench.plan.runtime.runs, &stage_digests(bench.plan, bench.name).preprocess);
        bench.events.begin("preparing cases", dataset.training.len());
        let made = prepare_all(dataset, bench.plan, bench.configuration, &folder, &|| bench.events.advance());
        bench.events.end();
        made?;
        bench.events.say("timing preprocessing, loader and prediction");
        let cases: Vec<PreparedCase> =
            dataset.training.iter().map(|case| PreparedCase::open(&folder, &case.id)).collect::<Result<_, _>>()?;
        Ok(Self {
            preprocess_case_s: preprocess_case(bench, &dataset.training[0])?,
            loader_patches_per_s: loader(bench, &cases),
            predict_case_s: predict_case(bench, network, &cases[0], dataset)?,
        })
    }
}

fn preprocess_case(bench: &Bench<'_>, case: &Case) -> Result<f64, ExperimentError> {
    let once = || -> Result<(), NiftiError> {
        let image = read_image(&case.images)?;
        let labels = case.labels.as_deref().map(read_labels).transpose()?;
        std::hint::black_box(prepare(&image, labels.as_ref(), &bench.plan.preprocess, bench.configuration));
        Ok(())
    };
    once().map_err(|source| ExperimentError::Nifti { case: case.id.clone(), source })?;
    Ok(median(bench.repetitions, || {
        let _ = std::hint::black_box(once());
    }))
}

fn loader(bench: &Bench<'_>, cases: &[PreparedCase]) -> f64 {
    let folder = FoldFolder { root: std::path::PathBuf::new() };
    let job = Job {
        plan: bench.plan,
        name: bench.name,
        configuration: bench.configuration,
        fold: 0,
        seed: 0,
        training: cases,
        validation: cases,
        folder: &folder,
        digest: "",
        device: bench.device,
        workers: rayon::current_num_threads(),
    };
    let patches = Patches::new(&job, Set::Training, 0);
    let batches = bench.repetitions + 1;
    let mut begun = Instant::now();
    let done = for_each_batch(0..batches, job.workers, &|step| patches.batch(step), |step, _| {
        if step == 0 {
            begun = Instant::now();
        }
        Ok::<(), std::convert::Infallible>(())
    });
    let Ok(()) = done;
    (bench.repetitions * bench.configuration.batch_size) as f64 / begun.elapsed().as_secs_f64()
}

fn predict_case(
    bench: &Bench<'_>,
    network: &UNet,
    case: &PreparedCase,
    dataset: &Dataset,
) -> Result<f64, ExperimentError> {
    let path = &dataset.training[0].images[0];
    let header = read_header(path).map_err(|source| ExperimentError::Nifti { case: case.id.clone(), source })?;
    let networks = [network.clone()];
    let predictor =
        Predictor { plan: bench.plan, configuration: bench.configuration, networks: &networks, device: bench.device };
    let room = Room { bytes: usize::MAX, scratch: &dataset.folder };
    Ok(median(bench.repetitions, || {
        let member = Member { predictor: &predictor, image: case.image(), placement: &case.placement };
        let _ = std::hint::black_box(labels(&[member], header.geometry.spacing, &room, None));
    }))
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
    let mut optimizer = Optimizer::new(&bench.plan.train);
    let mut network = Some(network);
    median(bench.repetitions, || {
        let Some(before) = network.take() else { return };
        let logits = before.forward(images.clone());
        let loss = dice_ce(logits, labels.clone(), bench.configuration.dice, &bench.plan.loss);
        let value = loss.clone().inner();
        network = Some(optimizer.step(before, loss.backward(), bench.plan.train.learning_rate));
        // Waits for the whole step; a failure is told by the number that is read.
        let _ = bench.device.sync();
        std::hint::black_box(value.into_scalar::<f32>());
    })
}

/// What a product of two matrices reaches, 10⁹ operations a second.
fn peak(bench: &Bench<'_>) -> f64 {
    const EDGE: usize = 1536;
    let matrix = || Tensor::<2>::ones([EDGE, EDGE], bench.device);
    let (left, right) = (matrix(), matrix());
    let seconds = median(bench.repetitions, || {
        std::hint::black_box(left.clone().matmul(right.clone()).sum().into_scalar::<f32>());
    });
    2.0 * (EDGE as f64).powi(3) / seconds / 1e9
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

impl Timings {
    /// The timings as text, for a terminal.
    pub fn table(&self) -> String {
        let seconds = |value: f64| format!("{value:.4} s");
        let mebibytes = |bytes: u64| format!("{} MiB", bytes >> 20);
        let or_not = |value: Option<String>| value.unwrap_or_else(|| "not timed".to_owned());
        let share =
            |gflops: f64| format!("{gflops:.0} GFLOP/s, {:.0} % of the peak", 100.0 * gflops / self.peak_gflops);
        let [z, y, x] = self.patch_size;
        let rows = [
            ("configuration", format!("{}, patch {z} × {y} × {x}, batch {}", self.configuration, self.batch_size)),
            ("device", format!("{}, {} threads", self.device, self.threads)),
            ("parameters", self.parameters.to_string()),
            ("peak (matrix product)", format!("{:.0} GFLOP/s", self.peak_gflops)),
            ("training step", format!("{} ({})", seconds(self.train_step_s), share(self.train_gflops))),
            ("forward pass", format!("{} ({})", seconds(self.forward_s), share(self.forward_gflops))),
            ("training voxels", format!("{:.3} million a second", self.train_voxels_per_s / 1e6)),
            ("preprocessing a case", or_not(self.preprocess_case_s.map(seconds))),
            ("loader", or_not(self.loader_patches_per_s.map(|rate| format!("{rate:.1} patches a second")))),
            ("predicting a case", or_not(self.predict_case_s.map(seconds))),
            ("peak memory", or_not(self.peak_rss_bytes.map(mebibytes))),
            ("memory of the device", or_not(self.device_bytes.map(mebibytes))),
            ("estimated to train", mebibytes(self.estimated_bytes)),
        ];
        let lines: Vec<String> = rows.into_iter().map(|(name, value)| format!("{name:<24}{value}")).collect();
        lines.join("\n")
    }
}
