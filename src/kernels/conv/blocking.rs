//! Division of a convolution into tasks: blocks of output channels, and regions of output voxels that fit into the cache.

use std::ops::Range;

use super::boundary::{BoundaryZone, Stencil};
use super::forward_task::ZoneRows;
use super::forward_tile::Row;
use crate::kernels::simd::InstructionSet;

/// Input bytes that a region reads, about: less than half of the second-level cache of most processors.
const REGION_BYTES: usize = 400 << 10;

/// Voxels of a region if the maps are small, about: enough to reuse each weight many times.
const REGION_VOXELS: usize = 256;

/// Output channels that are computed together.
pub(super) struct ChannelBlock {
    pub(super) channels: Range<usize>,
    /// Registers that hold one value per channel.
    pub(super) vectors: usize,
}

impl ChannelBlock {
    /// Divides the channels into blocks of at most `max_vectors` registers, as equal as possible.
    pub(super) fn divide(outputs: usize, instructions: InstructionSet, max_vectors: usize) -> Vec<Self> {
        let vectors = outputs.div_ceil(instructions.lanes());
        let blocks = vectors.div_ceil(max_vectors);
        let first_vector = |block: usize| block * vectors / blocks;
        let first_channel = |vector: usize| outputs.min(vector * instructions.lanes());
        (0..blocks)
            .map(|block| Self {
                channels: first_channel(first_vector(block))..first_channel(first_vector(block + 1)),
                vectors: first_vector(block + 1) - first_vector(block),
            })
            .collect()
    }
}

/// Rows of some planes of some samples, contiguous in each sample.
#[derive(Clone, Debug)]
pub(super) struct Region {
    pub(super) samples: Range<usize>,
    planes: Range<usize>,
    rows: Range<usize>,
    /// Voxels of a row.
    width: usize,
}

impl Region {
    /// Divides an output into regions; consecutive ones read almost the same input.
    pub(super) fn divide(stencil: &Stencil, samples: usize, inputs: usize) -> Vec<Self> {
        let [depth, height, width] = stencil.size;
        let row_bytes = inputs * stencil.kernel[0] * width * size_of::<f32>();
        let max_rows = (REGION_BYTES / row_bytes).saturating_sub(stencil.kernel[1] - 1).clamp(1, height);
        let strips = height.div_ceil(max_rows).max((height * width).div_ceil(4 * REGION_VOXELS).min(height));
        let planes = if strips > 1 { 1 } else { (REGION_VOXELS / (height * width)).clamp(1, depth) };
        let plane_groups = depth.div_ceil(planes);
        let samples_together = if plane_groups > 1 { 1 } else { (REGION_VOXELS / stencil.voxels()).clamp(1, samples) };
        let sample_groups = samples.div_ceil(samples_together);
        let part = |index: usize, parts: usize, whole: usize| index * whole / parts..(index + 1) * whole / parts;
        let mut regions = Vec::with_capacity(sample_groups * strips * plane_groups);
        for sample_group in 0..sample_groups {
            for strip in 0..strips {
                for plane_group in 0..plane_groups {
                    regions.push(Self {
                        samples: part(sample_group, sample_groups, samples),
                        planes: part(plane_group, plane_groups, depth),
                        rows: part(strip, strips, height),
                        width,
                    });
                }
            }
        }
        regions
    }

    /// Voxels per sample.
    pub(super) fn sample_voxels(&self) -> usize {
        self.planes.len() * self.rows.len() * self.width
    }

    /// Voxels of all samples.
    pub(super) fn voxels(&self) -> usize {
        self.samples.len() * self.sample_voxels()
    }

    /// Index of the first voxel in its map.
    pub(super) fn first_voxel(&self, stencil: &Stencil) -> usize {
        (self.planes.start * stencil.size[1] + self.rows.start) * self.width
    }

    /// The rows of the region in each zone.
    pub(super) fn rows_by_zone<'a>(&self, stencil: &Stencil, zones: &'a [BoundaryZone]) -> Vec<ZoneRows<'a>> {
        zones.iter().map(|zone| self.rows_in(stencil, zone)).collect()
    }

    fn rows_in<'a>(&self, stencil: &Stencil, zone: &'a BoundaryZone) -> ZoneRows<'a> {
        let first = self.first_voxel(stencil);
        let z = intersect(&self.planes, &zone.voxels[0]);
        let y = intersect(&self.rows, &zone.voxels[1]);
        let mut rows = Vec::with_capacity(self.samples.len() * z.len() * y.len());
        for sample in self.samples.clone() {
            for z in z.clone() {
                rows.extend(y.clone().map(|y| {
                    let voxel = (z * stencil.size[1] + y) * self.width + zone.voxels[2].start;
                    let sum = (sample - self.samples.start) * self.sample_voxels() + voxel - first;
                    Row { sample, voxel, sum }
                }));
            }
        }
        ZoneRows { rows, zone }
    }
}

fn intersect(left: &Range<usize>, right: &Range<usize>) -> Range<usize> {
    left.start.max(right.start)..left.end.min(right.end)
}
