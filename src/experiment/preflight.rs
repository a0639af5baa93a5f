//! What is checked before anything runs: the plan against this build, this data set and this machine, all faults at once.

mod size;

use std::collections::BTreeMap;

use burn::tensor::Device;

pub use self::size::cases_fit;
pub(super) use self::size::unprepared;
use crate::dataset::{CaseId, Dataset};
use crate::device::{Backend, DeviceError, DeviceName, open_device};
use crate::experiment::machine::{Card, Machine, cards, gib};
use crate::experiment::splits::{self, SplitError};
use crate::experiment::{ExperimentError, machine};
use crate::network::{PlannedNetwork, float_dtype};
use crate::plan::compare::stage_digests;
use crate::plan::read::{Diagnostic, PlanError};
use crate::plan::read::LoadedPlan;
use crate::plan::compare::overrides;
use crate::plan::schema::{ConfigurationName, Plan, Precision};
use crate::run::Listener;
use crate::run::NetworkId;
use crate::run::folder::{RunFolder, prepared_folder};
use crate::run::{NetworkState, RunFileError};
use crate::units::{counted, shell_word};

/// Bytes of a voxel of a prepared channel, and of its label.
const PREPARED: (u64, u64) = (4, 2);
/// Numbers that are kept of each parameter: the weights, and the checkpoint with its two to three moments.
const KEPT: u64 = 5;

/// What is still to be done, and so needs memory and disk.
#[derive(Debug, Default)]
struct Pending {
    /// Networks that are not trained, by configuration.
    train: BTreeMap<ConfigurationName, u64>,
    /// Configurations whose cases are not prepared.
    prepare: Vec<ConfigurationName>,
}

/// Says what overrides the plan's files and what of the plan is worth a look; refuses what cannot run.
///
/// # Errors
///
/// All faults at once.
pub(super) fn check(
    loaded: &LoadedPlan,
    dataset: &Dataset,
    networks: &[NetworkId],
    folder: &RunFolder,
    events: &dyn Listener,
) -> Result<(), ExperimentError> {
    for change in overrides(&loaded.layers) {
        events.say(&change.to_string());
    }
    let pending = pending(&loaded.plan, networks, folder)?;
    let machine = Machine::look(&loaded.plan.runtime.runs);
    let mut faults = loaded.warnings.clone();
    faults.extend(against_build(loaded));
    faults.extend(against_data(loaded, dataset));
    faults.extend(against_machine(loaded, &pending, &machine, &cards()));
    if faults.iter().all(Diagnostic::is_warning) {
        for warning in &faults {
            events.warn(warning);
        }
        return Ok(());
    }
    Err(PlanError::invalid(faults).into())
}

fn pending(plan: &Plan, networks: &[NetworkId], folder: &RunFolder) -> Result<Pending, RunFileError> {
    let mut pending = Pending::default();
    for id in networks {
        let name = id.configuration;
        let digests = stage_digests(plan, name);
        if !pending.prepare.contains(&name) && !prepared_folder(&plan.runtime.runs, &digests.preprocess).exists() {
            pending.prepare.push(name);
        }
        let state = NetworkState::read(&folder.fold(name.as_str(), id.seed, id.fold))?;
        if state.trained.as_ref() != Some(&digests.train) {
            *pending.train.entry(name).or_default() += 1;
        }
    }
    Ok(pending)
}

fn against_build(loaded: &LoadedPlan) -> Vec<Diagnostic> {
    let error = match open_device(&loaded.plan.runtime.device) {
        Ok(device) => return precision_fault(loaded, &device).into_iter().collect(),
        Err(error) => error,
    };
    let (label, help) = match &error {
        DeviceError::NotCompiled { .. } => ("not in this build", "or compute on the CPU: `--device cpu`"),
        DeviceError::Absent { .. } => ("not on this machine", "or compute on the CPU: `--device cpu`"),
        DeviceError::Unknown { .. } | DeviceError::Index { .. } => ("no such device", "`segplan doctor`"),
    };
    vec![loaded.layers.at_value("runtime.device", error.to_string(), label).help(help)]
}

