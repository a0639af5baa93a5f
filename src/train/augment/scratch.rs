//! Working memory that a thread reuses from patch to patch.
//!
//! A patch needs megabytes for a few milliseconds. Returning them to the system each time costs more in page faults than the
//! arithmetic takes.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// Maximum number of free buffers per thread.
const KEPT: usize = 16;

thread_local! {
    static FREE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Values whose memory returns to the thread's free buffers when dropped.
pub(super) struct Buffer(Vec<f32>);

impl Buffer {
    /// Zeros, in the smallest free buffer that is large enough.
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
        // Fails if the thread is ending; then the memory is simply freed.
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
