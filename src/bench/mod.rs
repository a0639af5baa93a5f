//! How fast this machine is with a plan: each part of a run is timed several times after a warm-up.

mod compute;
mod data;
mod error;
mod setup;
mod speed;
mod timings;

use std::path::Path;

use burn::module::Module;

pub use self::compute::STEP_OVER_FORWARD;
pub use self::error::BenchError;
pub use self::speed::measure_operations_per_second;
pub use self::timings::Timings;

use self::compute::{measure_peak_gflops, time_forward, time_train_step};
use self::data::DataTimings;
use self::setup::Setup;
use crate::device::open_device;
use crate::network::PlannedNetwork;
use crate::plan::check::trainable::check_trainable;
use crate::plan::read::LoadedPlan;
use crate::plan::schema::ConfigurationName;
use crate::random::{Key, Purpose, stream};
use crate::run::dataset::{DataError, find_dataset};
use crate::run::{Listener, UnknownConfiguration};
use crate::store::read_text;

/// Times one configuration of a plan.
///
/// Training step and forward pass use random batches. Preprocessing, loader and prediction use the plan's data set; without it they are
/// not timed, and a message reports that.
///
/// # Errors
///
/// If the plan cannot be trained, device or configuration do not exist, or cases cannot be read.
pub fn bench(
    loaded: &LoadedPlan,
    name: ConfigurationName,
    repetitions: usize,
    listener: &dyn Listener,
) -> Result<Timings, BenchError> {
    check_trainable(loaded)?;
    let plan = &loaded.plan;
    let planned = PlannedNetwork::find(plan, name).ok_or_else(|| UnknownConfiguration::new(plan, name))?;
    let configuration = planned.configuration();
    let device = &open_device(&plan.runtime.device)?;
    let setup = Setup { plan, name, configuration, repetitions, device, listener };
    let topology = planned.topology();
    let patch = configuration.patch_size;
    let operations = 2.0 * topology.multiply_adds(patch.0) as f64 * configuration.batch_size as f64;

    listener.say("timing training step and forward pass");
    let key = Key { purpose: Purpose::Weights, seed: 0, counters: [0; 4] };
    let network = planned.init(&mut stream(key), &device.clone().autodiff());
    let inference = network.valid();
    let train_step_s = time_train_step(&setup, network);
    // The allocator keeps its memory: this is the peak of the steps, and its reserve.
    let device_bytes = device.memory_pool_usage().map(|usage| usage.bytes_reserved);
    let forward_s = time_forward(&setup, &inference);
    let with_data = match find_dataset(loaded, listener) {
        Ok(dataset) => Some(DataTimings::measure(&setup, &inference, &dataset)?),
        // A data set that exists but cannot be used is an error.
        Err(absent @ (DataError::Missing { .. } | DataError::NoFolder)) => {
            listener.say(&format!("preprocessing, loader and prediction are not timed: {absent}"));
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
        peak_gflops: measure_peak_gflops(&setup),
        preprocess_case_s: with_data.as_ref().map(|times| times.preprocess_case_s),
        loader_patches_per_s: with_data.as_ref().map(|times| times.loader_patches_per_s),
        predict_case_s: with_data.as_ref().map(|times| times.predict_case_s),
        predict_passes: with_data.as_ref().map(|times| times.predict_passes),
        peak_rss_bytes: peak_rss_bytes(),
        estimated_bytes: planned.training_bytes(),
        device_bytes,
    })
}

/// Peak resident memory of the process, bytes.
fn peak_rss_bytes() -> Option<u64> {
    let status = read_text(Path::new("/proc/self/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}
