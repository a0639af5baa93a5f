//! Working memory that a thread keeps from patch to patch.
//!
//! A patch needs megabytes for a few milliseconds. Given back to the system and asked for again each time, they cost
//! more in page faults than in arithmetic.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// Most buffers that a thread keeps.
const KEPT: usize = 16;

thread_local! {
    static FREE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Values in memory that goes back to its thread when dropped.
pub(super) struct Buffer(Vec<f32>);

impl Buffer {
    /// As many zeros, in the smallest free memory that holds them.
    pub(super) fn zeros(len: usize) -> Self {
        let mut values = FREE.with_borrow_mut(|free| {
            let fits = (0..free.len()).filter(|&i| free[i].capacity() >= len);
            let best = fits.min_by_key(|&i| free[i].capacity());
            best.map(|i| free.swap_remove(i)).unwrap_or_default()
        });
        values.clear();
        values.resize(len, 0.0);
        Self(values)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.0);
        // A thread that ends has given up its memory already.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            if free.len() < KEPT {
                free.push(values);
            }
        });
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}
