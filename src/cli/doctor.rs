//! `segplan doctor`: the abilities of this build and this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::output::print_line;
use crate::dataset::scan;
use crate::device::available::{self, DeviceInfo};
use crate::device::{Backend, open_device};
use crate::experiment::machine::{Machine, nvidia_gpus};
use crate::plan::read::load;
use crate::units::{counted, format_bytes};

const EXAMPLES: &str = "\
Examples:
  # with the default folders
  segplan doctor
  # with that plan's device and folders
  segplan doctor experiments/hippocampus.toml";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A plan whose device and folders are checked
    plan: Option<PathBuf>,
}

pub(super) fn doctor(arguments: &Arguments) -> Result<(), Failure> {
    let loaded = arguments.plan.as_ref().map(|path| load(path, &[])).transpose();
    let runtime = loaded.map_err(|error| Failure::wrong_input(error.into()))?.map(|loaded| loaded.plan.runtime);
    print_line(format_args!("segplan   {} for {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS));
    print_line(format_args!("backends  {}", Backend::compiled_names().join(", ")));
    if let Some(runtime) = &runtime {
        let state = open_device(&runtime.device).map_or_else(|error| error.to_string(), |_| "available".to_owned());
        print_line(format_args!("plan      device {}: {state}", runtime.device));
    }
    for device in available::describe() {
        print_line(format_args!("device    {}", device_line(&device)));
    }
    print_line(format_args!("threads   {}", available_parallelism().map_or(1, usize::from)));
    let runs = runtime.as_ref().map_or_else(|| PathBuf::from("runs"), |runtime| runtime.runs.clone());
    let machine = Machine::inspect(&runs);
    match (machine.memory_free, machine.memory) {
        (Some(free), Some(total)) => {
            print_line(format_args!("memory    {} free of {}", format_bytes(free), format_bytes(total)));
        }
        _ => print_line("memory    unknown"),
    }
    let disk = machine.disk_free.map_or_else(|| "unknown".to_owned(), |free| format!("{} free", format_bytes(free)));
    print_line(format_args!("disk      {disk} for `{}`", runs.display()));
    for gpu in nvidia_gpus() {
        let (free, total) = (format_bytes(gpu.memory_free), format_bytes(gpu.memory));
        print_line(format_args!("GPU       cuda:{}: {}, {free} free of {total}", gpu.index, gpu.name));
    }
    for folder in runtime.map_or_else(|| vec![PathBuf::from("data")], |runtime| runtime.data) {
        print_line(format_args!("data      {}", data_sets(&folder)));
    }
    Ok(())
}

/// A device with its properties.
fn device_line(device: &DeviceInfo) -> String {
    let driver = device.driver.as_ref().map(|driver| format!("driver {driver}"));
    let memory = device.memory.map(format_bytes);
    let known: Vec<String> = [device.product.clone(), memory, driver].into_iter().flatten().collect();
    if known.is_empty() { device.name.to_string() } else { format!("{}: {}", device.name, known.join(", ")) }
}

/// The data sets in a folder, with their numbers of cases.
fn data_sets(folder: &Path) -> String {
    let shown = folder.display();
    let Ok(entries) = fs::read_dir(folder) else {
        return format!("`{shown}`, where plans look for data sets (`runtime.data`), does not exist");
    };
    let mut found: Vec<String> = entries
        .filter_map(|entry| scan(&entry.ok()?.path()).ok())
        .map(|dataset| format!("{} ({})", dataset.name, counted(dataset.training.len(), "training case")))
        .collect();
    found.sort();
    if found.is_empty() {
        format!("`{shown}` contains no data set")
    } else {
        format!("`{shown}` contains {}", found.join(", "))
    }
}
