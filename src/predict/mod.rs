//! Sliding-window prediction: from a prepared image to labels on the image's own grid.
//!
//! Input: trained networks and a prepared image. Output: class probabilities on the prepared grid, and from there labels on
//! the original grid. Deliberately absent: files and post-processing. Source: spec section 12.

pub mod cascade;
pub mod export;
pub mod memory;
pub mod window;

use std::ops::ControlFlow;

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};
use ndarray::{Array3, Array4, ArrayView4, Axis};

use crate::device::{DeviceFailure, read_values};
use crate::network::{PlannedNetwork, UNet};
use crate::plan::schema::{Configuration, ConfigurationName, Plan};
use crate::predict::export::{Export, OnClass, Part, classes};
use crate::predict::memory::{Need, PredictError, Probabilities, Room};
use crate::predict::window::{OnSlice, Windows, mirrored_axes};
use crate::preprocess::Placement;
use crate::run::listener::Tiles;
use crate::volume::{Shape, Spacing};

const GIBI: f64 = (1_u64 << 30) as f64;

/// Called after each batch of tiles. `Break` stops the prediction, unless the batch was the last one.
pub type OnTiles<'a> = dyn Fn(Tiles) -> ControlFlow<()> + 'a;

/// Trained networks of one configuration, ready to predict together.
#[derive(Debug)]
pub struct Predictor<'a> {
    /// The plan that they were trained by.
    pub plan: &'a Plan,
    /// Name of their configuration.
    pub name: ConfigurationName,
    /// Their configuration.
    pub configuration: &'a Configuration,
    /// The networks; their probabilities are averaged.
    pub networks: &'a [UNet],
    /// Where it is computed.
    pub device: &'a Device,
}

impl Predictor<'_> {
    /// Class probabilities of a prepared image: the mean over networks, mirrorings and overlapping windows, slice by slice,
    /// `[class, y, x]`, from the first to the last; no more slices are held than the windows of a batch reach over.
    ///
    /// The image `[c, z, y, x]` is padded with zeros to at least the patch; windows overlap by half a patch and count more
    /// towards their centre. `on_tiles` is called after each batch of windows.
    ///
    /// Source: spec section 12.
    ///
    /// # Errors
    ///
    /// That of `take`, a device that fails, and [`PredictError::Stopped`] when `on_tiles` stops it.
    ///
    /// # Panics
    ///
    /// When there is no network.
    pub fn for_each_slice(
        &self,
        image: ArrayView4<'_, f32>,
        on_tiles: &OnTiles<'_>,
        take: &mut OnSlice<'_>,
    ) -> Result<(), PredictError> {
        assert!(!self.networks.is_empty(), "at least one network");
        let patch = self.configuration.patch_size;
        let windows = Windows::new(image, self.configuration, &self.plan.predict);
        let flips = mirrored_axes(patch, self.plan.predict.test_time_mirroring);
        // A pass is a window seen in one mirroring; as many passes share a batch as patches do in training.
        let passes: Vec<(usize, &Vec<usize>)> =
            (0..windows.starts.len()).flat_map(|window| flips.iter().map(move |flip| (window, flip))).collect();
        let share = 1.0 / (self.networks.len() * flips.len()) as f32;

        let mut sums = windows.empty_sums(self.plan.classes(), self.windows_of_a_batch());
        let mut done = 0;
        for batch in passes.chunks(self.configuration.batch_size) {
            // No later window reaches above this one.
            windows.end_slices(&mut sums, Some(windows.starts[batch[0].0][0]), take)?;
            for &(window, _) in batch.iter().filter(|(_, flip)| **flip == flips[0]) {
                windows.weigh(&mut sums, window);
            }
            let patches = batch.iter().map(|&(window, flip)| windows.patch(window, flip));
            let input = stack(patches, patch, self.device);
            for network in self.networks {
                let output = softmax(network.forward(input.clone()), 1);
                let output = read_values(output).map_err(|failure| self.failed(failure))?;
                let size = output.len() / batch.len();
                for (&(window, flip), probabilities) in batch.iter().zip(output.chunks_exact(size)) {
                    windows.add(&mut sums, window, flip, probabilities, share);
                }
            }
            done += batch.len();
            let tiles = Tiles { configuration: self.name, done, total: passes.len() };
            if on_tiles(tiles).is_break() && done < passes.len() {
                return Err(PredictError::Stopped);
            }
        }
        Ok(windows.end_slices(&mut sums, None, take)?)
    }

    /// What a failure of the device is to a prediction.
    fn failed(&self, failure: DeviceFailure) -> PredictError {
        let DeviceFailure::OutOfMemory(reason) = failure else { return PredictError::Device(failure) };
        let (patch, batch) = (self.configuration.patch_size, self.configuration.batch_size);
        let gibi = PlannedNetwork::new(self.plan, self.name).training_bytes() as f64 / GIBI;
        PredictError::OutOfMemory { reason, configuration: self.name, patch, batch, gibi }
    }

    /// Most windows that a batch has a part of.
    fn windows_of_a_batch(&self) -> usize {
        let flips = mirrored_axes(self.configuration.patch_size, self.plan.predict.test_time_mirroring).len();
        self.configuration.batch_size.div_ceil(flips) + 1
    }
}

/// What one configuration sees of an image.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// Its networks.
    pub predictor: &'a Predictor<'a>,
    /// The image as it is prepared for them, `[c, z, y, x]`.
    pub image: ArrayView4<'a, f32>,
    /// How the prepared grid lies in the image's own.
    pub placement: &'a Placement,
}

impl Member<'_> {
    /// Class probabilities of the image, in memory or on disk.
    fn probabilities(
        &self,
        in_memory: bool,
        room: &Room<'_>,
        on_tiles: &OnTiles<'_>,
    ) -> Result<Probabilities, PredictError> {
        let (_, z, y, x) = self.image.dim();
        let mut all = Probabilities::new([self.predictor.plan.classes(), z, y, x], in_memory, room)?;
        self.predictor.for_each_slice(self.image, on_tiles, &mut |z, slice| all.set(z, slice))?;
        Ok(all)
    }
}

/// Labels of an image on its own grid, `[z, y, x]`, by the mean probability over the members.
///
/// `spacing` is the image's own, mm. Values are those of the data set's labels; no post-processing is done. `on_class` is given
/// the probabilities of each class in turn, from background on, on the image's own grid.
///
/// # Errors
///
/// When there is too little room, the scratch folder or `on_class` fails, or `on_tiles` stops it.
///
/// # Panics
///
/// When there is no member.
pub fn labels(
    members: &[Member<'_>],
    spacing: Spacing,
    room: &Room<'_>,
    on_tiles: &OnTiles<'_>,
    on_class: Option<&mut OnClass<'_>>,
) -> Result<Array3<i16>, PredictError> {
    let plan = members.first().expect("at least one member").predictor.plan;
    let in_memory = Need::of(members, on_class.is_some()).fits(room)?;
    let probabilities: Vec<Probabilities> =
        members.iter().map(|member| member.probabilities(in_memory, room, on_tiles)).collect::<Result<_, _>>()?;
    let parts: Vec<Part<'_>> = members
        .iter()
        .zip(&probabilities)
        .map(|(member, probabilities)| Part {
            probabilities,
            placement: member.placement,
            export: Export::new(plan, member.predictor.configuration, spacing),
        })
        .collect();
    let mut labels = classes(&parts, on_class)?;
    let values: Vec<i16> = std::iter::once(0).chain(plan.data.labels.keys().map(|&label| label.into())).collect();
    labels.par_mapv_inplace(|class| values[class as usize]);
    Ok(labels)
}

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
