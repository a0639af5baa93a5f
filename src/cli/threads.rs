//! The number of threads that the process computes with.

use crate::cli::failure::Failure;
use crate::units::counted;

/// Starts this many threads; one per core if it is 0.
pub(super) fn use_threads(threads: usize) -> Result<(), Failure> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|error| Failure::failed(miette::miette!("cannot start {}: {error}", counted(threads, "thread"))))
}
