//! An allocator that keeps the memory of large blocks, so that the feature maps of a step are put where those of the step
//! before have been.
//!
//! The system's allocator gives the pages of a large block back as soon as it is freed, and has to clear new ones for the
//! next; in a training step that takes an eighth of the time. [`KeptPages`] hands freed blocks out again. It never holds more
//! than the program has had in use at once, so that the peak of memory stays what it was. Blocks below 128 KiB, which
//! the system keeps itself, pass through.

#![expect(unsafe_code, reason = "an allocator hands out raw memory")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::with_exposed_provenance_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Smallest block that is kept, bytes.
const SMALLEST: usize = 1 << 17;
/// ConvDims of blocks in each doubling: an eighth of a block at most is not used.
const SIZES_PER_DOUBLING: usize = 8;
/// Largest alignment of blocks that are kept, bytes: that of all blocks of most systems.
const ALIGNMENT: usize = 16;
/// Most blocks that are kept.
const SLOTS: usize = 1024;

/// The allocator of the program: `#[global_allocator] static ALLOCATOR: KeptPages = KeptPages::new();`.
#[derive(Debug)]
pub struct KeptPages(Mutex<Shelf>);

/// A freed block.
#[derive(Clone, Copy, Debug)]
struct Block {
    address: usize,
    size: usize,
}

/// The blocks that are kept, the longest kept first.
#[derive(Debug)]
struct Shelf {
    blocks: [Block; SLOTS],
    count: usize,
    kept: usize,
    used: usize,
    most_used: usize,
}

impl KeptPages {
    /// An allocator that keeps nothing yet.
    pub const fn new() -> Self {
        let blocks = [Block { address: 0, size: 0 }; SLOTS];
        Self(Mutex::new(Shelf { blocks, count: 0, kept: 0, used: 0, most_used: 0 }))
    }

    /// A kept block in another size, its beginning unchanged; null, and the block as it was, when the system has no memory.
    ///
    /// # Safety
    ///
    /// The block was handed out for the layout `old`, and both sizes are those of [`kept_layout`].
    unsafe fn resize(&self, address: *mut u8, old: Layout, new_size: usize) -> *mut u8 {
        {
            let mut shelf = self.shelf();
            shelf.used = shelf.used - old.size() + new_size;
            shelf.most_used = shelf.most_used.max(shelf.used);
            while shelf.kept + shelf.used > shelf.most_used {
                let Some(oldest) = shelf.remove(0) else { break };
                release(oldest);
            }
        }
        // SAFETY: as for the caller. The system moves pages, and does not copy them: the two blocks are not held at once.
        let moved = unsafe { System.realloc(address, old, new_size) };
        if moved.is_null() {
            let mut shelf = self.shelf();
            shelf.used = shelf.used - new_size + old.size();
        }
        moved
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // Nothing panics while it is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block of that layout, and whether all its bytes are 0; null when the system has none.
    fn take(&self, layout: Layout, zeroed: bool) -> (*mut u8, bool) {
        let block = {
            let mut shelf = self.shelf();
            let found = shelf.take(layout.size());
            // Freed before the new one is asked for, so that both are not held at once.
            while found.is_none() && shelf.kept + shelf.used > shelf.most_used {
                let Some(oldest) = shelf.remove(0) else { break };
                release(oldest);
            }
            found
        };
        if let Some(block) = block {
            return (with_exposed_provenance_mut(block.address), false);
        }
        // SAFETY: the size is that of the caller's layout, which is at least `SMALLEST`, or larger.
        let address = unsafe { if zeroed { System.alloc_zeroed(layout) } else { System.alloc(layout) } };
        if address.is_null() {
            self.shelf().used -= layout.size();
        }
        (address, zeroed)
    }
}

impl Default for KeptPages {
    fn default() -> Self {
        Self::new()
    }
}

impl Shelf {
    /// The youngest block of that size, whose caches are the warmest; counts it as used even where there is none.
    fn take(&mut self, size: usize) -> Option<Block> {
        self.used += size;
        let found = self.blocks[..self.count].iter().rposition(|block| block.size == size);
        let taken = found.and_then(|at| self.remove(at));
        self.most_used = self.most_used.max(self.used);
        taken
    }

    /// Keeps a freed block; gives back those for which there is no room.
    fn put(&mut self, block: Block) -> Option<Block> {
        self.used -= block.size;
        if self.kept + self.used + block.size > self.most_used {
            return Some(block);
        }
        let oldest = if self.count == SLOTS { self.remove(0) } else { None };
        self.blocks[self.count] = block;
        self.count += 1;
        self.kept += block.size;
        oldest
    }

