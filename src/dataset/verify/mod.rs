//! The integrity of a data set: every issue of every case at once.

use rayon::prelude::*;

use crate::dataset::case::Case;
use crate::dataset::definition::Dataset;
use crate::dataset::gate::{Expected, Issue, check};

/// Reads every file of a data set, in parallel, and returns every issue in the order of the cases, training cases
/// first.
///
/// Calls `on_done` after each case. Only a few thousand voxels of a file are in memory; `memory_bytes` is the limit of
/// the later stages, which load whole cases.
pub fn verify(dataset: &Dataset, memory_bytes: u64, on_done: &(dyn Fn() + Sync)) -> Vec<Issue> {
    let cases: Vec<&Case> = dataset.training.iter().chain(&dataset.test).collect();
    let expected = Expected::of(dataset, memory_bytes);
    let issues: Vec<Vec<Issue>> = cases
        .into_par_iter()
        .map(|case| {
            let issues = check(case, &expected);
            on_done();
            issues
        })
        .collect();
    issues.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
