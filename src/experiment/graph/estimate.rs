//! What the work that is left will cost: memory, disk and time, estimated.
//!
//! Memory and disk follow from the plan and the grids of all cases; memory is that of the largest ones. Time follows from the
//! epochs that the run has logged, where there are some; else from the arithmetic of the network and from how fast the device does
//! a part of it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::Serialize;

use crate::experiment::ExperimentError;
use crate::experiment::bench::{STEP_OVER_FORWARD, operations_per_second};
use crate::experiment::events::{Events, NetworkId};
use crate::experiment::graph::{Graph, Node, State, Work};
use crate::network::topology::Topology;
use crate::plan::schema::{Configuration, ConfigurationName, Plan};
use crate::predict::window::{mirrored_axes, starts};
use crate::preprocess::slice_first;
use crate::store::folder::RunFolder;
use crate::train::log::read_epochs;

/// Seconds that reading, resampling and normalising takes for a voxel and channel on one core; measured, third-order spline.
const PREPARE_S_PER_VOXEL: f64 = 0.1e-6;
/// Seconds that scoring takes for a voxel of the image on one core; measured, with pictures.
const EVALUATE_S_PER_VOXEL: f64 = 0.5e-6;
/// Bytes of a predicted label map for a voxel; measured, compressed.
const LABEL_BYTES_PER_VOXEL: f64 = 0.02;
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
    pub fn estimate(&mut self, plan: &Plan, events: &dyn Events) -> Result<(), ExperimentError> {
        let mut costs = BTreeMap::new();
        for at in 0..self.nodes.len() {
            let Node { work, state, .. } = &self.nodes[at];
            if *state == State::Done {
                continue;
            }
            let names = match *work {
                Work::Prepare(name) => {
                    // Which does not need to know how fast the device is.
                    let cost = Cost::new(plan, name).prepare(state);
                    self.nodes[at].estimate = Some(cost);
                    continue;
                }
                Work::Train(id) | Work::Predict(id) | Work::HandOver(id) | Work::Evaluate(id) => vec![id.configuration],
                Work::Ensemble(id, second) => vec![id.configuration, second],
                Work::Data | Work::Measure | Work::Split | Work::Select => continue,
            };
            let mut of_all = Vec::new();
            for name in names {
                if let Entry::Vacant(unknown) = costs.entry(name) {
                    let (cost, basis) = Cost::measured(plan, name, &RunFolder { root: self.folder.clone() }, events)?;
                    self.basis.push(basis);
                    unknown.insert(cost);
                }
                of_all.push(costs[&name].of_work(*work, state));
            }
            self.nodes[at].estimate = of_all.into_iter().reduce(Estimate::and);
        }
        if !costs.is_empty() {
            self.basis.push(
                "All costs are estimates: of median cases, without augmentation, and of all epochs that the plan allows, \
                 which training may not need."
                    .to_owned(),
            );
        }
        Ok(())
    }
}

/// What the work of one configuration costs.
struct Cost<'a> {
    plan: &'a Plan,
    configuration: &'a Configuration,
    topology: Topology,
    /// Arithmetic of its convolutions that the device does in a second.
    operations_per_s: f64,
}

impl<'a> Cost<'a> {
    fn new(plan: &'a Plan, name: ConfigurationName) -> Self {
        let configuration = &plan.configurations[&name];
        let topology = Topology::of(plan, name);
        // With one operation a second, seconds are operations.
        Self { plan, configuration, topology, operations_per_s: 1.0 }
    }

    /// With the speed of the run's own epochs, or else of the device; and how that is known.
    fn measured(
        plan: &'a Plan,
        name: ConfigurationName,
        folder: &RunFolder,
        events: &dyn Events,
    ) -> Result<(Self, String), ExperimentError> {
        let mut cost = Self::new(plan, name);
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
        let channels = self.plan.data.channels.len() as u64;
        let (voxels, cases) = (self.voxels(), state.left(self.plan.data.cases) as u64);
        let threads = rayon::current_num_threads() as u64;
        let at_once = threads * channels * voxels * 16;
        Estimate {
            memory_bytes: at_once.min(self.plan.runtime.memory_gib << 30),
            disk_bytes: cases * voxels * (FLOAT * channels + LABEL),
            seconds: (cases * voxels * channels) as f64 * PREPARE_S_PER_VOXEL / threads as f64,
        }
    }

    fn train(&self, state: &State) -> Estimate {
        let train = &self.plan.train;
        let configuration = self.configuration;
        // The weights, and a checkpoint of the weights with the moments of Adam.
        let copies = if train.amsgrad { 5 } else { 4 };
        Estimate {
            memory_bytes: self.topology.training_bytes(
                configuration.patch_size.0,
                configuration.batch_size,
                &self.plan.runtime.device,
            ),
            disk_bytes: copies * FLOAT * self.topology.parameters(),
            seconds: state.left(train.max_epochs) as f64 * self.epoch_s(),
        }
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
        Estimate { memory_bytes: (threads * voxels) as u64 * LABEL, disk_bytes: 0, seconds }
    }

    fn predict(&self, id: NetworkId, state: &State) -> Estimate {
        let (plan, configuration) = (self.plan, self.configuration);
        let cases = self.cases(id, state);
        let (patch, shape) = (configuration.patch_size, self.shape());
        let along = |axis: usize| starts(shape[axis].max(patch.0[axis]), patch.0[axis], plan.predict.step).len();
        let passes = along(0) * along(1) * along(2) * mirrored_axes(patch, plan.predict.mirror).len();
        let classes = plan.data.labels.len() as u64 + 1;
        Estimate {
            // The sum over windows, its mean, and the classes on the image's own grid.
            memory_bytes: 3 * FLOAT * classes * self.voxels() + FLOAT * self.topology.parameters(),
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
        let passes = STEP_OVER_FORWARD * train.batches as f64 + train.validation_batches as f64;
        passes * self.configuration.batch_size as f64 * self.forward_s()
    }

    /// The median prepared case, voxels, the slice axis first.
    fn shape(&self) -> [usize; 3] {
        slice_first(self.configuration.slice_axis).map(|axis| self.configuration.median_shape.0[axis])
    }

    fn voxels(&self) -> u64 {
        self.configuration.median_shape.voxels() as u64
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