/// The precision of the networks on a device that computes in these numbers, or does not.
fn precision_fault(loaded: &LoadedPlan, device: &Device) -> Option<Diagnostic> {
    let Plan { network, runtime, .. } = &loaded.plan;
    if device.supports_dtype(float_dtype(network.precision)) {
        return None;
    }
    let message = format!("device `{}` does not compute in these numbers", runtime.device);
    let other = [Precision::Bf16, Precision::F16].into_iter().find(|&one| device.supports_dtype(float_dtype(one)));
    let help = match other {
        Some(Precision::Bf16) => "expected \"f32\" or \"bf16\"",
        Some(Precision::F16) => "expected \"f32\" or \"f16\"",
        Some(Precision::F32) | None => "expected \"f32\"",
    };
    Some(loaded.layers.at_value("network.precision", message, "not on this device").help(help))
}

/// What of a plan does not fit its data set.
pub fn against_data(loaded: &LoadedPlan, dataset: &Dataset) -> Vec<Diagnostic> {
    let (data, layers) = (&loaded.plan.data, &loaded.layers);
    let anew = format!("plan it anew: `segplan plan {}`", shell_word(&dataset.folder.display().to_string()));
    let mut faults = Vec::new();
    if dataset.channels != data.channels {
        let message = format!("the channels of data set `{}` are others", dataset.name);
        let label = format!("it has {}: {}", dataset.channels.len(), dataset.channels.join(", "));
        faults.push(layers.at_value("data.channels", message, label).help(&anew));
    }
    for (label, name) in data.labels.iter().filter(|(label, _)| !dataset.labels.contains_key(label)) {
        let message = format!("data set `{}` has no label {label} (`{name}`)", dataset.name);
        let known: Vec<String> = dataset.labels.iter().map(|(label, name)| format!("{label} {name}")).collect();
        let place = format!("data.labels.{label}");
        faults.push(layers.at_key(&place, message, format!("it has {}", known.join(", "))).help(&anew));
    }
    for (label, name) in dataset.labels.iter().filter(|(label, _)| !data.labels.contains_key(label)) {
        let message = format!("the plan lacks label {label} (`{name}`) of data set `{}`", dataset.name);
        let help = format!("add `{label} = \"{name}\"`, or {anew}");
        faults.push(layers.at_key("data.labels", message, "here").help(help));
    }
    for (label, name) in &data.labels {
        if let Some(other) = dataset.labels.get(label).filter(|other| *other != name) {
            let message = format!("label {label} is `{name}` in the plan and `{other}` in data set `{}`", dataset.name);
            let fault = layers.at_value(&format!("data.labels.{label}"), message, "another name");
            faults.push(
                fault.help("scores and reports have the names of the plan: correct the one that is wrong").warning(),
            );
        }
    }
    let (cases, folds) = (dataset.training.len(), loaded.plan.split.folds);
    if folds > cases {
        let has = counted(cases, "training case");
        let message = format!("data set `{}` has {has}, too few for {}", dataset.name, counted(folds, "fold"));
        faults.push(layers.at_value("split.folds", message, format!("expected at most {cases}")).help(&anew));
    } else {
        faults.extend(split_fault(loaded, dataset));
    }
    faults
}

/// Why the cases cannot be split as the plan says.
fn split_fault(loaded: &LoadedPlan, dataset: &Dataset) -> Option<Diagnostic> {
    let cases: Vec<CaseId> = dataset.training.iter().map(|case| case.id.clone()).collect();
    let error = splits::draw(&cases, &loaded.plan.split).err()?;
    let (key, label) = match &error {
        SplitError::TooFew { .. } => ("split.folds", "too many"),
        SplitError::NoPatient { .. } => ("split.patient_pattern", "expected a patient in each name"),
        SplitError::Store(_) | SplitError::Form { .. } | SplitError::Mismatch { .. } => ("split", ""),
    };
    Some(loaded.layers.at_value(key, error.to_string(), label))
}

