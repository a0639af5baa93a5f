//! The cost of the work of one configuration.

use crate::bench::{STEP_OVER_FORWARD, measure_operations_per_second};
use crate::experiment::error::ExperimentError;
use crate::experiment::estimate::amount::{Estimate, parallel_bytes, parallel_seconds};
use crate::experiment::estimate::grids::Grid;
use crate::experiment::state::State;
use crate::experiment::work::Work;
use crate::network::PlannedNetwork;
use crate::network::topology::Topology;
use crate::plan::schema::{Configuration, ConfigurationName, Plan};
use crate::predict::tiles::count_passes;
use crate::run::folder::RunFolder;
use crate::run::log::read_epochs;
use crate::run::{Listener, NetworkId};
use crate::train::augment::loaded_size;
use crate::train::loader::batches_at_once;
use crate::train::optimizer;
use crate::units::counted;
use crate::volume::Shape;
use crate::volume::axes::slice_first;

/// Seconds per voxel on one core, measured on compressed files: reading a channel with its mask and statistics; resampling by the
/// third-order spline, per voxel of the largest intermediate volume; writing a preprocessed channel.
const READ_S_PER_VOXEL: f64 = 0.02e-6;
const RESAMPLE_S_PER_VOXEL: f64 = 0.02e-6;
const WRITE_S_PER_VOXEL: f64 = 0.01e-6;
/// Memory of the process without data: code, threads and small allocations; measured.
const PROCESS_BYTES: u64 = 30 << 20;
/// Memory of scoring per voxel of a case: both label maps, masks, distances and a picture; measured.
const EVALUATE_BYTES_PER_VOXEL: u64 = 16;
/// Seconds of scoring per voxel of a case on one core; measured, with pictures.
const EVALUATE_S_PER_VOXEL: f64 = 0.5e-6;
/// Bytes of a compressed label map per voxel; measured.
const LABEL_BYTES_PER_VOXEL: f64 = 0.02;
/// Float volumes held while probabilities are resampled to the image's grid: a class, the best so far, and labels and winners at
/// half the size each.
const VOLUMES_BACK: u64 = 3;
/// Bytes of a 32-bit float.
const FLOAT: u64 = 4;
/// Bytes of a preprocessed label.
const LABEL: u64 = 2;

/// The cost of the fingerprint.
pub(super) fn fingerprint_cost(plan: &Plan, grids: &[Grid]) -> Estimate {
    let bytes = grids.iter().map(Grid::bytes_to_measure).collect();
    let voxels = |grid: &Grid| (grid.extent.shape.voxels() * grid.extent.channels) as f64;
    let seconds = parallel_seconds(grids.iter().map(|grid| voxels(grid) * READ_S_PER_VOXEL));
    Estimate {
        memory_bytes: PROCESS_BYTES + parallel_bytes(bytes, plan.runtime.memory_bytes()),
        disk_bytes: 0,
        seconds,
    }
}

/// The cost of the work of one configuration.
pub(super) struct Cost<'a> {
    plan: &'a Plan,
    network: PlannedNetwork<'a>,
    configuration: &'a Configuration,
    /// Grids of all training cases.
    grids: &'a [Grid],
    topology: Topology,
    /// Operations of convolutions per second; 1 if the device was not timed.
    operations_per_s: f64,
}

impl<'a> Cost<'a> {
    /// Costs without a meaningful time.
    pub(super) fn untimed(plan: &'a Plan, name: ConfigurationName, grids: &'a [Grid]) -> Self {
        let network = PlannedNetwork::new(plan, name);
        let (configuration, topology) = (network.configuration(), network.topology());
        Self { plan, network, configuration, grids, topology, operations_per_s: 1.0 }
    }

    /// Costs with the speed of the run's own epochs, or else of the device; and a sentence about its source.
    pub(super) fn timed(
        plan: &'a Plan,
        name: ConfigurationName,
        grids: &'a [Grid],
        folder: &RunFolder,
        listener: &dyn Listener,
    ) -> Result<(Self, String), ExperimentError> {
        let mut cost = Self::untimed(plan, name, grids);
        let operations = cost.epoch_s();
        let seconds = logged_epochs(plan, name, folder);
        let basis;
        if seconds.is_empty() {
            listener.say(&format!("{name}: benchmarking the device"));
            cost.operations_per_s = measure_operations_per_second(plan, name, listener)?;
            basis = format!(
                "Times of {name} are based on its arithmetic at {:.1} GFLOP/s, as measured on `{}`.",
                cost.operations_per_s / 1e9,
                plan.runtime.device
            );
        } else {
            let median = seconds[seconds.len() / 2];
            cost.operations_per_s = operations / median;
            basis = format!(
                "Times of {name} are based on the {} that this run has logged, {median:.1} s per epoch.",
                counted(seconds.len(), "epoch")
            );
        }
        Ok((cost, basis))
    }

