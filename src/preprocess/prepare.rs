//! Preprocesses one case.

use std::collections::BTreeMap;

use ndarray::{Array3, Array4, ArrayView3, Axis};

use crate::plan::schema::{Configuration, Preprocess, PreprocessingOrder};
use crate::preprocess::footprint::{self, Extent, TooLarge};
use crate::preprocess::foreground::foreground_voxels;
use crate::preprocess::grid::{LabelsAndMask, TargetGrid, spline_order};
use crate::preprocess::normalize::normalize;
use crate::preprocess::prepared::{Placement, Prepared};
use crate::volume::axes::{permute_channels, permute_volume};
use crate::volume::crop::{crop_channels_in_place, crop_in_place, nonzero_box};
use crate::volume::resample::resize_channels;
use crate::volume::{Image, LabelMap};

/// Preprocesses one case for one configuration, in the memory of its image as far as possible, and in at most
/// `memory_bytes`.
///
/// Source: arXiv:1809.10486, 2.2; nnU-Net commit 6150f1b0 for the crop, where background outside the non-zero mask
/// becomes -1. `preprocess.order` decides whether resampling or normalisation comes first.
///
/// Differs: with normalisation in the mask, nnU-Net takes the statistics where the labels are at least 0, and therefore
/// also at foreground voxels outside the non-zero mask (0.68 % of the label voxels of IBSR). The image of a training or
/// validation case then depends on its labels, and reveals them to the network. Here only the image's mask decides, in
/// training and in prediction.
///
/// # Errors
///
/// If it needs more memory, which is known before anything is resampled.
///
/// # Panics
///
/// If image and labels differ in shape, or in their number of channels from the plan; the gate and the plan's checks
/// exclude both.
pub fn prepare(
    image: Image,
    labels: Option<LabelMap>,
    preprocess: &Preprocess,
    configuration: &Configuration,
    memory_bytes: u64,
) -> Result<Prepared, TooLarge> {
    let Image { voxels, geometry } = image;
    let channels = voxels.len_of(Axis(0));
    assert_eq!(channels, preprocess.normalization_scheme.len(), "channels of the image and of the plan");
    let (mask, bounds) = nonzero_box(voxels.view());
    let (spacing, labelled) = (geometry.spacing, labels.is_some());
    let extent = Extent { shape: geometry.shape, spacing, channels, labelled };
    footprint::check(&extent, bounds.shape(), preprocess, configuration, memory_bytes)?;

    let grid = TargetGrid::new(bounds.shape(), spacing, preprocess, configuration);
    let voxels = crop_channels_in_place(voxels, bounds);
    let mask = crop_in_place(mask, bounds);
    let labels = labels.map(|labels| crop_in_place(labels.labels, bounds));
    let (voxels, labels) = match preprocess.order {
        PreprocessingOrder::ResampleFirst => resample_first(voxels, labels, mask, &grid, preprocess),
        PreprocessingOrder::NormalizeFirst => normalize_first(voxels, labels, mask, &grid, preprocess),
    };

    let placement = Placement { original: geometry.shape, crop: bounds, slice_axis: configuration.slice_axis };
    let labels = match labels {
        Some(labels) => permute_volume(labels, placement.axes()),
        None => Array3::zeros(placement.axes().map(|axis| grid.shape.0[axis])),
    };
    let foreground = if labelled { foreground_voxels(labels.view()) } else { BTreeMap::new() };
    Ok(Prepared { foreground, image: permute_channels(voxels, placement.axes()), labels, placement })
}

/// Resamples to a grid, and normalises with the statistics of the resampled image.
fn resample_first(
    voxels: Array4<f32>,
    labels: Option<Array3<i16>>,
    mask: Array3<bool>,
    grid: &TargetGrid,
    preprocess: &Preprocess,
) -> (Array4<f32>, Option<Array3<i16>>) {
    let LabelsAndMask { labels, mask } = grid.labels_and_mask(labels, mask, preprocess);
    let mut voxels = resize_channels(voxels, grid.shape, spline_order(preprocess.image_order), grid.separate);
    normalize_channels(&mut voxels, mask.as_ref().map(|mask| mask.view()), preprocess);
    (voxels, labels)
}

/// Normalises with the statistics of the image on its own grid, and resamples.
///
/// Source: nnU-Net v2, `default_preprocessor.py`.
fn normalize_first(
    mut voxels: Array4<f32>,
    labels: Option<Array3<i16>>,
    mask: Array3<bool>,
    grid: &TargetGrid,
    preprocess: &Preprocess,
) -> (Array4<f32>, Option<Array3<i16>>) {
    normalize_channels(&mut voxels, preprocess.normalize_in_mask.then(|| mask.view()), preprocess);
    // Without labels to mark, the mask has served its purpose.
    let labels = labels.and_then(|labels| grid.labels_and_mask(Some(labels), mask, preprocess).labels);
    (resize_channels(voxels, grid.shape, spline_order(preprocess.image_order), grid.separate), labels)
}

fn normalize_channels(voxels: &mut Array4<f32>, inside: Option<ArrayView3<'_, bool>>, preprocess: &Preprocess) {
    for (channel, values) in voxels.outer_iter_mut().enumerate() {
        let scheme = preprocess.normalization_scheme[channel];
        normalize(values, scheme, preprocess.intensities.get(channel), inside, preprocess.order);
    }
}
