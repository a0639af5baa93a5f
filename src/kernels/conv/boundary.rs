//! Which taps of a kernel lie within the map, for each voxel that is written.
//!
//! A tap is one position of the kernel. Voxels near the boundary of the map see fewer taps, since the zero padding is not stored.

use super::axis::{AxisZone, Positions, Visible};

/// A tap of the kernel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tap {
    /// Offset of the voxel that it reads, in elements of a map.
    pub(super) offset: isize,
    /// Index in the kernel.
    pub(super) index: usize,
}

/// Taps within the map for adjacent voxels of a row.
#[derive(Clone, Debug, Default)]
pub(super) struct VisibleTaps {
    /// Visible to all voxels.
    pub(super) all: Vec<Tap>,
    /// Visible to all voxels but the first.
    pub(super) not_first: Vec<Tap>,
    /// Visible to all voxels but the last.
    pub(super) not_last: Vec<Tap>,
}

/// A box of voxels with the same visible taps, except at the ends of its rows.
#[derive(Clone, Debug)]
pub(super) struct BoundaryZone {
    /// The voxels, `[z, y, x]`.
    pub(super) written: [Positions; 3],
    /// The voxels that their taps of offset 0 read, `[z, y, x]`.
    pub(super) read: [Positions; 3],
    /// Visible taps of voxels inside a row, at its beginning, at its end, and of a whole row.
    visible: [VisibleTaps; 4],
}

impl BoundaryZone {
    /// The voxels that lie in a zone of each axis, `[z, y, x]`; `read_size` are the edges of the maps that are read.
    pub(super) fn new(axes: [&AxisZone; 3], kernel: [usize; 3], read_size: [usize; 3]) -> Self {
        Self {
            written: axes.map(|axis| axis.written),
            read: axes.map(|axis| axis.read),
            visible: visible_taps(axes, kernel, read_size),
        }
    }

    /// Visible taps of adjacent voxels of a row, which may contain its first and its last voxel.
    pub(super) fn visible(&self, with_first: bool, with_last: bool) -> &VisibleTaps {
        &self.visible[usize::from(with_first) + 2 * usize::from(with_last)]
    }
}

fn visible_taps([z, y, x]: [&AxisZone; 3], kernel: [usize; 3], read_size: [usize; 3]) -> [VisibleTaps; 4] {
    let [_, ky, kx] = kernel;
    let (row, plane) = (read_size[2] as isize, (read_size[1] * read_size[2]) as isize);
    let mut visible: [VisibleTaps; 4] = Default::default();
    for (k, j) in z.taps.iter().flat_map(|k| y.taps.iter().map(move |j| (k, j))) {
        for i in &x.taps {
            let offset = k.offset * plane + j.offset * row + i.offset;
            let tap = Tap { offset, index: (k.index * ky + j.index) * kx + i.index };
            for (which, visible) in visible.iter_mut().enumerate() {
                let (with_first, with_last) = (which % 2 == 1, which >= 2);
                match i.visible {
                    Visible::NotFirst if with_first => visible.not_first.push(tap),
                    Visible::NotLast if with_last => visible.not_last.push(tap),
                    Visible::All | Visible::NotFirst | Visible::NotLast => visible.all.push(tap),
                }
            }
        }
    }
    visible
}
