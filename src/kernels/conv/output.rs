//! Output maps that several tasks write at the same time.
#![expect(unsafe_code, reason = "tasks write different parts of the same maps")]

use std::mem::MaybeUninit;
use std::ops::Range;

use crate::kernels::simd::InstructionSet;
use crate::kernels::transpose::{Matrix, transpose};

/// An output tensor shared by tasks.
pub(super) struct SharedOutput {
    /// `[sample, channel, voxel]`.
    values: *mut f32,
    len: usize,
    /// Its channels, counted across all outputs.
    channels: Range<usize>,
    /// Voxels of a map.
    voxels: usize,
}

// SAFETY: callers of `write` ensure that no two tasks write the same values.
unsafe impl Sync for SharedOutput {}

/// Sums of a block of channels, to be written to the outputs.
#[derive(Clone, Copy)]
pub(super) struct BlockSums<'a> {
    /// `[voxel, channel]`.
    pub(super) values: &'a [f32],
    /// Values per voxel: the channels, filled up to whole registers.
    pub(super) stride: usize,
    /// The channels, counted across all outputs.
    pub(super) channels: &'a Range<usize>,
    pub(super) sample: usize,
    /// Index of the first voxel in its map.
    pub(super) first_voxel: usize,
}

impl SharedOutput {
    /// The outputs, with `channels` channels each.
    pub(super) fn share(outputs: &mut [Box<[MaybeUninit<f32>]>], channels: &[usize], voxels: usize) -> Vec<Self> {
        let mut first = 0;
        let share = |(output, count): (&mut Box<[MaybeUninit<f32>]>, &usize)| {
            let channels = first..first + count;
            first += count;
            Self { values: output.as_mut_ptr().cast(), len: output.len(), channels, voxels }
        };
        outputs.iter_mut().zip(channels).map(share).collect()
    }

    /// Writes the sums of the channels that belong to this output.
    ///
    /// # Safety
    ///
    /// No two tasks write the same voxels of the same channels.
    pub(super) unsafe fn write(&self, sums: BlockSums<'_>, instructions: InstructionSet) {
        let BlockSums { values, stride, channels, sample, first_voxel } = sums;
        let (first, end) = (channels.start.max(self.channels.start), channels.end.min(self.channels.end));
        if first >= end {
            return;
        }
        let voxels = values.len() / stride;
        let start = (sample * self.channels.len() + first - self.channels.start) * self.voxels + first_voxel;
        assert!(start + (end - first - 1) * self.voxels + voxels <= self.len && end - channels.start <= stride);
        // SAFETY: the caller ensures exclusive access; both matrices lie within the bounds just checked.
        unsafe {
            let from = Matrix { first: values.as_ptr().add(first - channels.start), stride };
            let to = Matrix { first: self.values.add(start), stride: self.voxels };
            instructions.vectorize(|| transpose(from, to, voxels, end - first));
        }
    }
}
