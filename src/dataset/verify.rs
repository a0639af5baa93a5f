//! The integrity of a data set: every fault of every case at once.

use rayon::prelude::*;

use super::gate::{Expected, Fault, check};
use super::{Case, Dataset};

/// Reads every file of a data set, in parallel, and returns every fault, in the order of the cases, training first.
///
/// `on_done` is called after each case. No more than a few thousand voxels of a file are in memory; `memory_bytes` bounds
/// what the later stages, which hold a case, may take.
pub fn verify(dataset: &Dataset, memory_bytes: u64, on_done: &(dyn Fn() + Sync)) -> Vec<Fault> {
    let cases: Vec<&Case> = dataset.training.iter().chain(&dataset.test).collect();
    let expected = Expected::of(dataset, memory_bytes);
    let faults: Vec<Vec<Fault>> = cases
        .into_par_iter()
        .map(|case| {
            let faults = check(case, &expected);
            on_done();
            faults
        })
        .collect();
    faults.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
