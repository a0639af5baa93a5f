//! An allocator that measures the memory in use.

#![expect(unsafe_code, reason = "an allocator hands out raw memory")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The system's allocator, with counters.
pub(crate) struct Measuring {
    used: AtomicUsize,
    peak: AtomicUsize,
}

impl Measuring {
    pub(crate) const fn new() -> Self {
        Self { used: AtomicUsize::new(0), peak: AtomicUsize::new(0) }
    }

    /// The largest number of bytes that a function uses at once, beyond those in use before, and its result.
    pub(crate) fn peak_of<T>(&self, function: impl FnOnce() -> T) -> (usize, T) {
        let before = self.used.load(Relaxed);
        self.peak.store(before, Relaxed);
        let result = function();
        (self.peak.load(Relaxed) - before, result)
    }

    fn add(&self, bytes: usize) {
        let used = self.used.fetch_add(bytes, Relaxed) + bytes;
        self.peak.fetch_max(used, Relaxed);
    }
}

// SAFETY: all memory is the system's; `realloc` is the default one, which allocates, copies and frees.
unsafe impl GlobalAlloc for Measuring {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size());
        // SAFETY: the caller's layout is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
        self.used.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the block is the system's, with this layout.
        unsafe { System.dealloc(address, layout) }
    }
}
