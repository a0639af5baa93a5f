//! Parts of the output that one task computes, and where it writes them.
#![expect(unsafe_code, reason = "tasks write different rows of the same maps")]

use std::mem::MaybeUninit;
use std::ops::Range;

use super::border::{Shape, Zone};
use super::direct::{Row, Rows};
use super::transpose::{self, transpose};
use super::vector::Instructions;

/// What a region reads, about, bytes: less than half of the second cache of most processors.
const READ_BYTES: usize = 400 << 10;

/// Voxels that a region has, about, where the maps are small: enough to use each weight many times.
const ENOUGH_VOXELS: usize = 256;

/// Some rows of some planes of some samples, whose voxels follow each other in each sample.
#[derive(Clone, Debug)]
pub(super) struct Region {
    pub(super) samples: Range<usize>,
    /// `[z, y]`.
    rows: [Range<usize>; 2],
    /// Voxels of a row.
    width: usize,
}

/// All regions of an output, of which neighbours read almost the same.
pub(super) fn regions(shape: &Shape, samples: usize, inputs: usize) -> Vec<Region> {
    let [depth, height, width] = shape.size;
    let row = inputs * shape.kernel[0] * width * size_of::<f32>();
    let most = (READ_BYTES / row).saturating_sub(shape.kernel[1] - 1).clamp(1, height);
    let strips = height.div_ceil(most).max((height * width).div_ceil(4 * ENOUGH_VOXELS).min(height));
    let planes = if strips > 1 { 1 } else { (ENOUGH_VOXELS / (height * width)).clamp(1, depth) };
    let of_plane = depth.div_ceil(planes);
    let many = if of_plane > 1 { 1 } else { (ENOUGH_VOXELS / shape.volume()).clamp(1, samples) };
    let groups = samples.div_ceil(many);
    let mut regions = Vec::with_capacity(groups * strips * of_plane);
    for group in 0..groups {
        for strip in 0..strips {
            for plane in 0..of_plane {
                regions.push(Region {
                    samples: group * samples / groups..(group + 1) * samples / groups,
                    rows: [
                        plane * depth / of_plane..(plane + 1) * depth / of_plane,
                        strip * height / strips..(strip + 1) * height / strips,
                    ],
                    width,
                });
            }
        }
    }
    regions
}

impl Region {
    /// Voxels of a sample.
    pub(super) fn of_sample(&self) -> usize {
        self.rows.iter().map(Range::len).product::<usize>() * self.width
    }

    pub(super) fn voxels(&self) -> usize {
        self.samples.len() * self.of_sample()
    }

    /// Number of the first voxel in its map.
    pub(super) fn first(&self, shape: &Shape) -> usize {
        (self.rows[0].start * shape.size[1] + self.rows[1].start) * self.width
    }

    /// The rows of each zone.
    pub(super) fn rows<'a>(&self, shape: &Shape, zones: &'a [Zone]) -> Vec<Rows<'a>> {
        zones.iter().map(|zone| self.rows_of(shape, zone)).collect()
    }

    fn rows_of<'a>(&self, shape: &Shape, zone: &'a Zone) -> Rows<'a> {
        let first = self.first(shape);
        let both = |left: &Range<usize>, right: &Range<usize>| left.start.max(right.start)..left.end.min(right.end);
        let [z, y] = [0, 1].map(|axis| both(&self.rows[axis], &zone.voxels[axis]));
        let mut rows = Vec::with_capacity(self.samples.len() * z.len() * y.len());
        for sample in self.samples.clone() {
            for z in z.clone() {
                rows.extend(y.clone().map(|y| {
                    let voxel = (z * shape.size[1] + y) * self.width + zone.voxels[2].start;
                    let sum = (sample - self.samples.start) * self.of_sample() + voxel - first;
                    Row { sample, voxel, sum }
                }));
            }
        }
        Rows { rows, zone }
    }
}

/// Maps that many tasks write.
pub(super) struct Target {
    /// `[sample, channel, voxel]`.
    maps: *mut f32,
    /// Which channels of all targets they are.
    channels: Range<usize>,
    volume: usize,
    numbers: usize,
}

// SAFETY: those who call `write` take care that no two tasks write the same.
unsafe impl Sync for Target {}

impl Target {
    pub(super) fn of(maps: &mut [Box<[MaybeUninit<f32>]>], channels: &[usize], volume: usize) -> Vec<Self> {
        let mut first = 0;
        let mut target = |(maps, channels): (&mut Box<[MaybeUninit<f32>]>, &usize)| {
            first += channels;
            let (numbers, channels) = (maps.len(), first - channels..first);
            Self { maps: maps.as_mut_ptr().cast(), channels, volume, numbers }
        };
        maps.iter_mut().zip(channels).map(&mut target).collect()
    }

    /// Writes voxels of a sample from sums `[voxel, channel]` of some channels, as far as they are of this target.
    ///
    /// # Safety
    ///
    /// No two tasks write the same voxels of the same channels.
    pub(super) unsafe fn write(
        &self,
        sample: usize,
        channels: &Range<usize>,
        voxel: usize,
        sums: &[f32],
        wide: usize,
        by: Instructions,
    ) {
        let (first, end) = (channels.start.max(self.channels.start), channels.end.min(self.channels.end));
        if first >= end {
            return;
        }
        let voxels = sums.len() / wide;
        let at = (sample * self.channels.len() + first - self.channels.start) * self.volume + voxel;
        assert!(at + (end - first - 1) * self.volume + voxels <= self.numbers && end - channels.start <= wide);
        // SAFETY: as for the caller; the rows of sums and those of the maps lie within what was just checked.
        unsafe {
            let from = transpose::Rows { first: sums.as_ptr().add(first - channels.start), stride: wide };
            let to = transpose::Rows { first: self.maps.add(at), stride: self.volume };
            by.widest(|| transpose(from, to, voxels, end - first));
        }
    }
}
