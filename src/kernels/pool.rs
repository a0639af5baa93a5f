//! Max pooling whose stride is its kernel, and its gradient.

use rayon::prelude::*;

/// Edges of a max pooling.
#[derive(Clone, Copy, Debug)]
pub struct MaxPool {
    /// Edges of the input's maps, `[z, y, x]`.
    pub size: [usize; 3],
    /// Edges of the kernel, `[z, y, x]`; they divide those of the maps.
    pub kernel: [usize; 3],
}

impl MaxPool {
    /// Edges of the output's maps.
    pub fn pooled(&self) -> [usize; 3] {
        std::array::from_fn(|axis| self.size[axis] / self.kernel[axis])
    }

    /// The maximum of each box of each map.
    pub fn forward(&self, maps: &[f32]) -> Vec<f32> {
        let [z, y, x] = self.pooled();
        let mut output = vec![f32::NEG_INFINITY; maps.len() / self.kernel.iter().product::<usize>()];
        output.par_chunks_mut(z * y * x).zip(maps.par_chunks(self.voxels())).for_each(|(output, map)| {
            self.for_each_row(|pooled_row, start| {
                let row = &map[start..start + self.size[2]];
                for (output, values) in output[pooled_row * x..][..x].iter_mut().zip(row.chunks(self.kernel[2])) {
                    *output =
                        values.iter().fold(*output, |maximum, value| if *value > maximum { *value } else { maximum });
                }
            });
        });
        output
    }

    /// Gradient of the maps, from that of the output. In each box it goes to the maximum, in memory order the first of several.
    pub fn backward(&self, maps: &[f32], gradient: &[f32]) -> Vec<f32> {
        let [z, y, x] = self.pooled();
        let mut output = vec![0.0; maps.len()];
        let inputs = maps.par_chunks(self.voxels()).zip(gradient.par_chunks(z * y * x));
        output.par_chunks_mut(self.voxels()).zip(inputs).for_each(|(output, (map, gradient))| {
            let mut argmax = vec![usize::MAX; z * y * x];
            self.for_each_row(|pooled_row, start| {
                for (cell, argmax) in argmax[pooled_row * x..][..x].iter_mut().enumerate() {
                    for voxel in (start + cell * self.kernel[2]..).take(self.kernel[2]) {
                        if *argmax == usize::MAX || map[voxel] > map[*argmax] {
                            *argmax = voxel;
                        }
                    }
                }
            });
            for (argmax, gradient) in argmax.into_iter().zip(gradient) {
                output[argmax] = *gradient;
            }
        });
        output
    }

    fn voxels(&self) -> usize {
        self.size.iter().product()
    }

    /// Calls `visit` for each row of a map in memory order, with the index of its row in the output and that of its first voxel.
    fn for_each_row(&self, mut visit: impl FnMut(usize, usize)) {
        let [depth, height, width] = self.size;
        for z in 0..depth {
            for y in 0..height {
                let pooled_row = z / self.kernel[0] * (height / self.kernel[1]) + y / self.kernel[1];
                visit(pooled_row, (z * height + y) * width);
            }
        }
    }
}
