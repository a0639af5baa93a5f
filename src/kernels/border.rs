//! Which taps of a kernel lie within a map.

use std::ops::Range;

/// Edges of maps and of the kernel that moves over them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Edges of the maps, `[z, y, x]`.
    pub(super) size: [usize; 3],
    /// Edges of the kernel, `[z, y, x]`, odd.
    pub(super) kernel: [usize; 3],
}

/// A tap of the kernel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tap {
    /// From the voxel of the output to that of the input, in numbers of a map.
    pub(super) distance: isize,
    /// Its number in the kernel.
    pub(super) number: usize,
}

/// Taps that voxels see which follow each other in a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Sight {
    /// Taps that all of them see.
    pub(super) all: Vec<Tap>,
    /// Taps that all but the first one see.
    pub(super) not_first: Vec<Tap>,
    /// Taps that all but the last one see.
    pub(super) not_last: Vec<Tap>,
}

/// Voxels of the output that see the same taps within the map, but for the ends of their rows: a box.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    /// The box, `[z, y, x]`.
    pub(super) voxels: [Range<usize>; 3],
    /// What voxels of a row see that neither begin nor end it, begin it, end it, or are the whole row.
    pub(super) sights: [Sight; 4],
}

impl Zone {
    /// What some of the voxels of a row see.
    pub(super) fn sight(&self, begin: bool, end: bool) -> &Sight {
        &self.sights[usize::from(begin) + 2 * usize::from(end)]
    }

    /// All taps of all sights.
    pub(super) fn taps_mut(&mut self) -> impl Iterator<Item = &mut Tap> {
        let lists =
            self.sights.iter_mut().flat_map(|sight| [&mut sight.all, &mut sight.not_first, &mut sight.not_last]);
        lists.flatten()
    }
}

impl Shape {
    pub(super) fn new(size: [usize; 3], kernel: [usize; 3]) -> Self {
        assert!(kernel.iter().all(|edge| edge % 2 == 1), "the kernel {kernel:?} has an even edge");
        Self { size, kernel }
    }

    /// Voxels of a map.
    pub(super) fn volume(&self) -> usize {
        self.size.iter().product()
    }

    /// Taps of the kernel.
    pub(super) fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// All zones: 9 of a kernel of 3 × 3 × 3, the inner rows and those on faces and edges.
    pub(super) fn zones(&self) -> Vec<Zone> {
        let [z, y]: [Vec<Section>; 2] = [0, 1].map(|axis| sections(self.size[axis], self.kernel[axis]));
        let x = if self.kernel[2] == 3 {
            let taps = if self.size[2] == 1 { 1..2 } else { 0..3 };
            vec![Section { voxels: 0..self.size[2], taps }]
        } else {
            sections(self.size[2], self.kernel[2])
        };
        let mut zones = Vec::with_capacity(z.len() * y.len() * x.len());
        for z in &z {
            for y in &y {
                for x in &x {
                    let voxels = [z.voxels.clone(), y.voxels.clone(), x.voxels.clone()];
                    zones.push(Zone { voxels, sights: self.sights(&z.taps, &y.taps, &x.taps) });
                }
            }
        }
        zones
    }

    fn sights(&self, z: &Range<usize>, y: &Range<usize>, x: &Range<usize>) -> [Sight; 4] {
        let [kz, ky, kx] = self.kernel;
        let distance = |tap: usize, edge: usize| tap as isize - (edge / 2) as isize;
        let (row, plane) = (self.size[2] as isize, (self.size[1] * self.size[2]) as isize);
        let mut sights: [Sight; 4] = Default::default();
        for (k, j, i) in z.clone().flat_map(|k| y.clone().flat_map(move |j| x.clone().map(move |i| (k, j, i)))) {
            let along_row = distance(i, kx);
            let distance = distance(k, kz) * plane + distance(j, ky) * row + along_row;
            let tap = Tap { distance, number: (k * ky + j) * kx + i };
            for (which, sight) in sights.iter_mut().enumerate() {
                let (begin, end) = (which % 2 == 1, which >= 2);
                match along_row {
                    -1 if kx == 3 && begin => sight.not_first.push(tap),
                    1 if kx == 3 && end => sight.not_last.push(tap),
                    _ => sight.all.push(tap),
                }
            }
        }
        sights
    }
}

/// Neighbours along an axis that see the same taps.
struct Section {
    voxels: Range<usize>,
    taps: Range<usize>,
}

fn sections(size: usize, edge: usize) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for at in 0..size {
        let taps = (edge / 2).saturating_sub(at)..edge.min(size + edge / 2 - at);
        match sections.last_mut() {
            Some(last) if last.taps == taps => last.voxels.end = at + 1,
            _ => sections.push(Section { voxels: at..at + 1, taps }),
        }
    }
    sections
}
