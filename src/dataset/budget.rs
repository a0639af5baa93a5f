//! Work on cases side by side, within a stated memory.
//!
//! Input: cases, a number of bytes, and what is done to a case. Output: the results, in the order of the cases. What a case
//! takes is claimed before anything of it is read, by an estimate from its header.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use crate::dataset::Case;

/// Bytes that may be in use at once.
#[derive(Debug)]
pub struct Budget {
    limit: u64,
    used: Mutex<Used>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct Used {
    /// Claimed by cases at hand.
    claimed: u64,
    /// Kept by results.
    kept: u64,
}

/// A part of the budget, given back when dropped.
#[derive(Debug)]
pub struct Claim<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    /// A budget of so many bytes, none of them in use.
    pub fn new(limit: u64) -> Self {
        Self { limit, used: Mutex::default(), returned: Condvar::new() }
    }

    /// Bytes that may be in use at once.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Waits until the bytes are free. A claim that is alone is granted whatever it asks for: whoever may not have that much is
    /// refused before.
    pub fn claim(&self, bytes: u64) -> Claim<'_> {
        let bytes = bytes.min(self.limit);
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut used = self
            .returned
            .wait_while(used, |used| used.claimed > 0 && used.claimed + used.kept + bytes > self.limit)
            .unwrap_or_else(PoisonError::into_inner);
        used.claimed += bytes;
        Claim { budget: self, bytes }
    }
}

impl Claim<'_> {
    /// Gives the claim back but for the bytes of its result, which stay in use.
    pub fn keep(self, bytes: u64) {
        self.budget.used.lock().unwrap_or_else(PoisonError::into_inner).kept += bytes;
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.budget.used.lock().unwrap_or_else(PoisonError::into_inner).claimed -= self.bytes;
        self.budget.returned.notify_all();
    }
}

/// Does something to each case, several at a time, and returns the results in the order of the cases. Where `work` returns `None`,
/// its thread takes no further case.
pub fn side_by_side<T: Send>(cases: &[Case], work: &(dyn Fn(&Case) -> Option<T> + Sync)) -> Vec<Option<T>> {
    let next = AtomicUsize::new(0);
    // Threads of their own: a pool's thread that waited for the budget could be one that the budget's holder waits for.
    let workers = rayon::current_num_threads().min(cases.len()).max(1);
    let one_worker = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(result) = cases.get(at).and_then(work) else { return done };
            done.push((at, result));
        }
    };
    let mut results: Vec<Option<T>> = cases.iter().map(|_| None).collect();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(one_worker)).collect();
        for worker in workers {
            // A panic of a worker is passed on, as that of a loop would be.
            let done = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            for (at, result) in done {
                results[at] = Some(result);
            }
        }
    });
    results
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::dataset::CaseId;

    fn cases(count: usize) -> Vec<Case> {
        (0..count).map(|at| Case { id: CaseId(at.to_string()), images: Vec::new(), labels: None }).collect()
    }

    #[test]
    fn results_stand_in_the_order_of_the_cases_and_no_more_is_used_than_the_budget() {
        let (budget, used, most) = (Budget::new(100), AtomicU64::new(0), AtomicU64::new(0));
        let results = side_by_side(&cases(50), &|case| {
            let at: u64 = case.id.0.parse().unwrap();
            let bytes = 10 + at % 7 * 15;
            let claim = budget.claim(bytes);
            most.fetch_max(used.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
            thread::yield_now();
            used.fetch_sub(bytes, Ordering::SeqCst);
            drop(claim);
            Some(at)
        });
        assert_eq!(results, (0..50).map(Some).collect::<Vec<_>>());
        assert!(most.into_inner() <= 100);
    }

    #[test]
    fn a_case_that_needs_all_is_not_kept_waiting_by_what_results_keep() {
        let budget = Budget::new(100);
        budget.claim(60).keep(30);
        let all = budget.claim(100);
        assert_eq!(all.bytes, 100);
    }
}
