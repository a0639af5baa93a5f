//! Maximum over boxes whose shape is also the stride, and its gradient.

use rayon::prelude::*;

/// ConvDims of a pooling.
#[derive(Clone, Copy, Debug)]
pub struct MaxPool {
    /// Edges of the input's maps, `[z, y, x]`.
    pub size: [usize; 3],
    /// Edges of a box, `[z, y, x]`; each divides that of the maps.
    pub kernel: [usize; 3],
}

impl MaxPool {
    /// Edges of the output's maps.
    pub fn pooled(&self) -> [usize; 3] {
        std::array::from_fn(|axis| self.size[axis] / self.kernel[axis])
    }

    /// The maximum of each box of the maps.
    pub fn forward(&self, maps: &[f32]) -> Vec<f32> {
        let [z, y, x] = self.pooled();
        let mut output = vec![f32::NEG_INFINITY; maps.len() / self.kernel.iter().product::<usize>()];
        output.par_chunks_mut(z * y * x).zip(maps.par_chunks(self.voxels())).for_each(|(output, map)| {
            self.for_each_row(|at, from| {
                let row = &map[from..from + self.size[2]];
                for (output, values) in output[at * x..][..x].iter_mut().zip(row.chunks(self.kernel[2])) {
                    *output = values.iter().fold(*output, |most, value| if *value > most { *value } else { most });
                }
            });
        });
        output
    }

    /// Gradient of the maps, from that of the output: it goes to the first of the largest voxels of a box.
    pub fn backward(&self, maps: &[f32], gradient: &[f32]) -> Vec<f32> {
        let [z, y, x] = self.pooled();
        let mut output = vec![0.0; maps.len()];
        let given = maps.par_chunks(self.voxels()).zip(gradient.par_chunks(z * y * x));
        output.par_chunks_mut(self.voxels()).zip(given).for_each(|(output, (map, gradient))| {
            let mut first = vec![usize::MAX; z * y * x];
            self.for_each_row(|at, from| {
                for (cell, first) in first[at * x..][..x].iter_mut().enumerate() {
                    for voxel in (from + cell * self.kernel[2]..).take(self.kernel[2]) {
                        if *first == usize::MAX || map[voxel] > map[*first] {
                            *first = voxel;
                        }
                    }
                }
            });
            for (first, gradient) in first.into_iter().zip(gradient) {
                output[first] = *gradient;
            }
        });
        output
    }

    fn voxels(&self) -> usize {
        self.size.iter().product()
    }

    /// Calls for each row of a map, in the order of memory: the number of the pooled row, and where the row begins.
    fn for_each_row(&self, mut visit: impl FnMut(usize, usize)) {
        let [depth, height, width] = self.size;
        for z in 0..depth {
            for y in 0..height {
                let row = z / self.kernel[0] * (height / self.kernel[1]) + y / self.kernel[1];
                visit(row, (z * height + y) * width);
            }
        }
    }
}
