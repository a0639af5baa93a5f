//! What the work that is left will cost: memory, disk and time, estimated.
//!
//! Memory and disk follow from the plan and the grids of all cases; memory is that of the largest ones. Time follows from the
//! epochs that the run has logged, where there are some; else from the arithmetic of the network and from how fast the device does
//! a part of it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::Serialize;

use crate::bench::{STEP_OVER_FORWARD, operations_per_second};
use crate::experiment::ExperimentError;
use crate::experiment::graph::grids::{Grid, of_plan};
use crate::experiment::graph::{Graph, Node, State, Work};
use crate::network::PlannedNetwork;
use crate::network::topology::Topology;
use crate::plan::load::LoadedPlan;
use crate::plan::schema::{Configuration, ConfigurationName, Plan};
use crate::predict::window::{mirrored_axes, starts};
use crate::run::Listener;
use crate::run::NetworkId;
use crate::run::folder::RunFolder;
use crate::run::log::read_epochs;
use crate::train::augment::loaded_size;
use crate::train::loader::batches_at_once;
use crate::train::optimizer;
use crate::volume::axes::slice_first;

/// Seconds on one core, measured on compressed files: reading a voxel of a channel with its mask and statistics; resampling it by
/// the third-order spline, per voxel of the largest volume on the way; writing a prepared voxel of a channel.
const READ_S_PER_VOXEL: f64 = 0.02e-6;
const RESAMPLE_S_PER_VOXEL: f64 = 0.02e-6;
const WRITE_S_PER_VOXEL: f64 = 0.01e-6;
/// Bytes of the process without any data: its code, threads and small allocations; measured.
const PROCESS_BYTES: u64 = 30 << 20;
/// Bytes that scoring holds of a voxel of a case: its labels, those that were predicted, masks, distances and a picture; measured.
const EVALUATE_BYTES_PER_VOXEL: u64 = 16;
/// Seconds that scoring takes for a voxel of the image on one core; measured, with pictures.
const EVALUATE_S_PER_VOXEL: f64 = 0.5e-6;
/// Bytes of a predicted label map for a voxel; measured, compressed.
const LABEL_BYTES_PER_VOXEL: f64 = 0.02;
/// Volumes of numbers at once on the way back to the image's grid: a class, the best so far, labels and winners at half their size.
const VOLUMES_BACK: u64 = 3;
/// Bytes of a 32-bit float.
const FLOAT: u64 = 4;
/// Bytes of a prepared label.
const LABEL: u64 = 2;

/// What a piece of work costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Memory that it holds at once, bytes.
    pub memory_bytes: u64,
    /// Disk that it fills, bytes.
    pub disk_bytes: u64,
    /// Time that it takes, seconds.
    pub seconds: f64,
}

impl Estimate {
    /// One after the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            disk_bytes: self.disk_bytes + other.disk_bytes,
            seconds: self.seconds + other.seconds,
        }
    }
}

impl Graph {
    /// Estimates all work that is not done.
    ///
    /// Where the run has logged no epoch of a configuration, the device is timed on a part of its network, for a second or two.
    ///
    /// # Errors
    ///
    /// When the device cannot be used.
    pub fn estimate(&mut self, loaded: &LoadedPlan, events: &dyn Listener) -> Result<(), ExperimentError> {
        let plan = &loaded.plan;
        let mut costs = BTreeMap::new();
        let (grids, known_from) = of_plan(loaded, &RunFolder { root: self.folder.clone() });
        for at in 0..self.nodes.len() {
            let Node { work, state, .. } = &self.nodes[at];
            if *state == State::Done {
                continue;
            }
            let names = match *work {
                Work::Prepare(name) => {
                    // Which does not need to know how fast the device is.
                    let cost = Cost::new(plan, name, &grids).prepare(state);
                    self.nodes[at].estimate = Some(cost);
                    continue;
                }
                Work::Train(id) | Work::Predict(id) | Work::HandOver(id) | Work::Evaluate(id) => vec![id.configuration],
                Work::Ensemble(id, second) => vec![id.configuration, second],
                Work::Measure => {
                    self.nodes[at].estimate = Some(measure(plan, &grids));
                    continue;
                }
                Work::Data | Work::Split | Work::Select => continue,
            };
            let mut of_all = Vec::new();
            for name in names {
                if let Entry::Vacant(unknown) = costs.entry(name) {
                    let (cost, basis) =
                        Cost::measured(plan, name, &grids, &RunFolder { root: self.folder.clone() }, events)?;
                    self.basis.push(basis);
                    unknown.insert(cost);
                }
                of_all.push(costs[&name].of_work(*work, state));
            }
            self.nodes[at].estimate = of_all.into_iter().reduce(Estimate::and);
        }
        if !costs.is_empty() {
            self.basis.push(format!(
                "All costs are estimates, from {known_from}: times without augmentation, and of all epochs that the plan allows, \
                 which training may not need. Memory is the peak, and counts prepared cases that are mapped from disk, whose \
                 pages the system takes back where it needs them."
            ));
        }
        Ok(())
    }
}

