//! An estimate, and sums over cases.

use serde::Serialize;

/// The cost of a piece of work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// Peak memory, bytes.
    pub memory_bytes: u64,
    /// Disk space that it fills, bytes.
    pub disk_bytes: u64,
    /// Time, seconds.
    pub seconds: f64,
}

impl Estimate {
    /// The cost of two pieces of work, one after the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            disk_bytes: self.disk_bytes + other.disk_bytes,
            seconds: self.seconds + other.seconds,
        }
    }
}

/// Peak memory of cases that are processed in parallel, bytes: the largest ones, one per thread, within the limit. A case above the
/// limit is refused.
///
/// The allocator keeps freed blocks, which cases of other shapes cannot use: up to a quarter more if further cases follow (measured).
pub(super) fn parallel_bytes(mut cases: Vec<u64>, limit: u64) -> u64 {
    cases.retain(|&bytes| bytes <= limit);
    cases.sort_unstable_by(|a, b| b.cmp(a));
    let sum = |cases: &[u64]| cases.iter().fold(0, |sum: u64, &bytes| sum.saturating_add(bytes)).min(limit);
    let (first, others) = cases.split_at(rayon::current_num_threads().min(cases.len()));
    sum(first).saturating_add(sum(others).min(sum(first) / 4))
}

/// Time of cases that are processed in parallel, seconds: at least that of the slowest.
pub(super) fn parallel_seconds(cases: impl Iterator<Item = f64>) -> f64 {
    let (sum, max) = cases.fold((0.0, 0.0_f64), |(sum, max), case| (sum + case, max.max(case)));
    max.max(sum / rayon::current_num_threads() as f64)
}
