//! Blocks of memory that can be kept, and their layouts.
#![expect(unsafe_code, reason = "an allocator hands out raw memory")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::with_exposed_provenance_mut;

/// Minimum size of a kept block, bytes. The system's allocator keeps smaller ones itself.
pub(super) const MIN_SIZE: usize = 1 << 17;
/// Block sizes per doubling: rounding up wastes at most an eighth of a block.
pub(super) const SIZES_PER_DOUBLING: usize = 8;
/// Alignment of kept blocks, bytes.
const ALIGNMENT: usize = 16;

/// A block of memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) address: usize,
    /// Bytes.
    pub(super) size: usize,
}

impl Block {
    /// Returns a kept block to the system.
    pub(super) fn release(self) {
        if let Ok(layout) = Layout::from_size_align(self.size, ALIGNMENT) {
            // SAFETY: the system allocated every kept block with this layout, and nothing refers to it.
            unsafe { System.dealloc(with_exposed_provenance_mut(self.address), layout) };
        }
    }
}

/// The layout by which a block is requested from the system, its size rounded up; `None` if such blocks are not kept.
pub(super) fn rounded_layout(layout: Layout) -> Option<Layout> {
    let size = layout.size();
    if size < MIN_SIZE || layout.align() > ALIGNMENT {
        return None;
    }
    let grain = (size.next_power_of_two() / 2).max(MIN_SIZE) / SIZES_PER_DOUBLING;
    Layout::from_size_align(size.checked_next_multiple_of(grain)?, ALIGNMENT).ok()
}