/// What measuring the data set costs.
fn measure(plan: &Plan, grids: &[Grid]) -> Estimate {
    let bytes = grids.iter().map(Grid::bytes_to_measure).collect();
    let voxels = |grid: &Grid| (grid.extent.shape.voxels() * grid.extent.channels) as f64;
    let seconds = side_by_side_s(grids.iter().map(|grid| voxels(grid) * READ_S_PER_VOXEL));
    Estimate { memory_bytes: PROCESS_BYTES + at_once(bytes, plan.runtime.memory_bytes()), disk_bytes: 0, seconds }
}

/// Bytes of the cases that are at hand at once: the largest ones, one per thread, as far as they may be. A case that may not be
/// at hand even alone is refused.
///
/// The allocator keeps freed blocks (`alloc`), which cases of other shapes do not use: up to a quarter more where there
/// are cases to come; measured.
fn at_once(mut bytes: Vec<u64>, limit: u64) -> u64 {
    bytes.retain(|&bytes| bytes <= limit);
    bytes.sort_unstable_by(|a, b| b.cmp(a));
    let sum = |cases: &[u64]| cases.iter().fold(0, |sum: u64, &bytes| sum.saturating_add(bytes)).min(limit);
    let (first, others) = bytes.split_at(rayon::current_num_threads().min(bytes.len()));
    sum(first).saturating_add(sum(others).min(sum(first) / 4))
}

/// Seconds of cases that are worked on side by side, one per thread: of all together, and no less than the longest takes.
fn side_by_side_s(cases: impl Iterator<Item = f64>) -> f64 {
    let (sum, longest) = cases.fold((0.0, 0.0_f64), |(sum, longest), case| (sum + case, longest.max(case)));
    longest.max(sum / rayon::current_num_threads() as f64)
}

/// What the work of one configuration costs.
struct Cost<'a> {
    plan: &'a Plan,
    network: PlannedNetwork<'a>,
    configuration: &'a Configuration,
    /// Grids of all training cases.
    grids: &'a [Grid],
    topology: Topology,
    /// Arithmetic of its convolutions that the device does in a second.
    operations_per_s: f64,
}

impl<'a> Cost<'a> {
    fn new(plan: &'a Plan, name: ConfigurationName, grids: &'a [Grid]) -> Self {
        let network = PlannedNetwork::new(plan, name);
        let (configuration, topology) = (network.configuration(), network.topology());
        // With one operation a second, seconds are operations.
        Self { plan, network, configuration, grids, topology, operations_per_s: 1.0 }
    }

    /// With the speed of the run's own epochs, or else of the device; and how that is known.
    fn measured(
        plan: &'a Plan,
        name: ConfigurationName,
        grids: &'a [Grid],
        folder: &RunFolder,
        events: &dyn Listener,
    ) -> Result<(Self, String), ExperimentError> {
        let mut cost = Self::new(plan, name, grids);
        let operations = cost.epoch_s();
        let seconds = logged_epochs(plan, name, folder);
        let basis;
        if seconds.is_empty() {
            events.say(&format!("{name}: timing the device"));
            cost.operations_per_s = operations_per_second(plan, name, events)?;
            basis = format!(
                "Times of {name}: from its arithmetic, at {:.1} GFLOP/s, just measured on `{}`.",
                cost.operations_per_s / 1e9,
                plan.runtime.device
            );
        } else {
            let median = seconds[seconds.len() / 2];
            cost.operations_per_s = operations / median;
            basis = format!("Times of {name}: from this run's epochs ({}), {median:.1} s each.", seconds.len());
        }
        Ok((cost, basis))
    }

    fn of_work(&self, work: Work, state: &State) -> Estimate {
        match work {
            Work::Prepare(_) => self.prepare(state),
            Work::Train(_) => self.train(state),
            Work::Predict(id) | Work::HandOver(id) | Work::Ensemble(id, _) => self.predict(id, state),
            Work::Evaluate(id) => self.evaluate(id, state),
            Work::Data | Work::Measure | Work::Split | Work::Select => {
                Estimate { memory_bytes: 0, disk_bytes: 0, seconds: 0.0 }
            }
        }
    }

