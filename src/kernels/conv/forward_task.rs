//! Convolution of one task: a region of the output and a block of output channels.
#![expect(unsafe_code, reason = "vector instructions on raw pointers")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m512};

use super::boundary::BoundaryZone;
use super::forward_tile::{InputChunk, Row, accumulate_rows};
use crate::kernels::channels::Channels;
use crate::kernels::simd::{InstructionSet, Vector};

/// Weights that are applied to all voxels before the next ones, bytes, about: they stay in the first-level cache.
const WEIGHT_BYTES: usize = 18 << 10;

/// Maximum number of vectors of a tile.
pub(super) fn max_vectors(instructions: InstructionSet) -> usize {
    match instructions {
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 => 3,
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 => 2,
        InstructionSet::Portable => 2,
    }
}

/// Rows in one zone.
pub(super) struct ZoneRows<'a> {
    pub(super) rows: Vec<Row>,
    pub(super) zone: &'a BoundaryZone,
}

/// Rows in the zones of one phase.
pub(super) struct PhaseRows<'a> {
    /// Number of taps of the phase.
    pub(super) taps: usize,
    pub(super) zones: Vec<ZoneRows<'a>>,
}

/// Weights of a block of output channels, `[input, tap, output]`; lanes beyond the last output are 0.
#[derive(Clone, Copy)]
pub(super) struct PackedWeights<'a> {
    pub(super) values: &'a [f32],
    /// Taps of the kernel.
    pub(super) taps: usize,
    /// Vectors that hold the output channels.
    pub(super) vectors: usize,
}

/// Adds the contributions of all inputs to the sums, `[voxel, output]`.
///
/// # Panics
///
/// When a length does not match, or a tap lies outside its map.
pub(super) fn accumulate(
    inputs: &[Channels<'_>],
    phases: &[PhaseRows<'_>],
    weights: PackedWeights<'_>,
    sums: &mut [f32],
    instructions: InstructionSet,
) {
    check(inputs, phases, weights, sums, instructions);
    // SAFETY: the processor supports the instruction set; all accesses lie within the bounds just checked.
    unsafe {
        match instructions {
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512 => accumulate_avx512(inputs, phases, weights, sums),
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2 => accumulate_avx2(inputs, phases, weights, sums),
            InstructionSet::Portable => dispatch_vectors::<[f32; 4]>(inputs, phases, weights, sums),
        }
    }
}

fn check(
    inputs: &[Channels<'_>],
    phases: &[PhaseRows<'_>],
    weights: PackedWeights<'_>,
    sums: &[f32],
    instructions: InstructionSet,
) {
    let stride = weights.vectors * instructions.lanes();
    let (channels, voxels): (usize, usize) = (inputs.iter().map(|input| input.count).sum(), inputs[0].voxels);
    assert_eq!(weights.values.len(), channels * weights.taps * stride);
    assert!(inputs.iter().all(|input| input.voxels == voxels));
    for ZoneRows { rows, zone } in phases.iter().flat_map(|phase| &phase.zones) {
        let [read, written] = [zone.read[2], zone.written[2]];
        let length = written.count;
        assert!(read.count == length && length > 0);
        for row in rows {
            assert!((row.sum + (length - 1) * written.step + 1) * stride <= sums.len());
            assert!(inputs.iter().all(|input| (row.sample + 1) * input.count * voxels <= input.values.len()));
            let visible = zone.visible(true, true);
            let ranges =
                [(&visible.all, 0, length), (&visible.not_first, 1, length), (&visible.not_last, 0, length - 1)];
            for (taps, start, end) in ranges {
                for tap in taps.iter().filter(|_| start < end) {
                    let ends = [start, end - 1].map(|at| (row.voxel + at * read.step).checked_add_signed(tap.offset));
                    assert!(ends.iter().all(|end| end.is_some_and(|end| end < voxels)) && tap.index < weights.taps);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn accumulate_avx512(
    inputs: &[Channels<'_>],
    phases: &[PhaseRows<'_>],
    weights: PackedWeights<'_>,
    sums: &mut [f32],
) {
    // SAFETY: guaranteed by the caller.
    unsafe { dispatch_vectors::<__m512>(inputs, phases, weights, sums) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn accumulate_avx2(
    inputs: &[Channels<'_>],
    phases: &[PhaseRows<'_>],
    weights: PackedWeights<'_>,
    sums: &mut [f32],
) {
    // SAFETY: guaranteed by the caller.
    unsafe { dispatch_vectors::<__m256>(inputs, phases, weights, sums) }
}

#[inline(always)]
unsafe fn dispatch_vectors<V: Vector>(
    inputs: &[Channels<'_>],
    phases: &[PhaseRows<'_>],
    weights: PackedWeights<'_>,
    sums: &mut [f32],
) {
    // SAFETY: guaranteed by the caller.
    unsafe {
        match weights.vectors {
            1 => accumulate_vectors::<V, 1>(inputs, phases, weights, sums),
            2 => accumulate_vectors::<V, 2>(inputs, phases, weights, sums),
            3 => accumulate_vectors::<V, 3>(inputs, phases, weights, sums),
            other => unreachable!("no tile has {other} vectors"),
        }
    }
}

#[inline(always)]
unsafe fn accumulate_vectors<V: Vector, const VECTORS: usize>(
    inputs: &[Channels<'_>],
    phases: &[PhaseRows<'_>],
    weights: PackedWeights<'_>,
    sums: &mut [f32],
) {
    let vectors = VECTORS * V::LANES;
    let weight_stride = weights.taps * vectors;
    for PhaseRows { taps, zones } in phases {
        let chunk_len = (WEIGHT_BYTES / (taps * vectors * size_of::<f32>())).max(1);
        let mut first = 0;
        for input in inputs {
            for channel in (0..input.count).step_by(chunk_len) {
                let chunk = InputChunk {
                    maps: input.values[channel * input.voxels..].as_ptr(),
                    sample_stride: input.count * input.voxels,
                    channel_stride: input.voxels,
                    channels: chunk_len.min(input.count - channel),
                    weights: weights.values[(first + channel) * weight_stride..].as_ptr(),
                    weight_stride,
                };
                for ZoneRows { rows, zone } in zones {
                    // SAFETY: guaranteed by the caller.
                    unsafe { accumulate_rows::<V, VECTORS>(&chunk, rows, zone, sums.as_mut_ptr()) }
                }
            }
            first += input.count;
        }
    }
}
