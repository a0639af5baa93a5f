//! Resources of this machine: memory, disk space, NVIDIA GPUs. Unknown properties are `None`, never guessed.

use std::fs;
use std::path::Path;
use std::process::Command;

use sysinfo::{Disks, System};

/// Memory and disk space, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Total memory of the machine or container.
    pub memory: Option<u64>,
    /// Free memory.
    pub memory_free: Option<u64>,
    /// Free disk space for the runs.
    pub disk_free: Option<u64>,
}

/// An NVIDIA GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gpu {
    /// Index, as in `cuda:0`.
    pub index: usize,
    /// Model name.
    pub name: String,
    /// Total memory, bytes.
    pub memory: u64,
    /// Free memory, bytes.
    pub memory_free: u64,
}

impl Machine {
    /// Inspects this machine, with the disk that the folder `runs` is on, or will be.
    pub fn inspect(runs: &Path) -> Self {
        let Ok(mut system) = System::new() else { return Self { disk_free: disk_free(runs), ..Self::default() } };
        system.refresh_memory();
        let (mut memory, mut free) = (system.total_memory(), system.available_memory());
        if let Some(limits) = system.cgroup_limits().filter(|limits| limits.total_memory > 0) {
            memory = memory.min(limits.total_memory);
            free = free.min(limits.free_memory);
        }
        Self { memory: Some(memory), memory_free: Some(free), disk_free: disk_free(runs) }
    }
}

/// Free space of the disk that a folder is on, or will be, bytes.
fn disk_free(folder: &Path) -> Option<u64> {
    let place = std::path::absolute(folder).ok()?;
    let place = place.ancestors().find_map(|above| fs::canonicalize(above).ok())?;
    let disks = Disks::new_with_refreshed_list().ok()?;
    let holding = disks.iter().filter(|disk| place.starts_with(disk.mount_point()));
    holding.max_by_key(|disk| disk.mount_point().components().count()).map(sysinfo::Disk::available_space)
}

/// The GPUs that `nvidia-smi` lists; none if it is not installed.
pub fn nvidia_gpus() -> Vec<Gpu> {
    let query = ["--query-gpu=index,name,memory.total,memory.free", "--format=csv,noheader,nounits"];
    let Ok(done) = Command::new("nvidia-smi").args(query).output() else { return Vec::new() };
    if done.status.success() { parse_gpus(&String::from_utf8_lossy(&done.stdout)) } else { Vec::new() }
}

/// Lines such as `0, NVIDIA H100 80GB HBM3, 81559, 81008`, in MiB.
fn parse_gpus(text: &str) -> Vec<Gpu> {
    let gpu = |line: &str| {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let [index, name, memory, free] = fields.as_slice() else { return None };
        let bytes = |mebi: &str| Some(mebi.parse::<u64>().ok()? << 20);
        let (memory, memory_free) = (bytes(memory)?, bytes(free)?);
        Some(Gpu { index: index.parse().ok()?, name: (*name).to_owned(), memory, memory_free })
    };
    text.lines().filter_map(gpu).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_memory_and_a_disk() {
        let machine = Machine::inspect(Path::new("no/such/folder"));
        assert!(machine.memory_free.unwrap() <= machine.memory.unwrap() && machine.disk_free.unwrap() > 0);
    }

    #[test]
    fn gpus_are_parsed_from_their_list() {
        let gpus = parse_gpus("0, NVIDIA H100 80GB HBM3, 81559, 81008\nno GPU\n");
        assert_eq!((gpus.len(), gpus[0].index, gpus[0].memory >> 20), (1, 0, 81559));
    }
}
