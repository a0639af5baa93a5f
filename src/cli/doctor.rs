//! `segplan doctor`: what this build and this machine can do.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::output::print_line;
use crate::dataset::scan;
use crate::device::available::{self, DeviceInfo};
use crate::device::{Backend, open_device};
use crate::experiment::machine::{Machine, cards, gib};
use crate::plan::read::load;
use crate::units::counted;

const EXAMPLES: &str = "\
Examples:
  segplan doctor                                     with the data folder that plans have by default
  segplan doctor experiments/hippocampus.toml        with that plan's device and folders";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A plan whose device and folders are looked at
    plan: Option<PathBuf>,
}

pub(super) fn doctor(arguments: &Arguments) -> Result<(), Failure> {
    let loaded = arguments.plan.as_ref().map(|path| load(path, &[])).transpose();
    let runtime = loaded.map_err(|error| Failure::wrong_input(error.into()))?.map(|loaded| loaded.plan.runtime);
    print_line(format_args!("segplan   {} for {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS));
    print_line(format_args!("backends  {}", Backend::compiled_names().join(", ")));
    if let Some(runtime) = &runtime {
        let usable = open_device(&runtime.device).map_or_else(|error| error.to_string(), |_| "is there".to_owned());
        print_line(format_args!("chosen    {}: {usable}", runtime.device));
    }
    for device in available::describe() {
        print_line(format_args!("device    {}", device_line(&device)));
    }
    print_line(format_args!("threads   {}", available_parallelism().map_or(1, usize::from)));
    let runs = runtime.as_ref().map_or_else(|| PathBuf::from("runs"), |runtime| runtime.runs.clone());
    let machine = Machine::look(&runs);
    match (machine.memory_free, machine.memory) {
        (Some(free), Some(all)) => print_line(format_args!("memory    {} free of {}", gib(free), gib(all))),
        _ => print_line("memory    nothing is known of it"),
    }
    match machine.disk_free {
        Some(bytes) => {
            print_line(format_args!("disk      {} free where `{}` is or will be", gib(bytes), runs.display()));
        }
        None => print_line(format_args!("disk      nothing is known of the disk of `{}`", runs.display())),
    }
    for card in cards() {
        print_line(format_args!(
            "card      cuda:{}: {}, {} free of {}",
            card.number,
            card.name,
            gib(card.memory_free),
            gib(card.memory)
        ));
    }
    for folder in runtime.map_or_else(|| vec![PathBuf::from("data")], |runtime| runtime.data) {
        print_line(format_args!("data      {}", data_sets(&folder)));
    }
    Ok(())
}

/// A device with what it says of itself.
fn device_line(device: &DeviceInfo) -> String {
    let driver = device.driver.as_ref().map(|driver| format!("driver {driver}"));
    let known: Vec<String> = [device.product.clone(), device.memory.map(gib), driver].into_iter().flatten().collect();
    if known.is_empty() { device.name.to_string() } else { format!("{}: {}", device.name, known.join(", ")) }
}

/// The data sets in a folder, with their numbers of cases.
fn data_sets(folder: &Path) -> String {
    let shown = folder.display();
    let Ok(entries) = fs::read_dir(folder) else {
        return format!("`{shown}`, where plans look for data sets (`runtime.data`), is no folder");
    };
    let mut found: Vec<String> = entries
        .filter_map(|entry| scan(&entry.ok()?.path()).ok())
        .map(|dataset| format!("{} ({})", dataset.name, counted(dataset.training.len(), "training case")))
        .collect();
    found.sort();
    if found.is_empty() {
        format!("`{shown}` holds no data set")
    } else {
        format!("`{shown}` holds {}", found.join(", "))
    }
}
