//! The weighted mean of overlapping tiles, for the slices that the current tiles cover.

use ndarray::{Array3, Array4, ArrayView3, ArrayView4, Axis, Zip, s};

use crate::predict::tiles::Tiling;
use crate::store::StoreError;

/// Receives a slice of outputs, `[channel, y, x]`, and its index in the image.
pub type OnSlice<'a> = dyn FnMut(usize, ArrayView3<'_, f32>) -> Result<(), StoreError> + 'a;

/// Sums over tiles, for a range of slices that moves along z.
#[derive(Debug)]
pub struct TileSums<'t, 'a> {
    tiling: &'t Tiling<'a>,
    /// Weighted outputs, `[channel, z, y, x]` of the padded image.
    values: Array4<f32>,
    /// Sums of the weights, `[z, y, x]`.
    weights: Array3<f32>,
    /// Index of the first slice in the padded image.
    first: usize,
}

impl<'t, 'a> TileSums<'t, 'a> {
    /// Empty sums for batches of at most `tiles` tiles.
    pub fn new(tiling: &'t Tiling<'a>, channels: usize, tiles: usize) -> Self {
        let (_, _, y, x) = tiling.padded.dim();
        let depth = tiling.slices_at_once(tiles);
        let (values, weights) = (Array4::zeros((channels, depth, y, x)), Array3::zeros((depth, y, x)));
        Self { tiling, values, weights, first: 0 }
    }

    /// Adds the weights of a tile; once per tile, in the order of the tiles.
    pub fn add_weights(&mut self, tile: usize) {
        let [depth, height, width] = self.tiling.patch.0;
        let [z, y, x] = self.tiling.starts[tile];
        let z = z - self.first;
        let mut covered = self.weights.slice_mut(s![z..z + depth, y..y + height, x..x + width]);
        covered += &self.tiling.weights;
    }

    /// Adds the outputs for a mirrored tile, `[channel, z, y, x]`, times its weights and `fraction`.
    ///
    /// # Panics
    ///
    /// If `outputs` has not one value per channel and voxel of the tile.
    pub fn add(&mut self, tile: usize, mirrored: &[usize], outputs: &[f32], fraction: f32) {
        let [depth, height, width] = self.tiling.patch.0;
        let channels = self.values.len_of(Axis(0));
        let mut values = ArrayView4::from_shape((channels, depth, height, width), outputs)
            .expect("one output per channel and voxel of the tile");
        for &axis in mirrored {
            values.invert_axis(Axis(axis + 1));
        }
        let [z, y, x] = self.tiling.starts[tile];
        let z = z - self.first;
        let mut target = self.values.slice_mut(s![.., z..z + depth, y..y + height, x..x + width]);
        for (channel, values) in values.outer_iter().enumerate() {
            let target = target.index_axis_mut(Axis(0), channel);
            Zip::from(target).and(values).and(&self.tiling.weights).for_each(|sum, &value, &weight| {
                *sum += value * weight * fraction;
            });
        }
    }

    /// Finishes the slices before index `end` of the padded image, or all slices: passes the weighted mean of each slice of the image
    /// to `take`, and frees its memory for later slices.
    ///
    /// # Errors
    ///
    /// If `take` fails.
    pub fn finish_slices(&mut self, end: Option<usize>, take: &mut OnSlice<'_>) -> Result<(), StoreError> {
        let end = end.unwrap_or(self.tiling.padded.len_of(Axis(1)));
        let finished = end - self.first;
        let [first, top, left] = self.tiling.offset;
        let [depth, height, width] = self.tiling.shape;
        for z in (0..finished).filter(|z| (first..first + depth).contains(&(self.first + z))) {
            let weights = self.weights.index_axis(Axis(0), z);
            let mut slice = self.values.index_axis_mut(Axis(1), z);
            for values in slice.outer_iter_mut() {
                Zip::from(values).and(weights).for_each(|value, &weight| *value /= weight);
            }
            take(self.first + z - first, slice.slice(s![.., top..top + height, left..left + width]))?;
        }
        let plane = self.tiling.voxels_per_slice();
        let volumes = self.values.outer_iter_mut().chain(std::iter::once(self.weights.view_mut()));
        for mut volume in volumes {
            let voxels = volume.as_slice_mut().expect("sums are in standard layout");
            voxels.copy_within(finished * plane.., 0);
            let kept = voxels.len() - finished * plane;
            voxels[kept..].fill(0.0);
        }
        self.first = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::schema::{Predict, TileWeights};
    use crate::plan::testing::example;
    use crate::predict::tiles::mirrorings;
    use crate::volume::Shape;

    /// The mean of the tiles when the network returns its input.
    fn predict_identity(image: &Array4<f32>, patch: Shape, tile_weights: TileWeights) -> Array4<f32> {
        let settings = Predict { tile_weights, ..example().predict };
        let tiling = Tiling::new(image.view(), patch, &settings);
        let all_mirrorings = mirrorings(patch, &settings);
        let mut sums = TileSums::new(&tiling, image.dim().0, 1);
        let mut mean = Array4::zeros(image.dim());
        let mut take = |z: usize, slice: ArrayView3<'_, f32>| {
            mean.index_axis_mut(Axis(1), z).assign(&slice);
            Ok(())
        };
        for tile in 0..tiling.starts.len() {
            sums.finish_slices(Some(tiling.starts[tile][0]), &mut take).unwrap();
            sums.add_weights(tile);
            for mirrored in &all_mirrorings {
                let input = tiling.patch(tile, mirrored);
                let input = input.as_slice().expect("a patch is in standard layout");
                sums.add(tile, mirrored, input, 1.0 / all_mirrorings.len() as f32);
            }
        }
        sums.finish_slices(None, &mut take).unwrap();
        mean
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn overlapping_mirrored_tiles_reproduce_their_input(
            (z, y, x) in (1_usize..9, 1_usize..9, 1_usize..9), patch in proptest::array::uniform3(1_usize..7),
        ) {
            let image = Array4::from_shape_fn((2, z, y, x), |(c, z, y, x)| (c * 1000 + z * 100 + y * 10 + x) as f32);
            for tile_weights in TileWeights::ALL {
                let found = predict_identity(&image, Shape(patch), tile_weights);
                prop_assert_eq!(found.dim(), image.dim());
                for (found, expected) in found.iter().zip(&image) {
                    prop_assert!((found - expected).abs() <= 1e-3 * expected.max(1.0), "{} is not {}", found, expected);
                }
            }
        }
    }
}
