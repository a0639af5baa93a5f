//! The geometry of a convolution: edges of the maps, kernel and stride, and which voxels they connect.

use std::ops::Range;

use super::axis::{Axis, Phase};
use super::boundary::BoundaryZone;

/// Edges of the maps and of the kernel, strides and padding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stencil {
    /// Edges of the input's maps, `[z, y, x]`.
    pub(super) size: [usize; 3],
    /// Edges of the kernel, `[z, y, x]`.
    pub(super) kernel: [usize; 3],
    /// Strides, `[z, y, x]`.
    pub(super) stride: [usize; 3],
    /// Zeros on both sides of the maps, `[z, y, x]`.
    pub(super) padding: [usize; 3],
}

/// Which voxels of the maps that are read contribute to which voxels of the maps that are written, by which taps.
#[derive(Debug)]
pub(super) struct Mapping {
    /// Edges of the maps that are read, `[z, y, x]`.
    pub(super) read: [usize; 3],
    /// Edges of the maps that are written, `[z, y, x]`.
    pub(super) written: [usize; 3],
    /// Maximum number of positions that one voxel reads along each axis, `[z, y, x]`.
    pub(super) reach: [usize; 3],
    /// The written voxels. Those that no tap connects with a read voxel are in no phase.
    pub(super) phases: Vec<MappingPhase>,
}

/// Voxels that are connected by the same taps of the kernel, unless the taps lie outside of the map.
#[derive(Debug)]
pub(super) struct MappingPhase {
    /// Number of taps.
    pub(super) taps: usize,
    /// 9 for a kernel of 3 × 3 × 3 with stride 1: inner rows, and those on faces and edges of the map.
    pub(super) zones: Vec<BoundaryZone>,
}

impl Stencil {
    /// Taps of the kernel.
    pub(super) fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Edges of the output's maps, `[z, y, x]`.
    pub(super) fn output_size(&self) -> [usize; 3] {
        self.axes().map(Axis::output_size)
    }

    /// Positions along an axis of the output for which a tap lies within the input.
    pub(super) fn outputs_with_tap(&self, axis: usize, tap: usize) -> Range<usize> {
        let before = |position: usize| (position + self.padding[axis]).saturating_sub(tap).div_ceil(self.stride[axis]);
        before(0)..before(self.size[axis]).min(self.output_size()[axis])
    }

    /// From the input to the output.
    pub(super) fn forward(&self) -> Mapping {
        let phases = self.axes().map(|axis| vec![axis.forward()]);
        self.connect(self.size, self.output_size(), &phases)
    }

    /// From the gradient of the output to that of the input.
    pub(super) fn input_gradient(&self) -> Mapping {
        let phases = self.axes().map(Axis::input_gradient);
        self.connect(self.output_size(), self.size, &phases)
    }

    fn axes(&self) -> [Axis; 3] {
        let Self { size, kernel, stride, padding } = *self;
        std::array::from_fn(|axis| Axis {
            size: size[axis],
            kernel: kernel[axis],
            stride: stride[axis],
            padding: padding[axis],
        })
    }

    fn connect(&self, read: [usize; 3], written: [usize; 3], [z, y, x]: &[Vec<Phase>; 3]) -> Mapping {
        let longest = |phases: &[Phase]| phases.iter().map(Phase::taps).max().unwrap_or_default();
        let reach = [z, y, x].map(|phases| longest(phases));
        let mut phases = Vec::new();
        for z in z {
            for y in y {
                for x in x {
                    let taps = z.taps() * y.taps() * x.taps();
                    if taps > 0 {
                        phases.push(MappingPhase { taps, zones: self.zones(read, [z, y, x]) });
                    }
                }
            }
        }
        Mapping { read, written, reach, phases }
    }

    fn zones(&self, read: [usize; 3], [z, y, x]: [&Phase; 3]) -> Vec<BoundaryZone> {
        let [z, y, x] = [z.zones(), y.zones(), x.row_zones()];
        let mut zones = Vec::with_capacity(z.len() * y.len() * x.len());
        for z in &z {
            for y in &y {
                zones.extend(x.iter().map(|x| BoundaryZone::new([z, y, x], self.kernel, read)));
            }
        }
        zones
    }
}

impl Mapping {
    /// Voxels of a map that is read.
    pub(super) fn read_voxels(&self) -> usize {
        self.read.iter().product()
    }

    /// Voxels of a map that is written.
    pub(super) fn written_voxels(&self) -> usize {
        self.written.iter().product()
    }
}