    /// The cost of the part of a piece of work that is not done.
    pub(super) fn of_work(&self, work: Work, state: &State) -> Estimate {
        match work {
            Work::Preprocess(_) => self.preprocess(state),
            Work::Train(_) => self.train(state),
            Work::Predict(id) | Work::PredictForCascade(id) | Work::Ensemble(id, _) => self.predict(id, state),
            Work::Evaluate(id) => self.evaluate(id, state),
            Work::Data | Work::Fingerprint | Work::Split | Work::Postprocess(_) | Work::Select => Estimate::default(),
        }
    }

    fn preprocess(&self, state: &State) -> Estimate {
        let (plan, cases) = (self.plan, self.grids.len());
        let fraction = state.remaining(cases) as f64 / cases.max(1) as f64;
        let bytes = self.grids.iter().map(|grid| grid.bytes_to_prepare(plan, self.configuration)).collect();
        let seconds = parallel_seconds(self.grids.iter().map(|grid| self.preprocess_s(grid)));
        Estimate {
            memory_bytes: PROCESS_BYTES + parallel_bytes(bytes, plan.runtime.memory_bytes()),
            disk_bytes: (fraction * self.prepared_bytes(1.0) as f64) as u64,
            seconds: fraction * seconds,
        }
    }

    /// Seconds to preprocess a case on one core.
    fn preprocess_s(&self, grid: &Grid) -> f64 {
        let channels = grid.extent.channels as f64;
        let (own, prepared) = (grid.extent.shape.voxels() as f64, grid.prepared(self.configuration).voxels() as f64);
        let resampled =
            if grid.is_resampled(self.configuration) { prepared.max(grid.cropped.voxels() as f64) } else { 0.0 };
        channels * (own * READ_S_PER_VOXEL + resampled * RESAMPLE_S_PER_VOXEL + prepared * WRITE_S_PER_VOXEL)
    }

    /// Size of a fraction of the preprocessed cases, bytes.
    fn prepared_bytes(&self, fraction: f64) -> u64 {
        let per_voxel = FLOAT * self.plan.data.channels.len() as u64 + LABEL;
        // A case that exceeds the memory limit is refused, so that it needs no space.
        let limit = self.plan.runtime.memory_bytes();
        let fits = |grid: &&Grid| grid.bytes_to_prepare(self.plan, self.configuration) <= limit;
        let voxels: u64 =
            self.grids.iter().filter(fits).map(|grid| grid.prepared(self.configuration).voxels() as u64).sum();
        (fraction * voxels.saturating_mul(per_voxel) as f64) as u64
    }

    fn train(&self, state: &State) -> Estimate {
        let train = &self.plan.train;
        // The weights, and a checkpoint with the weights and the state of the optimiser.
        let copies = 2 + optimizer::state_tensors(&train.optimizer) as u64;
        let on_device = self.network.training_bytes();
        Estimate {
            memory_bytes: PROCESS_BYTES + on_device + self.loader_bytes() + self.mapped_bytes(state),
            disk_bytes: copies * FLOAT * self.topology.parameters(),
            seconds: state.remaining(train.max_epochs) as f64 * self.epoch_s(),
        }
    }

    /// Memory of queued batches and of the patches that workers are making, bytes.
    fn loader_bytes(&self) -> u64 {
        let workers = rayon::current_num_threads();
        let channels = self.plan.data.channels.len() as u64;
        let patch = self.configuration.patch_size.voxels() as u64;
        let loaded = loaded_size(&self.plan.augment, self.configuration).voxels() as u64;
        let batch = self.configuration.batch_size as u64 * patch * (FLOAT * channels + FLOAT);
        // A patch, the region it is taken from, and sampling coordinates.
        let scratch = (loaded + patch) * (FLOAT * channels + LABEL) + 3 * FLOAT * patch;
        // One more batch is being copied to the device.
        (batches_at_once(workers) as u64 + 1) * batch + workers as u64 * scratch
    }