    fn prepare(&self, state: &State) -> Estimate {
        let (plan, cases) = (self.plan, self.grids.len());
        let share = state.left(cases) as f64 / cases.max(1) as f64;
        let bytes = self.grids.iter().map(|grid| grid.bytes_to_prepare(plan, self.configuration)).collect();
        let seconds = side_by_side_s(self.grids.iter().map(|grid| self.prepare_s(grid)));
        Estimate {
            memory_bytes: PROCESS_BYTES + at_once(bytes, plan.runtime.memory_bytes()),
            disk_bytes: (share * self.prepared_bytes(1.0) as f64) as u64,
            seconds: share * seconds,
        }
    }

    /// Seconds on one core to prepare a case.
    fn prepare_s(&self, grid: &Grid) -> f64 {
        let channels = grid.extent.channels as f64;
        let (own, prepared) = (grid.extent.shape.voxels() as f64, grid.prepared(self.configuration).voxels() as f64);
        let resampled =
            if grid.is_resampled(self.configuration) { prepared.max(grid.cropped.voxels() as f64) } else { 0.0 };
        channels * (own * READ_S_PER_VOXEL + resampled * RESAMPLE_S_PER_VOXEL + prepared * WRITE_S_PER_VOXEL)
    }

    /// Bytes of a part of the prepared cases.
    fn prepared_bytes(&self, part: f64) -> u64 {
        let per_voxel = FLOAT * self.plan.data.channels.len() as u64 + LABEL;
        let voxels: u64 = self.grids.iter().map(|grid| grid.prepared(self.configuration).voxels() as u64).sum();
        (part * voxels.saturating_mul(per_voxel) as f64) as u64
    }

    fn train(&self, state: &State) -> Estimate {
        let train = &self.plan.train;
        // The final weights, and a checkpoint of the weights with the state of the optimiser.
        let copies = 2 + optimizer::state_tensors(&train.optimizer) as u64;
        let on_device = self.network.training_bytes();
        Estimate {
            memory_bytes: PROCESS_BYTES + on_device + self.loader_bytes() + self.mapped_bytes(state),
            disk_bytes: copies * FLOAT * self.topology.parameters(),
            seconds: state.left(train.max_epochs) as f64 * self.epoch_s(),
        }
    }

    /// Batches that wait or are made, and what is cut out of a case for a patch.
    fn loader_bytes(&self) -> u64 {
        let workers = rayon::current_num_threads();
        let channels = self.plan.data.channels.len() as u64;
        let patch = self.configuration.patch_size.voxels() as u64;
        let loaded = loaded_size(&self.plan.augment, self.configuration).voxels() as u64;
        let batch = self.configuration.batch_size as u64 * patch * (FLOAT * channels + FLOAT);
        // A patch with its positions in what is cut out.
        let scratch = (loaded + patch) * (FLOAT * channels + LABEL) + 3 * FLOAT * patch;
        // The batch at hand is copied to the device.
        (batches_at_once(workers) as u64 + 1) * batch + workers as u64 * scratch
    }

    /// Bytes of prepared cases that training maps: those that its patches have touched.
    fn mapped_bytes(&self, state: &State) -> u64 {
        let (train, configuration) = (&self.plan.train, self.configuration);
        let all = self.prepared_bytes(1.0) as f64;
        let loaded = loaded_size(&self.plan.augment, configuration).voxels() as u64;
        let patch_bytes = (loaded * (FLOAT * self.plan.data.channels.len() as u64 + LABEL)) as f64;
        let batches = state.left(train.max_epochs) * (train.batches_per_epoch + train.validation_batches_per_epoch);
        let drawn = (batches * configuration.batch_size) as f64 * patch_bytes;
        // Drawn with replacement.
        if all > 0.0 { (all * (1.0 - (-drawn / all).exp())) as u64 } else { 0 }
    }

    /// Held-out cases of a network that are not done.
    fn cases(&self, id: NetworkId, state: &State) -> f64 {
        let (cases, folds) = (self.plan.data.cases, self.plan.split.folds);
        state.left((cases + folds - 1 - id.fold) / folds) as f64
    }

