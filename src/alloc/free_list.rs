//! Freed blocks that the allocator keeps for reuse.

use super::block::Block;

/// Maximum number of kept blocks.
const CAPACITY: usize = 1024;

/// Kept blocks, least recently freed first, and how much memory is kept and in use.
#[derive(Debug)]
pub(super) struct FreeList {
    blocks: [Block; CAPACITY],
    len: usize,
    /// Bytes of all kept blocks.
    pub(super) kept: usize,
    /// Bytes of all blocks that the program uses.
    pub(super) used: usize,
    /// Maximum of `used` so far.
    pub(super) peak: usize,
}

impl FreeList {
    pub(super) const fn new() -> Self {
        Self { blocks: [Block { address: 0, size: 0 }; CAPACITY], len: 0, kept: 0, used: 0, peak: 0 }
    }

    /// Counts `size` bytes as used, and takes the most recently freed block of that size, which the caches are most likely to hold.
    pub(super) fn take(&mut self, size: usize) -> Option<Block> {
        self.used += size;
        let found = self.blocks[..self.len].iter().rposition(|block| block.size == size);
        let taken = found.and_then(|index| self.remove(index));
        self.peak = self.peak.max(self.used);
        taken
    }

    /// Keeps a freed block. Returns a block to release: the new one if keeping it would exceed the peak, the oldest if the list is
    /// full.
    pub(super) fn put(&mut self, block: Block) -> Option<Block> {
        self.used -= block.size;
        if self.kept + self.used + block.size > self.peak {
            return Some(block);
        }
        let oldest = if self.len == CAPACITY { self.remove(0) } else { None };
        self.blocks[self.len] = block;
        self.len += 1;
        self.kept += block.size;
        oldest
    }

    /// Counts a used block as resized.
    pub(super) fn resize(&mut self, old_size: usize, new_size: usize) {
        self.used = self.used - old_size + new_size;
        self.peak = self.peak.max(self.used);
    }

    /// Removes the oldest block while kept and used blocks together exceed the peak.
    pub(super) fn pop_excess(&mut self) -> Option<Block> {
        if self.kept + self.used > self.peak { self.remove(0) } else { None }
    }

    fn remove(&mut self, index: usize) -> Option<Block> {
        let block = *self.blocks[..self.len].get(index)?;
        self.blocks.copy_within(index + 1..self.len, index);
        self.len -= 1;
        self.kept -= block.size;
        Some(block)
    }
}
