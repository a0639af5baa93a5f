//! The global allocator of the program: it reuses large blocks, so that the feature maps of a training step occupy the memory of
//! the previous step.
//!
//! The system's allocator returns the pages of a large block when it is freed, and the kernel must clear new pages for the next
//! one, which takes an eighth of a training step. [`CachingAllocator`] keeps freed blocks and hands them out again. Kept and used
//! blocks together never exceed the maximum that the program has used at once, so the peak memory does not grow. Blocks below
//! 128 KiB are passed through to the system's allocator.
#![expect(unsafe_code, reason = "an allocator hands out raw memory")]

mod block;
mod free_list;

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::with_exposed_provenance_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};

use self::block::{Block, rounded_layout};
use self::free_list::FreeList;

/// An allocator that keeps freed blocks: `#[global_allocator] static ALLOCATOR: CachingAllocator = CachingAllocator::new();`.
#[derive(Debug)]
pub struct CachingAllocator(Mutex<FreeList>);

impl CachingAllocator {
    /// An allocator without kept blocks.
    pub const fn new() -> Self {
        Self(Mutex::new(FreeList::new()))
    }

    fn free_list(&self) -> MutexGuard<'_, FreeList> {
        // Nothing panics while holding the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block of a rounded layout, and whether it is known to be zero; null if the system is out of memory.
    fn take(&self, layout: Layout, zeroed: bool) -> (*mut u8, bool) {
        let kept = {
            let mut list = self.free_list();
            let kept = list.take(layout.size());
            if kept.is_none() {
                // Before the new block is requested, so that both do not exist at the same time.
                while let Some(oldest) = list.pop_excess() {
                    oldest.release();
                }
            }
            kept
        };
        if let Some(block) = kept {
            return (with_exposed_provenance_mut(block.address), false);
        }
        // SAFETY: a rounded layout has a size of at least `MIN_SIZE`.
        let address = unsafe { if zeroed { System.alloc_zeroed(layout) } else { System.alloc(layout) } };
        if address.is_null() {
            self.free_list().used -= layout.size();
        }
        (address, zeroed)
    }

    /// Resizes a block, keeping its contents; null, with the block unchanged, if the system is out of memory.
    ///
    /// # Safety
    ///
    /// The block was handed out with the layout `old`, and both sizes are those of [`rounded_layout`].
    unsafe fn resize(&self, address: *mut u8, old: Layout, new_size: usize) -> *mut u8 {
        {
            let mut list = self.free_list();
            list.resize(old.size(), new_size);
            while let Some(oldest) = list.pop_excess() {
                oldest.release();
            }
        }
        // SAFETY: guaranteed by the caller. The system moves pages instead of copying them, so both blocks do not exist at the
        // same time.
        let moved = unsafe { System.realloc(address, old, new_size) };
        if moved.is_null() {
            let mut list = self.free_list();
            list.used = list.used - new_size + old.size();
        }
        moved
    }
}

impl Default for CachingAllocator {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: blocks come from the system's allocator with at least the requested size and alignment. A block is in the free list only
// between its deallocation and its next allocation. Its layout is a function of the layout that the caller passes. Nothing here
// panics or allocates.
unsafe impl GlobalAlloc for CachingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match rounded_layout(layout) {
            Some(rounded) => self.take(rounded, false).0,
            // SAFETY: guaranteed by the caller.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(rounded) = rounded_layout(layout) else {
            // SAFETY: guaranteed by the caller.
            return unsafe { System.alloc_zeroed(layout) };
        };
        let (address, zeroed) = self.take(rounded, true);
        if !zeroed && !address.is_null() {
            // SAFETY: the block has at least this size.
            unsafe { address.write_bytes(0, layout.size()) };
        }
        address
    }

    unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
        match rounded_layout(layout) {
            Some(rounded) => {
                let freed = Block { address: address.expose_provenance(), size: rounded.size() };
                let released = self.free_list().put(freed);
                if let Some(block) = released {
                    block.release();
                }
            }
            // SAFETY: guaranteed by the caller; the system allocated blocks of such layouts.
            None => unsafe { System.dealloc(address, layout) },
        }
    }

    unsafe fn realloc(&self, address: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Ok(new) = Layout::from_size_align(new_size, layout.align()) else { return std::ptr::null_mut() };
        match (rounded_layout(layout), rounded_layout(new)) {
            (Some(old), Some(new)) if old == new => address,
            // SAFETY: guaranteed by the caller.
            (Some(old), Some(new)) => unsafe { self.resize(address, old, new.size()) },
            // SAFETY: guaranteed by the caller.
            (None, None) => unsafe { System.realloc(address, layout, new_size) },
            // SAFETY: both blocks have at least the smaller of the two sizes, and they do not overlap.
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

    use super::block::{MIN_SIZE, SIZES_PER_DOUBLING};
    use super::*;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 16).expect("small enough")
    }

    #[test]
    fn a_freed_block_is_reused_and_zeroed_on_request() {
        let allocator = CachingAllocator::new();
        // SAFETY: each block is written within its size, and freed once with the layout of its allocation.
        unsafe {
            let first = allocator.alloc(layout(3 << 20));
            first.write_bytes(7, 3 << 20);
            allocator.dealloc(first, layout(3 << 20));
            let reused = allocator.alloc_zeroed(layout((3 << 20) - 100));
            assert_eq!(reused, first);
            assert!(std::slice::from_raw_parts(reused, (3 << 20) - 100).iter().all(|&byte| byte == 0));
            allocator.dealloc(reused, layout((3 << 20) - 100));
        }
    }

    #[test]
    fn kept_and_used_blocks_never_exceed_the_peak() {
        let allocator = CachingAllocator::new();
        // SAFETY: each block is freed once with the layout of its allocation.
        unsafe {
            for size in [2 << 20, 4 << 20, 8 << 20] {
                let block = allocator.alloc(layout(size));
                let list = allocator.free_list();
                assert!(list.kept + list.used <= list.peak, "{list:?}");
                drop(list);
                allocator.dealloc(block, layout(size));
            }
        }
        assert_eq!(allocator.free_list().peak, 8 << 20);
    }

    #[test]
    fn a_resized_block_keeps_its_bytes() {
        let allocator = CachingAllocator::new();
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
    fn a_resized_block_is_counted_once() {
        let allocator = CachingAllocator::new();
        // SAFETY: the block is freed once with the layout of its last allocation.
        unsafe {
            let block = allocator.alloc(layout(8 << 20));
            let block = allocator.realloc(block, layout(8 << 20), 16 << 20);
            let block = allocator.realloc(block, layout(16 << 20), 2 << 20);
            assert_eq!(allocator.free_list().used, 2 << 20);
            allocator.dealloc(block, layout(2 << 20));
        }
        let list = allocator.free_list();
        assert_eq!((list.used, list.peak), (0, 16 << 20));
    }

    proptest! {
        #[test]
        fn rounding_wastes_at_most_an_eighth_of_a_block(size in MIN_SIZE..1 << 34) {
            let rounded = rounded_layout(layout(size)).expect("large").size();
            prop_assert!(rounded >= size && rounded - size <= size / SIZES_PER_DOUBLING);
            prop_assert_eq!(rounded_layout(layout(rounded)).expect("large").size(), rounded);
        }
    }
}
