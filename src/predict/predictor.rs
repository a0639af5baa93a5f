//! Sliding-window prediction of one image by the networks of one configuration.
//!
//! Source: arXiv:1809.10486, 2.4 (tiles that overlap by half, weighted towards their centre, with test-time mirroring), and nnU-Net
//! commit 6150f1b0, `neural_network.py`.

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor, TensorData};
use ndarray::{Array4, ArrayView4, Axis};

use crate::device::read_values;
use crate::network::{PlannedNetwork, UNet};
use crate::plan::schema::Average;
use crate::predict::activation::Activation;
use crate::predict::error::PredictError;
use crate::predict::tile_sums::{OnSlice, TileSums};
use crate::predict::tiles::{Tiling, mirrorings};
use crate::run::listener::Tiles;
use crate::volume::Shape;

/// Called after each batch of tiles. `Break` stops the prediction, unless the batch was the last one.
pub type OnTiles<'a> = dyn Fn(Tiles) -> ControlFlow<()> + 'a;

/// Trained networks of one configuration, whose probabilities or logits are averaged.
#[derive(Debug)]
pub struct Predictor<'a> {
    /// The configuration and its plan.
    pub network: PlannedNetwork<'a>,
    /// The networks, such as one per fold.
    pub networks: &'a [UNet],
    /// Device without autodiff.
    pub device: &'a Device,
}

/// One mirrored copy of a tile.
struct Pass<'a> {
    /// Index of the tile.
    tile: usize,
    /// Mirrored axes (0 = z).
    mirrored: &'a [usize],
}

impl Predictor<'_> {
    /// Predicts a prepared image, `[c, z, y, x]`: the mean of probabilities or logits (`predict.average`) over networks, mirrorings
    /// and overlapping tiles. `take` receives each slice, `[channel, y, x]`, from the first to the last; only the slices of the
    /// current batch of tiles are in memory.
    ///
    /// # Errors
    ///
    /// If the device or `take` fails; [`PredictError::Interrupted`] if `on_tiles` stops the prediction.
    ///
    /// # Panics
    ///
    /// If there are no networks.
    pub fn predict_slices(
        &self,
        image: ArrayView4<'_, f32>,
        on_tiles: &OnTiles<'_>,
        take: &mut OnSlice<'_>,
    ) -> Result<(), PredictError> {
        assert!(!self.networks.is_empty(), "a prediction needs at least one network");
        let (plan, configuration) = (self.network.plan(), self.network.configuration());
        let patch = configuration.patch_size;
        let tiling = Tiling::new(image, patch, &plan.predict);
        let all_mirrorings = mirrorings(patch, &plan.predict);
        let passes: Vec<Pass<'_>> = (0..tiling.starts.len())
            .flat_map(|tile| all_mirrorings.iter().map(move |mirrored| Pass { tile, mirrored }))
            .collect();
        let fraction = 1.0 / (self.networks.len() * all_mirrorings.len()) as f32;

        let mut sums = TileSums::new(&tiling, self.network.outputs(), self.tiles_per_batch());
        let mut done = 0;
        for batch in passes.chunks(configuration.batch_size) {
            // No later tile reaches above this one.
            sums.finish_slices(Some(tiling.starts[batch[0].tile][0]), take)?;
            for pass in batch.iter().filter(|pass| pass.mirrored == all_mirrorings[0]) {
                sums.add_weights(pass.tile);
            }
            let patches = batch.iter().map(|pass| tiling.patch(pass.tile, pass.mirrored));
            let input = stack(patches, patch, self.device);
            for network in self.networks {
                let output = self.averaged(network.forward(input.clone()));
                let output = read_values(output).map_err(|failure| PredictError::of_device(failure, self.network))?;
                let size = output.len() / batch.len();
                for (pass, values) in batch.iter().zip(output.chunks_exact(size)) {
                    sums.add(pass.tile, pass.mirrored, values, fraction);
                }
            }
            done += batch.len();
            let tiles = Tiles { configuration: self.network.name(), done, total: passes.len() };
            if on_tiles(tiles).is_break() && done < passes.len() {
                return Err(PredictError::Interrupted);
            }
        }
        Ok(sums.finish_slices(None, take)?)
    }

    /// The averaged quantity, from the logits of a batch, both `[batch, channel, z, y, x]`.
    fn averaged(&self, logits: Tensor<5>) -> Tensor<5> {
        let plan = self.network.plan();
        match plan.predict.average {
            Average::Probabilities => Activation::of(plan).apply(logits),
            Average::Logits => logits,
        }
    }

    /// Maximum number of tiles that a batch has a mirrored copy of.
    pub(super) fn tiles_per_batch(&self) -> usize {
        let (predict, configuration) = (&self.network.plan().predict, self.network.configuration());
        let copies = mirrorings(configuration.patch_size, predict).len();
        configuration.batch_size.div_ceil(copies) + 1
    }
}

/// Stacks patches, `[c, z, y, x]`, to a batch on the device.
fn stack(patches: impl Iterator<Item = Array4<f32>>, patch: Shape, device: &Device) -> Tensor<5> {
    let mut voxels = Vec::new();
    let (mut batch, mut channels) = (0, 0);
    for one in patches {
        channels = one.len_of(Axis(0));
        voxels.extend(one.iter().copied());
        batch += 1;
    }
    let [z, y, x] = patch.0;
    Tensor::from_data(TensorData::new(voxels, [batch, channels, z, y, x]), device)
}
