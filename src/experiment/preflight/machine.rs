//! The remaining work against the memory and the disk of this machine.

use std::collections::BTreeSet;

use crate::device::{Backend, DeviceName};
use crate::experiment::machine::{Gpu, Machine};
use crate::network::PlannedNetwork;
use crate::plan::read::Diagnostic;
use crate::plan::read::LoadedPlan;
use crate::plan::schema::{ConfigurationName, Plan};
use crate::units::{GIB, format_bytes};

/// Remaining work that needs memory or disk space.
#[derive(Debug, Default)]
pub(super) struct Remaining {
    /// Configurations with networks to train.
    pub(super) train: BTreeSet<ConfigurationName>,
    /// Whether cases are to be preprocessed.
    pub(super) preprocesses: bool,
    /// Disk space that the work fills, bytes.
    pub(super) disk_bytes: u64,
}

/// The memory that networks are trained in, bytes; `None` if unknown.
struct TrainingMemory {
    /// The machine or the GPU, for messages.
    owner: String,
    total: Option<u64>,
    free: Option<u64>,
}

pub(super) fn check_machine(
    loaded: &LoadedPlan,
    remaining: &Remaining,
    machine: &Machine,
    gpus: &[Gpu],
) -> Vec<Diagnostic> {
    let (plan, layers) = (&loaded.plan, &loaded.layers);
    let memory = training_memory(plan, machine, gpus);
    let mut faults: Vec<Diagnostic> =
        remaining.train.iter().filter_map(|&name| check_training_memory(loaded, name, &memory)).collect();
    let limit = plan.runtime.memory_bytes();
    if let Some(total) = machine.memory.filter(|&total| remaining.preprocesses && limit > total) {
        let (limit, has) = (format_bytes(limit), format_bytes(total));
        let message = format!("images may use {limit} of memory, and this machine has {has}");
        let help = format!("such as {}", (total / 2 / GIB).max(1));
        faults.push(layers.at_value("runtime.memory_gib", message, "too much").help(help).warning());
    }
    if let Some(free) = machine.disk_free.filter(|&free| remaining.disk_bytes > free) {
        let (needed, free) = (format_bytes(remaining.disk_bytes), format_bytes(free));
        let runs = plan.runtime.runs.display();
        let message = format!("the run needs about {needed} of disk space, and {free} are free for `{runs}`");
        let fault = layers.at_value("runtime.runs", message, "not enough disk space");
        faults.push(fault.help("use another folder: `--set runtime.runs=FOLDER`"));
    }
    faults
}

/// The memory of the plan's device; that of a GPU is known only for NVIDIA.
fn training_memory(plan: &Plan, machine: &Machine, gpus: &[Gpu]) -> TrainingMemory {
    let unknown = TrainingMemory { owner: String::new(), total: None, free: None };
    let Ok(DeviceName { backend, index }) = plan.runtime.device.parse() else { return unknown };
    match backend {
        Backend::Cpu => {
            TrainingMemory { owner: "this machine".to_owned(), total: machine.memory, free: machine.memory_free }
        }
        Backend::Cuda => match gpus.iter().find(|gpu| gpu.index == index.unwrap_or(0)) {
            None => unknown,
            Some(gpu) => TrainingMemory {
                owner: format!("`{}` ({})", plan.runtime.device, gpu.name),
                total: Some(gpu.memory),
                free: Some(gpu.memory_free),
            },
        },
        Backend::Wgpu | Backend::Vulkan => unknown,
    }
}

/// A fault if a network needs more memory than exists, a warning if it needs more than is free.
fn check_training_memory(loaded: &LoadedPlan, name: ConfigurationName, memory: &TrainingMemory) -> Option<Diagnostic> {
    let network = PlannedNetwork::new(&loaded.plan, name);
    let (batch_size, needed) = (network.configuration().batch_size, network.training_bytes());
    let total = memory.total?;
    let exceeds_total = needed > total;
    let available = if exceeds_total { total } else { memory.free.filter(|&free| needed > free)? };

    let key = format!("configurations.{name}.batch_size");
    let fitting = (1..batch_size).rev().find(|&batch| network.training_bytes_for(batch) <= available);
    let help = match fitting {
        Some(batch) => {
            let bytes = format_bytes(network.training_bytes_for(batch));
            format!("a batch of {batch} needs about {bytes}: `--set {key}={batch}`")
        }
        None if exceeds_total => "not even a batch of 1 fits: reduce `features_per_stage` or `patch_size`".to_owned(),
        None => "free some memory first".to_owned(),
    };
    let (owner, all) = (&memory.owner, format_bytes(total));
    let has = if exceeds_total { all } else { format!("{} free of {all}", format_bytes(available)) };
    let message = format!("training `{name}` needs about {}, and {owner} has {has}", format_bytes(needed));
    let fault = loaded.layers.at_value(&key, message, "batch too large").help(help);
    Some(if exceeds_total { fault } else { fault.warning() })
}