    fn evaluate(&self, id: NetworkId, state: &State) -> Estimate {
        let voxels = self.plan.data.median_shape.iter().product::<f64>();
        let threads = rayon::current_num_threads() as f64;
        let seconds = self.cases(id, state) * voxels * EVALUATE_S_PER_VOXEL / threads;
        let bytes =
            self.grids.iter().map(|grid| grid.extent.shape.voxels() as u64 * EVALUATE_BYTES_PER_VOXEL).collect();
        Estimate { memory_bytes: PROCESS_BYTES + at_once(bytes, u64::MAX), disk_bytes: 0, seconds }
    }

    fn predict(&self, id: NetworkId, state: &State) -> Estimate {
        let (plan, configuration) = (self.plan, self.configuration);
        let cases = self.cases(id, state);
        let (patch, shape) = (configuration.patch_size, self.shape());
        let along =
            |axis: usize| starts(shape[axis].max(patch.0[axis]), patch.0[axis], plan.predict.tile_step_fraction).len();
        let passes = along(0) * along(1) * along(2) * mirrored_axes(patch, plan.predict.test_time_mirroring).len();
        Estimate {
            memory_bytes: PROCESS_BYTES
                + self.needed_to_predict()
                + self.topology.prediction_bytes(patch.0, configuration.batch_size),
            disk_bytes: (cases * plan.data.median_shape.iter().product::<f64>() * LABEL_BYTES_PER_VOXEL) as u64,
            seconds: cases * passes as f64 * self.forward_s(),
        }
    }

    /// A forward pass of one patch, seconds.
    fn forward_s(&self) -> f64 {
        2.0 * self.topology.multiply_adds(self.configuration.patch_size.0) as f64 / self.operations_per_s
    }

    /// An epoch: training steps, and forward passes of the validation batches; seconds.
    fn epoch_s(&self) -> f64 {
        let train = &self.plan.train;
        let passes = STEP_OVER_FORWARD * train.batches_per_epoch as f64 + train.validation_batches_per_epoch as f64;
        passes * self.configuration.batch_size as f64 * self.forward_s()
    }

    /// Bytes of images and probabilities of the largest case.
    fn needed_to_predict(&self) -> u64 {
        let (plan, limit) = (self.plan, self.plan.runtime.memory_bytes());
        let classes = plan.data.labels.len() as u64 + 1;
        let need = |grid: &Grid| {
            let prepared = grid.prepared(self.configuration).voxels() as u64;
            let image = FLOAT * plan.data.channels.len() as u64 * prepared;
            let back = FLOAT * VOLUMES_BACK * prepared.max(grid.extent.shape.voxels() as u64);
            let probabilities = FLOAT * classes * prepared;
            // Those that do not fit are on disk.
            if image + back + probabilities <= limit { image + back + probabilities } else { image + back }
        };
        self.grids.iter().map(need).filter(|&bytes| bytes <= limit).max().unwrap_or(0)
    }

    /// The median prepared case, voxels, the slice axis first.
    fn shape(&self) -> [usize; 3] {
        slice_first(self.configuration.slice_axis).map(|axis| self.configuration.median_shape.0[axis])
    }
}

/// Seconds of each epoch that the run has logged of a configuration, sorted.
fn logged_epochs(plan: &Plan, name: ConfigurationName, folder: &RunFolder) -> Vec<f64> {
    let folds = plan.run.seeds.iter().flat_map(|&seed| (0..plan.split.folds).map(move |fold| (seed, fold)));
    let logs = folds.filter_map(|(seed, fold)| read_epochs(&folder.fold(name.as_str(), seed, fold).epochs()).ok());
    let mut seconds: Vec<f64> = logs.flatten().map(|row| row.seconds).collect();
    seconds.sort_unstable_by(f64::total_cmp);
    seconds
}

/// Bytes in the unit that fits them.
pub(super) fn shown_bytes(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        _ if bytes >= 1e9 => format!("{:.1} GB", bytes / 1e9),
        _ if bytes >= 1e6 => format!("{:.0} MB", bytes / 1e6),
        _ => format!("{:.0} kB", (bytes / 1e3).ceil()),
    }
}

/// A time in the unit that fits it.
pub fn shown_time(seconds: f64) -> String {
    match seconds.max(0.0) {
        seconds if seconds >= 48.0 * 3600.0 => format!("{:.1} days", seconds / 86400.0),
        seconds if seconds >= 100.0 * 60.0 => format!("{:.1} h", seconds / 3600.0),
        seconds if seconds >= 100.0 => format!("{:.1} min", seconds / 60.0),
        seconds if seconds >= 10.0 => format!("{seconds:.0} s"),
        seconds => format!("{seconds:.1} s"),
    }
}
