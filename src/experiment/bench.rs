//! How fast the parts of an experiment are on this machine: each timed several times after a warm-up.

use std::time::Instant;

use burn::module::AutodiffModule;
use burn::tensor::{Device, Int, Tensor, TensorData};
use serde::Serialize;

use crate::dataset::{CaseId, Dataset};
use crate::device::device;
use crate::experiment::events::{Events, NetworkId};
use crate::experiment::{ExperimentError, data};
use crate::network::topology::Topology;
use crate::network::{UNet, UNetConfig};
use crate::plan::schema::{Configuration, ConfigurationName, Plan};
use crate::predict::Predictor;
use crate::preprocess::cache::{PreparedCase, prepare_all};
use crate::preprocess::prepare;
use crate::random::{Key, Purpose, stream};
use crate::store::folder::FoldFolder;
use crate::train::Job;
use crate::train::loader::for_each_batch;
use crate::train::loss::dice_ce;
use crate::train::optimizer::Optimizer;
use crate::train::patches::{Patches, Set};
use crate::volume::nifti::{read_image, read_labels};

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
    let configuration = plan.configurations.get(&name).ok_or_else(|| ExperimentError::unknown(plan, name))?;
    let device = device(&plan.runtime.device)?;
    let (channels, classes) = (plan.data.channels.len(), plan.data.labels.len() + 1);
    let topology = Topology::new(configuration, channels, classes);
    let patch = configuration.patch_size;
    let operations = 2.0 * topology.multiply_adds(patch.0) as f64 * configuration.batch_size as f64;

    events.say("timing training step and forward pass");
    let network = UNetConfig::new(configuration, &plan.network, channels, classes);
    let key = Key { purpose: Purpose::Weights, seed: 0, counters: [0; 4] };
    let network = network.init(&mut stream(key), &device.clone().autodiff());
    let forward_s = forward(&network.valid(), configuration, channels, repetitions, &device);
    let train_step_s = train_step(network.clone(), plan, configuration, repetitions, &device);
    let peak_gflops = peak(repetitions, &device);
    let with_data = match data::find(plan, events) {
        Ok(dataset) => Some(DataTimings::measure(plan, name, &network.valid(), &dataset, repetitions, &device, events)?),
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
        peak_gflops,
        preprocess_case_s: with_data.as_ref().map(|times| times.preprocess_case_s),
        loader_patches_per_s: with_data.as_ref().map(|times| times.loader_patches_per_s),
        predict_case_s: with_data.as_ref().map(|times| times.predict_case_s),
        peak_rss_bytes: peak_rss_bytes(),
    })
}
