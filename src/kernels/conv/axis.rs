//! One axis of a convolution: which taps of the kernel connect each position that is written with positions that are read.
//!
//! Forward, the output is written and the input is read; for the input gradient, the other way round. With a stride, the positions
//! of the input fall into phases, the remainders modulo the stride, each of which has its own taps.

use std::ops::Range;

/// Maximum distance of the positions read by adjacent voxels of a row; tiles exist for these distances only.
const MAX_ROW_STEP: usize = 2;

/// One axis of a convolution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// Edge of the input.
    pub(super) size: usize,
    /// Edge of the kernel.
    pub(super) kernel: usize,
    /// Distance of the kernel's positions.
    pub(super) stride: usize,
    /// Zeros before and after the input.
    pub(super) padding: usize,
}

/// Equally spaced positions along an axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Positions {
    pub(super) start: usize,
    pub(super) step: usize,
    pub(super) count: usize,
}

/// A tap of the kernel along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AxisTap {
    /// Index in the kernel.
    pub(super) index: usize,
    /// Offset of the position that it reads.
    pub(super) offset: isize,
    /// Positions of the zone for which it lies within the map.
    pub(super) visible: Visible,
}

/// Positions of a zone that see a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visible {
    All,
    NotFirst,
    NotLast,
}

/// Positions with the same taps within the map, and the positions that their taps of offset 0 read.
#[derive(Clone, Debug)]
pub(super) struct AxisZone {
    pub(super) written: Positions,
    pub(super) read: Positions,
    pub(super) taps: Vec<AxisTap>,
}

/// All positions of a phase, with every tap.
pub(super) struct Phase {
    whole: AxisZone,
    /// Edge of the map that is read.
    read_size: usize,
}

impl Axis {
    /// Edge of the output.
    pub(super) fn output_size(self) -> usize {
        (self.size + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// The only phase of the output.
    pub(super) fn forward(self) -> Phase {
        let Self { size, kernel, stride, padding } = self;
        let tap = |index| AxisTap { index, offset: index as isize - padding as isize, visible: Visible::All };
        let count = self.output_size();
        let whole = AxisZone {
            written: Positions { start: 0, step: 1, count },
            read: Positions { start: 0, step: stride, count },
            taps: (0..kernel).map(tap).collect(),
        };
        Phase { whole, read_size: size }
    }

    /// The phases of the input gradient.
    pub(super) fn input_gradient(self) -> Vec<Phase> {
        (0..self.stride.min(self.size)).map(|start| self.input_gradient_phase(start)).collect()
    }

    fn input_gradient_phase(self, start: usize) -> Phase {
        let Self { size, kernel, stride, padding } = self;
        let tap = |index: usize| {
            let distance = (start + padding) as isize - index as isize;
            let offset = distance.div_euclid(stride as isize);
            let divisible = distance.rem_euclid(stride as isize) == 0;
            divisible.then_some(AxisTap { index, offset, visible: Visible::All })
        };
        let count = (size - start).div_ceil(stride);
        let whole = AxisZone {
            written: Positions { start, step: stride, count },
            read: Positions { start: 0, step: 1, count },
            taps: (0..kernel).rev().filter_map(tap).collect(),
        };
        Phase { whole, read_size: self.output_size() }
    }
}

impl Positions {
    pub(super) fn position(&self, index: usize) -> usize {
        self.start + index * self.step
    }

    /// Indices of the positions within a range.
    pub(super) fn indices_within(&self, range: &Range<usize>) -> Range<usize> {
        let before = |end: usize| end.saturating_sub(self.start).div_ceil(self.step).min(self.count);
        before(range.start)..before(range.end)
    }

    fn single(&self, index: usize) -> Self {
        Self { start: self.position(index), step: 1, count: 1 }
    }
}

impl Phase {
    /// Number of taps, of which each position sees at least some.
    pub(super) fn taps(&self) -> usize {
        self.whole.taps.len()
    }

    /// Zones whose positions all see the same taps.
    pub(super) fn zones(&self) -> Vec<AxisZone> {
        let mut zones: Vec<AxisZone> = Vec::new();
        for (index, single) in self.single_positions().into_iter().enumerate() {
            match zones.last_mut() {
                Some(last) if last.taps == single.taps => {
                    last.written = Positions { count: last.written.count + 1, ..last.written };
                    last.read = Positions { count: last.read.count + 1, ..last.read };
                }
                _ => {
                    let AxisZone { written, read, .. } = self.whole;
                    let from =
                        |positions: Positions| Positions { start: positions.position(index), count: 1, ..positions };
                    zones.push(AxisZone { written: from(written), read: from(read), taps: single.taps });
                }
            }
        }
        zones
    }

    /// Zones of a row, in which a tap may be missing at the first or at the last voxel.
    pub(super) fn row_zones(&self) -> Vec<AxisZone> {
        if self.whole.read.step > MAX_ROW_STEP {
            self.single_positions()
        } else {
            self.row_zone().map_or_else(|| self.zones(), |zone| vec![zone])
        }
    }

    /// The whole row as one zone; `None` if some tap is missing at more than one of its ends, or at several voxels.
    fn row_zone(&self) -> Option<AxisZone> {
        let count = self.whole.written.count;
        let mut taps = Vec::with_capacity(self.taps());
        for tap in &self.whole.taps {
            let missing: Vec<usize> = (0..count).filter(|index| !self.sees(*tap, *index)).collect();
            let visible = match missing[..] {
                _ if missing.len() == count => continue,
                [] => Visible::All,
                [0] => Visible::NotFirst,
                [last] if last + 1 == count => Visible::NotLast,
                _ => return None,
            };
            taps.push(AxisTap { visible, ..*tap });
        }
        Some(AxisZone { taps, ..self.whole.clone() })
    }

    /// One zone per position.
    fn single_positions(&self) -> Vec<AxisZone> {
        let AxisZone { written, read, taps } = &self.whole;
        let zone = |index| AxisZone {
            written: written.single(index),
            read: read.single(index),
            taps: taps.iter().filter(|tap| self.sees(**tap, index)).copied().collect(),
        };
        (0..written.count).map(zone).collect()
    }

    fn sees(&self, tap: AxisTap, index: usize) -> bool {
        let position = self.whole.read.position(index).checked_add_signed(tap.offset);
        position.is_some_and(|position| position < self.read_size)
    }
}
