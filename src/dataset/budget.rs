//! Processes cases in parallel within a memory limit.
//!
//! Input: cases, a memory limit, and a function. Output: its results, in the order of the cases. The memory of a case
//! is claimed before any of its voxels is read, by an estimate from its headers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use crate::dataset::case::Case;

/// A memory limit that several threads share.
#[derive(Debug)]
pub struct MemoryBudget {
    limit: u64,
    used: Mutex<Used>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct Used {
    /// Bytes claimed by cases in progress.
    claimed: u64,
    /// Bytes kept by results.
    kept: u64,
}

/// A part of the budget, returned when dropped.
#[derive(Debug)]
pub struct MemoryClaim<'a> {
    budget: &'a MemoryBudget,
    bytes: u64,
}

impl MemoryBudget {
    /// An unused budget of `limit` bytes.
    pub fn new(limit: u64) -> Self {
        Self { limit, used: Mutex::default(), returned: Condvar::new() }
    }

    /// The limit, bytes.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Waits until the bytes are available. A single claim is always granted: a case that exceeds the limit by itself
    /// is refused earlier.
    pub fn claim(&self, bytes: u64) -> MemoryClaim<'_> {
        let bytes = bytes.min(self.limit);
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut used = self
            .returned
            .wait_while(used, |used| used.claimed > 0 && used.claimed + used.kept + bytes > self.limit)
            .unwrap_or_else(PoisonError::into_inner);
        used.claimed += bytes;
        MemoryClaim { budget: self, bytes }
    }
}

impl MemoryClaim<'_> {
    /// Returns the claim except for the bytes of its result, which stay in use.
    pub fn keep(self, bytes: u64) {
        self.budget.used.lock().unwrap_or_else(PoisonError::into_inner).kept += bytes;
    }
}

impl Drop for MemoryClaim<'_> {
    fn drop(&mut self) {
        self.budget.used.lock().unwrap_or_else(PoisonError::into_inner).claimed -= self.bytes;
        self.budget.returned.notify_all();
    }
}

/// Applies `work` to several cases at a time and returns the results in the order of the cases. A thread whose `work`
/// returns `None` takes no further cases.
pub fn map_parallel<T: Send>(cases: &[Case], work: &(dyn Fn(&Case) -> Option<T> + Sync)) -> Vec<Option<T>> {
    let next = AtomicUsize::new(0);
    // Threads outside of rayon's pool: a pool thread that waits for the budget could be one that the budget's holder
    // waits for.
    let workers = rayon::current_num_threads().min(cases.len()).max(1);
    let one_worker = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(result) = cases.get(index).and_then(work) else { return done };
            done.push((index, result));
        }
    };
    let mut results: Vec<Option<T>> = cases.iter().map(|_| None).collect();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(one_worker)).collect();
        for worker in workers {
            // A worker's panic is passed on, as in a plain loop.
            let done = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            for (index, result) in done {
                results[index] = Some(result);
            }
        }
    });
    results
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::dataset::case::CaseId;

    fn cases(count: usize) -> Vec<Case> {
        (0..count).map(|at| Case { id: CaseId(at.to_string()), images: Vec::new(), labels: None }).collect()
    }

    #[test]
    fn results_are_in_the_order_of_the_cases_and_the_limit_is_kept() {
        let (budget, used, peak) = (MemoryBudget::new(100), AtomicU64::new(0), AtomicU64::new(0));
        let results = map_parallel(&cases(50), &|case| {
            let at: u64 = case.id.0.parse().unwrap();
            let bytes = 10 + at % 7 * 15;
            let claim = budget.claim(bytes);
            peak.fetch_max(used.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
            thread::yield_now();
            used.fetch_sub(bytes, Ordering::SeqCst);
            drop(claim);
            Some(at)
        });
        assert_eq!(results, (0..50).map(Some).collect::<Vec<_>>());
        assert!(peak.into_inner() <= 100);
    }

    #[test]
    fn a_case_that_needs_the_whole_budget_does_not_wait_for_kept_results() {
        let budget = MemoryBudget::new(100);
        budget.claim(60).keep(30);
        let all = budget.claim(100);
        assert_eq!(all.bytes, 100);
    }
}