fn against_machine(loaded: &LoadedPlan, pending: &Pending, machine: &Machine, cards: &[Card]) -> Vec<Diagnostic> {
    let (plan, layers) = (&loaded.plan, &loaded.layers);
    let mut faults = Vec::new();
    let (what, memory, free) = room_for_training(plan, machine, cards);
    for &name in pending.train.keys() {
        faults.extend(memory_fault(loaded, name, &what, memory, free));
    }
    let preparing = plan.runtime.memory_bytes();
    if let Some(all) = machine.memory.filter(|&all| !pending.prepare.is_empty() && preparing > all) {
        let message = format!("images may take {}, and this machine has {}", gib(preparing), gib(all));
        let help = format!("such as {}", (all >> 31).max(1));
        faults.push(layers.at_value("runtime.memory_gib", message, "too much").help(help).warning());
    }
    let needed = disk_bytes(plan, pending);
    if let Some(free) = machine.disk_free.filter(|&free| needed > free) {
        let runs = plan.runtime.runs.display();
        let message =
            format!("the run needs about {} on the disk of `{runs}`, which has {} free", gib(needed), gib(free));
        let fault = layers.at_value("runtime.runs", message, "too little room");
        faults.push(fault.help("another folder: `--set runtime.runs=FOLDER`"));
    }
    faults
}

/// Where a network is trained, with its memory and what of it is free; nothing is known of cards but NVIDIA's.
fn room_for_training(plan: &Plan, machine: &Machine, cards: &[Card]) -> (String, Option<u64>, Option<u64>) {
    let Ok(DeviceName { backend, index }) = plan.runtime.device.parse() else { return (String::new(), None, None) };
    match backend {
        Backend::Cpu => ("this machine".to_owned(), machine.memory, machine.memory_free),
        Backend::Cuda => {
            let card = cards.iter().find(|card| card.number == index.unwrap_or(0));
            let name = card.map_or_else(String::new, |card| format!("`{}` ({})", plan.runtime.device, card.name));
            (name, card.map(|card| card.memory), card.map(|card| card.memory_free))
        }
        Backend::Wgpu | Backend::Vulkan => (String::new(), None, None),
    }
}

fn memory_fault(
    loaded: &LoadedPlan,
    name: ConfigurationName,
    what: &str,
    memory: Option<u64>,
    free: Option<u64>,
) -> Option<Diagnostic> {
    let configuration = &loaded.plan.configurations[&name];
    let network = PlannedNetwork::new(&loaded.plan, name);
    let bytes = |batch| network.training_bytes_for(batch);
    let needed = bytes(configuration.batch_size);
    let all = memory.filter(|_| free.is_some_and(|free| needed > free) || memory.is_some_and(|all| needed > all))?;
    let never = needed > all;
    let room = if never { all } else { free? };
    let fitting = (1..configuration.batch_size).rev().find(|&batch| bytes(batch) <= room);
    let path = format!("configurations.{name}.batch_size");
    let help = match fitting {
        Some(batch) => format!("a batch of {batch} needs about {}: `--set {path}={batch}`", machine::gib(bytes(batch))),
        None if !never => "free some of it first".to_owned(),
        None => "not even a batch of 1 fits: take fewer `features`, or a smaller `patch_size`".to_owned(),
    };
    let has = if never { format!("has {}", gib(all)) } else { format!("has {} free of {}", gib(room), gib(all)) };
    let message = format!("training `{name}` needs about {}, and {what} {has}", gib(needed));
    let fault = loaded.layers.at_value(&path, message, "too many patches").help(help);
    Some(if never { fault } else { fault.warning() })
}

/// Bytes that the run will write: prepared cases, weights and checkpoints, predictions of held-out cases.
fn disk_bytes(plan: &Plan, pending: &Pending) -> u64 {
    let data = &plan.data;
    let measured = data.median_shape.iter().product::<f64>() * data.cases as f64;
    let prepared = pending.prepare.iter().map(|name| {
        let spacing = plan.configurations[name].spacing_mm.0;
        // A spacing of 0 is each case's own.
        let finer =
            (0..3).map(|axis| if spacing[axis] > 0.0 { data.median_spacing_mm.0[axis] / spacing[axis] } else { 1.0 });
        let voxels = (measured * finer.product::<f64>()) as u64;
        voxels * (PREPARED.0 * data.channels.len() as u64 + PREPARED.1)
    });
    let networks = pending.train.iter().map(|(name, count)| {
        let parameters = PlannedNetwork::new(plan, *name).topology().parameters();
        count * (4 * KEPT * parameters + measured as u64 / plan.split.folds as u64)
    });
    prepared.sum::<u64>() + networks.sum::<u64>()
}

#[cfg(test)]
mod tests;
