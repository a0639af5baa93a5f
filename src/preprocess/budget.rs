//! How much memory cases that are prepared side by side may use together.

use std::sync::{Condvar, Mutex, PoisonError};

/// Bytes that may be in use at once.
pub(super) struct Budget {
    limit: usize,
    used: Mutex<usize>,
    returned: Condvar,
}

/// A part of the budget, given back when dropped.
pub(super) struct Claim<'a> {
    budget: &'a Budget,
    bytes: usize,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, used: Mutex::new(0), returned: Condvar::new() }
    }

    /// Waits until the bytes are free. More than the limit is granted to a claim that is alone.
    pub(super) fn claim(&self, bytes: usize) -> Claim<'_> {
        let bytes = bytes.min(self.limit);
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut used = self
            .returned
            .wait_while(used, |used| *used > 0 && *used + bytes > self.limit)
            .unwrap_or_else(PoisonError::into_inner);
        *used += bytes;
        Claim { budget: self, bytes }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        *self.budget.used.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.budget.returned.notify_all();
    }
}
