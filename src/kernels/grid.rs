//! Maps with zeros around each plane, laid out so that a tap of the kernel is one constant offset.
//!
//! A plane holds `py` rows of zeros, the rows of the map, and `py` rows of zeros. A row is followed by `px` zeros, which
//! are also the border on the left of the next row; the first row is preceded by `px` zeros and some more, so
//! that the first voxel is aligned. There are no planes of zeros
//! along z: taps outside are left out by the loops. An output voxel `(y, x)` has the position `y · row + x`; its input under
//! tap `(j, i)` lies `j · row + i` behind that position.
#![expect(unsafe_code, reason = "memory that is written before it is read")]

use rayon::prelude::*;

use super::fresh::{clear, fresh, written};

/// A plane is a multiple of this, the widest vector and a cache line in `f32`.
const ALIGN: usize = 16;

/// What a strip reads, about, bytes: less than half of the second cache of most processors.
const STRIP_BYTES: usize = 400 << 10;

/// Numbers whose first one begins a cache line.
pub(super) struct Padded {
    values: Vec<f32>,
    start: usize,
}

impl Padded {
    /// Numbers that are 0 where `fill`, which is given each chunk of `length` and its number, leaves them.
    pub(super) fn new(count: usize, length: usize, fill: impl Fn(usize, &mut [f32]) + Sync) -> Self {
        let mut values = fresh(count + ALIGN);
        let start = values.as_ptr().align_offset(ALIGN * size_of::<f32>());
        let start = if start < ALIGN { start } else { 0 };
        let (before, rest) = values.split_at_mut(start);
        let (chunks, after) = rest.split_at_mut(count);
        clear(before);
        clear(after);
        chunks.par_chunks_mut(length).enumerate().for_each(|(at, chunk)| fill(at, clear(chunk)));
        // SAFETY: what is before, in and after the chunks has been cleared.
        Self { values: unsafe { written(values) }, start }
    }

    pub(super) fn values(&self) -> &[f32] {
        &self.values[self.start..][..self.values.len() - ALIGN]
    }
}

/// Sizes of padded maps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    /// Edges of the maps, `[z, y, x]`.
    pub(super) size: [usize; 3],
    /// Edges of the kernel, `[z, y, x]`, odd.
    pub(super) kernel: [usize; 3],
    /// Distance of two rows.
    pub(super) row: usize,
    /// Zeros before each plane, so that its first voxel is aligned.
    pub(super) lead: usize,
    /// Distance of two planes. Holds what a last, partly filled vector of positions reads under the last tap.
    pub(super) plane: usize,
}

impl Grid {
    pub(super) fn new(size: [usize; 3], kernel: [usize; 3]) -> Self {
        assert!(kernel.iter().all(|edge| edge % 2 == 1), "the kernel {kernel:?} has an even edge");
        let row = size[2] + kernel[2] / 2;
        let border = kernel[1] / 2 * row + kernel[2] / 2;
        let lead = border.next_multiple_of(ALIGN) - border;
        let read = size[1] * row + ALIGN - 1 + (kernel[1] - 1) * row + kernel[2] - 1;
        Self { size, kernel, row, lead, plane: (lead + read).next_multiple_of(ALIGN) }
    }

    /// Rows of the strips into which planes are divided, so that what `inputs` channels of a strip read under all taps stays
    /// in the second cache.
    pub(super) fn rows_of_strip(&self, inputs: usize) -> usize {
        let bytes_of_row = inputs * self.kernel[0] * self.row * size_of::<f32>();
        let most = (STRIP_BYTES / bytes_of_row).saturating_sub(self.kernel[1] - 1).clamp(1, self.size[1]);
        self.size[1].div_ceil(self.size[1].div_ceil(most))
    }

    /// Voxels of a plane of a map.
    pub(super) fn voxels(&self) -> usize {
        self.size[1] * self.size[2]
    }

    /// Voxels of the kernel.
    pub(super) fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Where the first voxel of a plane is.
    pub(super) fn origin(&self) -> usize {
        self.lead + self.kernel[1] / 2 * self.row + self.kernel[2] / 2
    }

    /// Offsets of the taps of one plane of the kernel, in the order of its voxels.
    pub(super) fn plane_taps(&self) -> impl Iterator<Item = usize> + use<'_> {
        (0..self.kernel[1]).flat_map(move |j| (0..self.kernel[2]).map(move |i| j * self.row + i))
    }

    /// Planes of the kernel that lie within the map when its centre is on plane `z`.
    pub(super) fn planes_at(&self, z: usize) -> std::ops::Range<usize> {
        let half = self.kernel[0] / 2;
        half.saturating_sub(z)..self.kernel[0].min(self.size[0] + half - z)
    }

    /// The maps with zeros around each plane. The channels of several sets of maps, whose counts are given, follow each other.
    pub(super) fn pad(&self, sets: &[&[f32]], channels: &[usize]) -> Padded {
        let all: usize = channels.iter().sum();
        let samples = sets[0].len() / (channels[0] * self.size[0] * self.voxels());
        let length = self.size[0] * self.plane;
        Padded::new(samples * all * length, length, |at, padded| {
            let (sample, mut channel) = (at / all, at % all);
            let mut set = 0;
            while channel >= channels[set] {
                channel -= channels[set];
                set += 1;
            }
            let volume = self.size[0] * self.voxels();
            let map = &sets[set][(sample * channels[set] + channel) * volume..][..volume];
            for (padded, plane) in padded.chunks_mut(self.plane).zip(map.chunks(self.voxels())) {
                for (to, from) in padded[self.origin()..].chunks_mut(self.row).zip(plane.chunks(self.size[2])) {
                    to[..from.len()].copy_from_slice(from);
                }
            }
        })
    }
}