    /// Size of the mapped preprocessed cases that training touches, bytes.
    fn mapped_bytes(&self, state: &State) -> u64 {
        let (train, configuration) = (&self.plan.train, self.configuration);
        let all = self.prepared_bytes(1.0) as f64;
        let loaded = loaded_size(&self.plan.augment, configuration).voxels() as u64;
        let patch_bytes = (loaded * (FLOAT * self.plan.data.channels.len() as u64 + LABEL)) as f64;
        let batches =
            state.remaining(train.max_epochs) * (train.batches_per_epoch + train.validation_batches_per_epoch);
        let drawn = (batches * configuration.batch_size) as f64 * patch_bytes;
        // Drawn with replacement.
        if all > 0.0 { (all * (1.0 - (-drawn / all).exp())) as u64 } else { 0 }
    }

    /// Number of validation cases of a network that are not done.
    fn cases(&self, id: NetworkId, state: &State) -> f64 {
        let (cases, folds) = (self.plan.data.cases, self.plan.split.folds);
        state.remaining((cases + folds - 1 - id.fold) / folds) as f64
    }

    fn evaluate(&self, id: NetworkId, state: &State) -> Estimate {
        let voxels = self.plan.data.median_shape.iter().product::<f64>();
        let threads = rayon::current_num_threads() as f64;
        let seconds = self.cases(id, state) * voxels * EVALUATE_S_PER_VOXEL / threads;
        let bytes =
            self.grids.iter().map(|grid| grid.extent.shape.voxels() as u64 * EVALUATE_BYTES_PER_VOXEL).collect();
        Estimate { memory_bytes: PROCESS_BYTES + parallel_bytes(bytes, u64::MAX), disk_bytes: 0, seconds }
    }

    fn predict(&self, id: NetworkId, state: &State) -> Estimate {
        let (plan, configuration) = (self.plan, self.configuration);
        let cases = self.cases(id, state);
        let (patch, shape) = (configuration.patch_size, self.shape());
        let passes = count_passes(Shape(shape), patch, &plan.predict);
        Estimate {
            memory_bytes: PROCESS_BYTES
                + self.needed_to_predict()
                + self.topology.prediction_bytes(patch.0, configuration.batch_size),
            disk_bytes: (cases * plan.data.median_shape.iter().product::<f64>() * LABEL_BYTES_PER_VOXEL) as u64,
            seconds: cases * passes as f64 * self.forward_s(),
        }
    }

    /// Seconds of the forward pass of one patch.
    fn forward_s(&self) -> f64 {
        2.0 * self.topology.multiply_adds(self.configuration.patch_size.0) as f64 / self.operations_per_s
    }

    /// Seconds per epoch: training steps and forward passes of the validation batches.
    fn epoch_s(&self) -> f64 {
        let train = &self.plan.train;
        let passes = STEP_OVER_FORWARD * train.batches_per_epoch as f64 + train.validation_batches_per_epoch as f64;
        passes * self.configuration.batch_size as f64 * self.forward_s()
    }

    /// Memory of image and probabilities of the largest case, bytes.
    fn needed_to_predict(&self) -> u64 {
        let (plan, limit) = (self.plan, self.plan.runtime.memory_bytes());
        let outputs = plan.outputs() as u64;
        let need = |grid: &Grid| {
            let prepared = grid.prepared(self.configuration).voxels() as u64;
            let image = FLOAT * plan.data.channels.len() as u64 * prepared;
            let back = FLOAT * VOLUMES_BACK * prepared.max(grid.extent.shape.voxels() as u64);
            let outputs = FLOAT * outputs * prepared;
            // Outputs that do not fit are spilled to disk.
            if image + back + outputs <= limit { image + back + outputs } else { image + back }
        };
        self.grids.iter().map(need).filter(|&bytes| bytes <= limit).max().unwrap_or(0)
    }

    /// Shape of the median preprocessed case, voxels, slice axis first.
    fn shape(&self) -> [usize; 3] {
        slice_first(self.configuration.slice_axis).map(|axis| self.configuration.median_shape.0[axis])
    }
}

/// Seconds of each epoch that the run has logged for a configuration, sorted.
fn logged_epochs(plan: &Plan, name: ConfigurationName, folder: &RunFolder) -> Vec<f64> {
    let logs = NetworkId::all(plan, name).filter_map(|id| read_epochs(&folder.network(id).epochs()).ok());
    let mut seconds: Vec<f64> = logs.flatten().map(|row| row.seconds).collect();
    seconds.sort_unstable_by(f64::total_cmp);
    seconds
}
