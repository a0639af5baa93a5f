//! Average pooling whose stride is its kernel, and its gradient.
//!
//! Voxels beyond the last whole box contribute nothing, as in `PyTorch`.

use rayon::prelude::*;

use super::simd::InstructionSet;

/// Edges of an average pooling.
#[derive(Clone, Copy, Debug)]
pub struct AvgPool {
    /// Edges of the input's maps, `[z, y, x]`; none is smaller than the kernel.
    pub size: [usize; 3],
    /// Edges of the kernel, `[z, y, x]`.
    pub kernel: [usize; 3],
}

impl AvgPool {
    /// Edges of the output's maps: those of the input divided by the kernel, rounded down.
    pub fn pooled(&self) -> [usize; 3] {
        std::array::from_fn(|axis| self.size[axis] / self.kernel[axis])
    }

    /// The mean of each box of each map.
    pub fn forward(&self, maps: &[f32]) -> Vec<f32> {
        let instructions = InstructionSet::detect();
        let mut output = vec![0.0; maps.len() / self.voxels() * self.pooled_voxels()];
        output.par_chunks_mut(self.pooled_voxels()).zip(maps.par_chunks(self.voxels())).for_each(|(output, map)| {
            instructions.vectorize(|| self.forward_map(map, output));
        });
        output
    }

    /// Gradient of the maps, from that of the output.
    pub fn backward(&self, gradient: &[f32]) -> Vec<f32> {
        let instructions = InstructionSet::detect();
        let mut output = vec![0.0; gradient.len() / self.pooled_voxels() * self.voxels()];
        output.par_chunks_mut(self.voxels()).zip(gradient.par_chunks(self.pooled_voxels())).for_each(
            |(output, gradient)| {
                instructions.vectorize(|| self.backward_map(gradient, output));
            },
        );
        output
    }

    #[inline(always)]
    fn forward_map(&self, map: &[f32], output: &mut [f32]) {
        let [_, _, x] = self.pooled();
        self.for_each_row(
            #[inline(always)]
            |pooled_row, start| {
                let (output, row) = (&mut output[pooled_row * x..][..x], &map[start..][..x * self.kernel[2]]);
                match self.kernel[2] {
                    1 => add_boxes::<1>(row, output),
                    2 => add_boxes::<2>(row, output),
                    edge => output.iter_mut().zip(row.chunks_exact(edge)).for_each(|(sum, cell)| {
                        *sum += cell.iter().sum::<f32>();
                    }),
                }
            },
        );
        let factor = self.factor();
        for value in output {
            *value *= factor;
        }
    }

    #[inline(always)]
    fn backward_map(&self, gradient: &[f32], output: &mut [f32]) {
        let [_, _, x] = self.pooled();
        let factor = self.factor();
        self.for_each_row(
            #[inline(always)]
            |pooled_row, start| {
                let (gradient, row) = (&gradient[pooled_row * x..][..x], &mut output[start..][..x * self.kernel[2]]);
                match self.kernel[2] {
                    1 => spread::<1>(gradient, factor, row),
                    2 => spread::<2>(gradient, factor, row),
                    edge => row.chunks_exact_mut(edge).zip(gradient).for_each(|(cell, gradient)| {
                        cell.fill(gradient * factor);
                    }),
                }
            },
        );
    }

    fn voxels(&self) -> usize {
        self.size.iter().product()
    }

    fn pooled_voxels(&self) -> usize {
        self.pooled().iter().product()
    }

    /// Reciprocal of the voxels of a box.
    fn factor(&self) -> f32 {
        1.0 / self.kernel.iter().product::<usize>() as f32
    }

    /// Calls `visit` for each row that lies in whole boxes, in memory order, with the index of its row in the output and that of its
    /// first voxel.
    #[inline(always)]
    fn for_each_row(&self, mut visit: impl FnMut(usize, usize)) {
        let [_, height, width] = self.size;
        let [depth, rows, _] = self.pooled();
        for z in 0..depth * self.kernel[0] {
            for y in 0..rows * self.kernel[1] {
                visit(z / self.kernel[0] * rows + y / self.kernel[1], (z * height + y) * width);
            }
        }
    }
}

/// Adds each `EDGE` adjacent values of a row to a sum.
#[inline(always)]
fn add_boxes<const EDGE: usize>(row: &[f32], sums: &mut [f32]) {
    let (cells, _) = row.as_chunks::<EDGE>();
    for (sum, cell) in sums.iter_mut().zip(cells) {
        for value in cell {
            *sum += value;
        }
    }
}

/// Writes each value times `factor` to `EDGE` adjacent values of a row.
#[inline(always)]
fn spread<const EDGE: usize>(values: &[f32], factor: f32, row: &mut [f32]) {
    let (cells, _) = row.as_chunks_mut::<EDGE>();
    for (cell, value) in cells.iter_mut().zip(values) {
        *cell = [value * factor; EDGE];
    }
}
