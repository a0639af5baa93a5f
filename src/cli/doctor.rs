//! `segplan doctor`: what this build and this machine can do.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use clap::Args;
use sysinfo::{Disks, System};

use crate::cli::failure::Failure;
use crate::dataset::scan;
use crate::device::found::{Found, described};
use crate::device::{compiled, device};
use crate::plan::load::load;

const EXAMPLES: &str = "\
Examples:
  segplan doctor                                     with the data folder that plans have by default
  segplan doctor experiments/hippocampus.toml        with that plan's device and folders";

const GIBI: f64 = (1_u64 << 30) as f64;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A plan whose device and folders are looked at
    plan: Option<PathBuf>,
}

#[expect(clippy::print_stdout, reason = "what was found is the result of this verb")]
pub(super) fn doctor(arguments: &Arguments) -> Result<(), Failure> {
    let loaded = arguments.plan.as_ref().map(|path| load(path, &[])).transpose();
    let runtime = loaded.map_err(|error| Failure::wrong_input(error.into()))?.map(|loaded| loaded.plan.runtime);
    println!("segplan   {} for {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS);
    println!("backends  {}", compiled().join(", "));
    if let Some(runtime) = &runtime {
        let usable = device(&runtime.device).map_or_else(|error| error.to_string(), |_| "is there".to_owned());
        println!("chosen    {}: {usable}", runtime.device);
    }
    for found in described() {
        println!("device    {}", device_line(&found));
    }
    println!("threads   {}", available_parallelism().map_or(1, usize::from));
    let gib = |bytes: u64| bytes as f64 / GIBI;
    match System::new() {
        Ok(mut system) => {
            system.refresh_memory();
            let (free, all) = (gib(system.available_memory()), gib(system.total_memory()));
            println!("memory    {free:.1} GiB free of {all:.1} GiB");
        }
        Err(error) => println!("memory    nothing is known of it: {error}"),
    }
    let runs = runtime.as_ref().map_or_else(|| PathBuf::from("runs"), |runtime| runtime.runs.clone());
    match free_disk(&runs) {
        Some(bytes) => println!("disk      {:.1} GiB free where `{}` is or will be", gib(bytes), runs.display()),
        None => println!("disk      nothing is known of the disk of `{}`", runs.display()),
    }
    for folder in runtime.map_or_else(|| vec![PathBuf::from("data")], |runtime| runtime.data) {
        println!("data      {}", data_sets(&folder));
    }
    Ok(())
}

/// A device with what it says of itself.
fn device_line(found: &Found) -> String {
    let memory = found.memory.map(|bytes| format!("{:.1} GiB", bytes as f64 / GIBI));
    let known = [found.part.clone(), memory, found.driver.as_ref().map(|driver| format!("driver {driver}"))];
    let known: Vec<String> = known.into_iter().flatten().collect();
    if known.is_empty() { found.name.clone() } else { format!("{}: {}", found.name, known.join(", ")) }
}

/// Bytes free on the disk that a folder is on, or would be.
fn free_disk(folder: &Path) -> Option<u64> {
    let place = std::path::absolute(folder).ok()?;
    let place = place.ancestors().find_map(|above| fs::canonicalize(above).ok())?;
    let disks = Disks::new_with_refreshed_list().ok()?;
    let holding = disks.iter().filter(|disk| place.starts_with(disk.mount_point()));
    holding.max_by_key(|disk| disk.mount_point().components().count()).map(sysinfo::Disk::available_space)
}

/// The data sets in a folder, with their numbers of cases.
fn data_sets(folder: &Path) -> String {
    let shown = folder.display();
    let Ok(entries) = fs::read_dir(folder) else { return format!("`{shown}` is no folder") };
    let mut found: Vec<String> = entries
        .filter_map(|entry| scan(&entry.ok()?.path()).ok())
        .map(|dataset| format!("{} ({} training cases)", dataset.name, dataset.training.len()))
        .collect();
    found.sort();
    if found.is_empty() {
        format!("`{shown}` holds no data set")
    } else {
        format!("`{shown}` holds {}", found.join(", "))
    }
}
