//! Division of a convolution into tasks: blocks of output channels, and regions of output voxels that fit into the cache.

use std::ops::Range;

use super::axis::Positions;
use super::boundary::BoundaryZone;
use super::forward_task::{PhaseRows, ZoneRows};
use super::forward_tile::Row;
use super::stencil::Mapping;
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
    pub(super) fn divide(mapping: &Mapping, samples: usize, inputs: usize) -> Vec<Self> {
        let [depth, height, width] = mapping.written;
        let [_, read_height, read_width] = mapping.read;
        let row_bytes = inputs * mapping.reach[0] * read_width * size_of::<f32>();
        let max_read_rows = (REGION_BYTES / row_bytes).saturating_sub(mapping.reach[1] - 1);
        let max_rows = (max_read_rows * height / read_height).clamp(1, height);
        let strips = height.div_ceil(max_rows).max((height * width).div_ceil(4 * REGION_VOXELS).min(height));
        let planes = if strips > 1 { 1 } else { (REGION_VOXELS / (height * width)).clamp(1, depth) };
        let plane_groups = depth.div_ceil(planes);
        let samples_together =
            if plane_groups > 1 { 1 } else { (REGION_VOXELS / mapping.written_voxels()).clamp(1, samples) };
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
    pub(super) fn first_voxel(&self, mapping: &Mapping) -> usize {
        (self.planes.start * mapping.written[1] + self.rows.start) * self.width
    }

    /// The rows of the region in each zone of each phase.
    pub(super) fn rows_by_phase<'a>(&self, mapping: &'a Mapping) -> Vec<PhaseRows<'a>> {
        let rows = |zones: &'a [BoundaryZone]| zones.iter().map(|zone| self.rows_in(mapping, zone)).collect();
        mapping.phases.iter().map(|phase| PhaseRows { taps: phase.taps, zones: rows(&phase.zones) }).collect()
    }

    fn rows_in<'a>(&self, mapping: &Mapping, zone: &'a BoundaryZone) -> ZoneRows<'a> {
        let first = self.first_voxel(mapping);
        let z = zone.written[0].indices_within(&self.planes);
        let y = zone.written[1].indices_within(&self.rows);
        let mut rows = Vec::with_capacity(self.samples.len() * z.len() * y.len());
        for sample in self.samples.clone() {
            for z in z.clone() {
                rows.extend(y.clone().map(|y| {
                    let voxel = |axes: &[Positions; 3], [_, height, width]: [usize; 3]| {
                        (axes[0].position(z) * height + axes[1].position(y)) * width + axes[2].start
                    };
                    let written = voxel(&zone.written, mapping.written);
                    let sum = (sample - self.samples.start) * self.sample_voxels() + written - first;
                    Row { sample, voxel: voxel(&zone.read, mapping.read), sum }
                }));
            }
        }
        ZoneRows { rows, zone }
    }
}
