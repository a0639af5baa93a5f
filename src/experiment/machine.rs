//! What this machine has: memory, disk, graphics cards of NVIDIA. What cannot be found out is absent, never guessed.

use std::fs;
use std::path::Path;
use std::process::Command;

use sysinfo::{Disks, System};

/// Memory and disk, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Memory of the machine, or of the container that it is.
    pub memory: Option<u64>,
    /// What of it is free.
    pub memory_free: Option<u64>,
    /// What is free on the disk of the runs.
    pub disk_free: Option<u64>,
}

/// A graphics card of NVIDIA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its number, as in `cuda:0`.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// Its memory, bytes.
    pub memory: u64,
    /// What of it is free, bytes.
    pub memory_free: u64,
}

impl Machine {
    /// This machine, with the disk that the folder `runs` is on, or would be.
    pub fn look(runs: &Path) -> Self {
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

/// Bytes free on the disk that a folder is on, or would be.
fn disk_free(folder: &Path) -> Option<u64> {
    let place = std::path::absolute(folder).ok()?;
    let place = place.ancestors().find_map(|above| fs::canonicalize(above).ok())?;
    let disks = Disks::new_with_refreshed_list().ok()?;
    let holding = disks.iter().filter(|disk| place.starts_with(disk.mount_point()));
    holding.max_by_key(|disk| disk.mount_point().components().count()).map(sysinfo::Disk::available_space)
}

/// The cards that NVIDIA's own tool lists; none where it is not installed.
pub fn cards() -> Vec<Card> {
    let query = ["--query-gpu=index,name,memory.total,memory.free", "--format=csv,noheader,nounits"];
    let Ok(done) = Command::new("nvidia-smi").args(query).output() else { return Vec::new() };
    if done.status.success() { listed(&String::from_utf8_lossy(&done.stdout)) } else { Vec::new() }
}

/// Lines such as `0, NVIDIA H100 80GB HBM3, 81559, 81008`, in MiB.
fn listed(text: &str) -> Vec<Card> {
    let card = |line: &str| {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let [number, name, memory, free] = fields.as_slice() else { return None };
        let bytes = |mebi: &str| Some(mebi.parse::<u64>().ok()? << 20);
        let (memory, memory_free) = (bytes(memory)?, bytes(free)?);
        Some(Card { number: number.parse().ok()?, name: (*name).to_owned(), memory, memory_free })
    };
    text.lines().filter_map(card).collect()
}

/// Bytes as a person reads them.
pub fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / (1_u64 << 30) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_memory_and_a_disk() {
        let machine = Machine::look(Path::new("no/such/folder"));
        assert!(machine.memory_free.unwrap() <= machine.memory.unwrap() && machine.disk_free.unwrap() > 0);
    }

    #[test]
    fn cards_are_read_from_their_list() {
        let cards = listed("0, NVIDIA H100 80GB HBM3, 81559, 81008\nno card\n");
        assert_eq!((cards.len(), cards[0].number, cards[0].memory >> 20), (1, 0, 81559));
        assert_eq!(gib(3 << 29), "1.5 GiB");
    }
}
