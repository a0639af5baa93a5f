//! Sliding-window prediction: from a prepared case to labels on the image's own grid.
//!
//! Input: trained networks and a prepared image. Output: class probabilities on the prepared grid, and from there labels on
//! the original grid. Deliberately absent: files and post-processing. Source: spec section 12.

pub mod export;
pub mod window;

use burn::tensor::{Device, Tensor, TensorData, activation::softmax};
use ndarray::{Array4, ArrayView4, Axis};

use crate::network::UNet;
use crate::plan::schema::{Configuration, Predict};
use crate::predict::window::{Windows, mirrored_axes};
use crate::volume::Shape;

/// Class probabilities of a prepared image, `[class, z, y, x]`, the mean over networks, mirrorings and overlapping windows.
///
/// The image `[c, z, y, x]` is padded with zeros to at least the patch; windows overlap by half a patch and count more
/// towards their centre. `on_window` is called after each batch of windows with how many of how many are done.
///
/// Source: spec section 12.
///
/// # Panics
///
/// When there is no network.
pub fn probabilities(
    networks: &[UNet],
    image: ArrayView4<'_, f32>,
    configuration: &Configuration,
    settings: &Predict,
    device: &Device,
    on_window: &mut dyn FnMut(usize, usize),
) -> Array4<f32> {
    assert!(!networks.is_empty(), "at least one network");
    let windows = Windows::new(image, configuration, settings);
    let flips = mirrored_axes(configuration.patch_size, settings.mirror);
    // One pass is a window seen in one mirroring; as many passes share a batch as in training.
    let passes: Vec<(usize, &Vec<usize>)> =
        (0..windows.starts.len()).flat_map(|window| flips.iter().map(move |flip| (window, flip))).collect();
    let share = 1.0 / (networks.len() * flips.len()) as f32;

    let mut sum = windows.empty_sum(networks[0].classes());
    let mut done = 0;
    for batch in passes.chunks(configuration.batch_size) {
        let patches = batch.iter().map(|&(window, flip)| windows.patch(window, flip));
        let input = stack(patches, configuration.patch_size, device);
        for network in networks {
            let output = softmax(network.forward(input.clone()), 1);
            let output: Vec<f32> = output.into_data().convert::<f32>().into_vec().expect("probabilities are f32");
            let size = output.len() / batch.len();
            for (&(window, flip), probabilities) in batch.iter().zip(output.chunks_exact(size)) {
                windows.add(&mut sum, window, flip, probabilities, share);
            }
        }
        done += batch.len();
        on_window(done, passes.len());
    }
    windows.mean(sum)
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