    fn remove(&mut self, at: usize) -> Option<Block> {
        let block = *self.blocks[..self.count].get(at)?;
        self.blocks.copy_within(at + 1..self.count, at);
        self.count -= 1;
        self.kept -= block.size;
        Some(block)
    }
}

/// The layout with which a block of `layout` is asked from the system; `None` for blocks that are not kept.
fn kept_layout(layout: Layout) -> Option<Layout> {
    let size = layout.size();
    if size < SMALLEST || layout.align() > ALIGNMENT {
        return None;
    }
    let grain = (size.next_power_of_two() / 2).max(SMALLEST) / SIZES_PER_DOUBLING;
    Layout::from_size_align(size.checked_next_multiple_of(grain)?, ALIGNMENT).ok()
}

fn release(block: Block) {
    let layout = Layout::from_size_align(block.size, ALIGNMENT);
    if let Ok(layout) = layout {
        // SAFETY: kept blocks were allocated by the system with this very layout, and are nobody's.
        unsafe { System.dealloc(with_exposed_provenance_mut(block.address), layout) };
    }
}

// SAFETY: blocks come from the system's allocator with at least the size and alignment that were asked for; a block is on the
// shelf only between its deallocation and its next allocation; its layout is a function of the one that the caller gives.
// Nothing here panics or allocates.
unsafe impl GlobalAlloc for KeptPages {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match kept_layout(layout) {
            Some(layout) => self.take(layout, false).0,
            // SAFETY: as for the caller.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(kept) = kept_layout(layout) else {
            // SAFETY: as for the caller.
            return unsafe { System.alloc_zeroed(layout) };
        };
        let (address, zeroed) = self.take(kept, true);
        if !zeroed && !address.is_null() {
            // SAFETY: the block has at least this size.
            unsafe { address.write_bytes(0, layout.size()) };
        }
        address
    }

    unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
        match kept_layout(layout) {
            Some(kept) => {
                let unwanted = self.shelf().put(Block { address: address.expose_provenance(), size: kept.size() });
                if let Some(unwanted) = unwanted {
                    release(unwanted);
                }
            }
            // SAFETY: as for the caller; blocks of such layouts come from the system.
            None => unsafe { System.dealloc(address, layout) },
        }
    }

    unsafe fn realloc(&self, address: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Ok(new) = Layout::from_size_align(new_size, layout.align()) else { return std::ptr::null_mut() };
        match (kept_layout(layout), kept_layout(new)) {
            (Some(old), Some(new)) if old == new => address,
            // SAFETY: as for the caller.
            (Some(old), Some(new)) => unsafe { self.resize(address, old, new.size()) },
            // SAFETY: as for the caller.
            (None, None) => unsafe { System.realloc(address, layout, new_size) },
            // SAFETY: both blocks have at least the smaller of the two sizes, and do not overlap.
            _ => unsafe {
                let moved = self.alloc(new);
                if !moved.is_null() {
                    address.copy_to_nonoverlapping(moved, layout.size().min(new_size));
                    self.dealloc(address, layout);
                }
                moved
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 16).expect("small enough")
    }

    #[test]
    fn a_freed_block_is_handed_out_again_and_cleared_where_that_is_asked_for() {
        let allocator = KeptPages::new();
        // SAFETY: each block is written within its size, and freed once with the layout of its allocation.
        unsafe {
            let first = allocator.alloc(layout(3 << 20));
            first.write_bytes(7, 3 << 20);
            allocator.dealloc(first, layout(3 << 20));
            let again = allocator.alloc_zeroed(layout((3 << 20) - 100));
            assert_eq!(again, first);
            assert!(std::slice::from_raw_parts(again, (3 << 20) - 100).iter().all(|&byte| byte == 0));
            allocator.dealloc(again, layout((3 << 20) - 100));
        }
    }

    #[test]
    fn no_more_is_kept_than_was_used_at_once() {
        let allocator = KeptPages::new();
        // SAFETY: each block is freed once with the layout of its allocation.
        unsafe {
            for size in [2 << 20, 4 << 20, 8 << 20] {
                let block = allocator.alloc(layout(size));
                let shelf = allocator.shelf();
                assert!(shelf.kept + shelf.used <= shelf.most_used, "{shelf:?}");
                drop(shelf);
                allocator.dealloc(block, layout(size));
            }
        }
        assert_eq!(allocator.shelf().most_used, 8 << 20);
    }

    #[test]
    fn a_block_that_grows_keeps_its_bytes() {
        let allocator = KeptPages::new();
        // SAFETY: each block is written within its size, and freed once with the layout of its last allocation.
        unsafe {
            let mut block = allocator.alloc(layout(1000));
            block.write_bytes(9, 1000);
            let mut size = 1000;
            for larger in [2 << 20, (2 << 20) + 10, 5 << 20, 2000] {
                block = allocator.realloc(block, layout(size), larger);
                size = larger;
                assert!(std::slice::from_raw_parts(block, 1000).iter().all(|&byte| byte == 9));
            }
            allocator.dealloc(block, layout(size));
        }
    }

    #[test]
    fn a_block_that_grows_or_shrinks_is_not_held_twice() {
        let allocator = KeptPages::new();
        // SAFETY: the block is freed once with the layout of its last allocation.
        unsafe {
            let block = allocator.alloc(layout(8 << 20));
            let block = allocator.realloc(block, layout(8 << 20), 16 << 20);
            let block = allocator.realloc(block, layout(16 << 20), 2 << 20);
            assert_eq!(allocator.shelf().used, 2 << 20);
            allocator.dealloc(block, layout(2 << 20));
        }
        let shelf = allocator.shelf();
        assert_eq!((shelf.used, shelf.most_used), (0, 16 << 20));
    }

    proptest! {
        #[test]
        fn an_eighth_of_a_block_at_most_is_not_used(size in SMALLEST..1 << 34) {
            let kept = kept_layout(layout(size)).expect("large").size();
            prop_assert!(kept >= size && kept - size <= size / SIZES_PER_DOUBLING);
            prop_assert_eq!(kept_layout(layout(kept)).expect("large").size(), kept);
        }
    }
}
