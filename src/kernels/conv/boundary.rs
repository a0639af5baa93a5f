//! Which taps of a kernel lie within the map, for each voxel of the output.
//!
//! A tap is one position of the kernel. Voxels near the boundary of the map see fewer taps, since the zero padding is not stored.

use std::ops::Range;

/// Edges of the maps and of the kernel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stencil {
    /// Edges of the maps, `[z, y, x]`.
    pub(super) size: [usize; 3],
    /// Edges of the kernel, `[z, y, x]`, odd.
    pub(super) kernel: [usize; 3],
}

/// A tap of the kernel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tap {
    /// Offset of the input voxel from the output voxel, in elements of a map.
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

/// A box of output voxels with the same visible taps, except at the ends of its rows.
#[derive(Clone, Debug)]
pub(super) struct BoundaryZone {
    /// The box, `[z, y, x]`.
    pub(super) voxels: [Range<usize>; 3],
    /// Visible taps of voxels inside a row, at its beginning, at its end, and of a whole row.
    visible: [VisibleTaps; 4],
}

impl BoundaryZone {
    /// Visible taps of adjacent voxels of a row, which may contain its first and its last voxel.
    pub(super) fn visible(&self, with_first: bool, with_last: bool) -> &VisibleTaps {
        &self.visible[usize::from(with_first) + 2 * usize::from(with_last)]
    }

    /// Mirrors the kernel: the input gradient is a convolution with the mirrored kernel.
    pub(super) fn mirror_kernel(&mut self, taps: usize) {
        for visible in &mut self.visible {
            for tap in [&mut visible.all, &mut visible.not_first, &mut visible.not_last].into_iter().flatten() {
                tap.index = taps - 1 - tap.index;
            }
        }
    }
}

impl Stencil {
    pub(super) fn new(size: [usize; 3], kernel: [usize; 3]) -> Self {
        assert!(kernel.iter().all(|edge| edge % 2 == 1), "the kernel {kernel:?} has an even edge");
        Self { size, kernel }
    }

    /// Voxels of a map.
    pub(super) fn voxels(&self) -> usize {
        self.size.iter().product()
    }

    /// Taps of the kernel.
    pub(super) fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Divides the output into zones: 9 for a kernel of 3 × 3 × 3, namely inner rows and those on faces and edges.
    pub(super) fn zones(&self) -> Vec<BoundaryZone> {
        let [z, y]: [Vec<TapRange>; 2] = [0, 1].map(|axis| tap_ranges(self.size[axis], self.kernel[axis]));
        let x = if self.kernel[2] == 3 {
            let taps = if self.size[2] == 1 { 1..2 } else { 0..3 };
            vec![TapRange { voxels: 0..self.size[2], taps }]
        } else {
            tap_ranges(self.size[2], self.kernel[2])
        };
        let mut zones = Vec::with_capacity(z.len() * y.len() * x.len());
        for z in &z {
            for y in &y {
                for x in &x {
                    let voxels = [z.voxels.clone(), y.voxels.clone(), x.voxels.clone()];
                    zones.push(BoundaryZone { voxels, visible: self.visible_taps(&z.taps, &y.taps, &x.taps) });
                }
            }
        }
        zones
    }

    fn visible_taps(&self, z: &Range<usize>, y: &Range<usize>, x: &Range<usize>) -> [VisibleTaps; 4] {
        let [kz, ky, kx] = self.kernel;
        let distance = |tap: usize, edge: usize| tap as isize - (edge / 2) as isize;
        let (row, plane) = (self.size[2] as isize, (self.size[1] * self.size[2]) as isize);
        let mut visible: [VisibleTaps; 4] = Default::default();
        for (k, j, i) in z.clone().flat_map(|k| y.clone().flat_map(move |j| x.clone().map(move |i| (k, j, i)))) {
            let along_row = distance(i, kx);
            let offset = distance(k, kz) * plane + distance(j, ky) * row + along_row;
            let tap = Tap { offset, index: (k * ky + j) * kx + i };
            for (which, visible) in visible.iter_mut().enumerate() {
                let (with_first, with_last) = (which % 2 == 1, which >= 2);
                match along_row {
                    -1 if kx == 3 && with_first => visible.not_first.push(tap),
                    1 if kx == 3 && with_last => visible.not_last.push(tap),
                    _ => visible.all.push(tap),
                }
            }
        }
        visible
    }
}

/// Adjacent positions along an axis with the same taps within the map.
struct TapRange {
    voxels: Range<usize>,
    taps: Range<usize>,
}

fn tap_ranges(size: usize, edge: usize) -> Vec<TapRange> {
    let mut ranges: Vec<TapRange> = Vec::new();
    for position in 0..size {
        let taps = (edge / 2).saturating_sub(position)..edge.min(size + edge / 2 - position);
        match ranges.last_mut() {
            Some(last) if last.taps == taps => last.voxels.end = position + 1,
            _ => ranges.push(TapRange { voxels: position..position + 1, taps }),
        }
    }
    ranges
}
