//! From images to prepared cases: crop to the non-zero region, resample, normalise.
//!
//! Input: an image and its label map on their own grid. Output: a [`Prepared`] case on the grid of a configuration, and
//! the [`Placement`] that leads back. Deliberately absent: random transforms, and any decision: all numbers are the
//! plan's. Source: arXiv:1809.10486, section 2.2 (spec sections 3 to 5).

mod budget;
pub mod cache;
mod case;
pub mod first_stage;
pub mod normalize;

use std::collections::BTreeMap;

use ndarray::{Array3, Array4, ArrayView3, Axis, Zip};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::plan::schema::{Configuration, Preprocess};
use crate::preprocess::normalize::normalize;
use crate::volume::crop::{crop, crop_channels, nonzero_box};
use crate::volume::resample::{Order, coarse_axis, resampled_shape, resize, resize_labels};
use crate::volume::{BoundingBox, Image, LabelMap, Shape, Spacing};

/// Most voxels of a class that are kept for sampling; evenly spaced in raster order where a case has more.
const MAX_FOREGROUND_VOXELS: usize = 1 << 16;

/// A case as the network sees it.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Normalised intensities, `[c, z, y, x]`, the slice axis of a 2D configuration moved to z.
    pub image: Array4<f32>,
    /// Labels, `[z, y, x]`; -1 is outside of the non-zero mask. Background where the case has none.
    pub labels: Array3<i16>,
    /// Some voxels of each class, `[z, y, x]`, in raster order.
    pub foreground: BTreeMap<u8, Vec<[u32; 3]>>,
    /// How the prepared grid lies in the original one.
    pub placement: Placement,
}

/// How a prepared grid lies in the grid of the image that it was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The image's shape, `[z, y, x]`.
    pub original: Shape,
    /// The part of it that was kept, `[z, y, x]`.
    pub crop: BoundingBox,
    /// The axis of the image that is z of the prepared case.
    pub slice_axis: usize,
}

/// Prepares one case for one configuration.
///
/// Source: spec section 3 (crop, with -1 where a background voxel is outside of the non-zero mask), 4.2 and 4.3
/// (resampling), 5 (normalisation).
///
/// # Panics
///
/// When image and labels differ in shape, or the plan names another number of channels; `dataset::verify` and the plan's
/// own checks come before.
pub fn prepare(
    image: &Image,
    labels: Option<&LabelMap>,
    rules: &Preprocess,
    configuration: &Configuration,
) -> Prepared {
    let channels = image.voxels.len_of(Axis(0));
    assert_eq!(channels, rules.normalization.len(), "channels of the image and of the plan");
    let (mask, bounds) = nonzero_box(image.voxels.view());
    let labels = cropped_labels(labels, &mask, bounds);
    let spacing = image.geometry.spacing;
    let shape = resampled_shape(bounds.shape(), spacing, target_spacing(spacing, configuration));
    let separate = separate_axis(spacing, rules, configuration);

    let labels = resize_labels(labels.view(), shape, spline_order(rules.label_order), separate);
    let cropped = crop_channels(image.voxels.view(), bounds);
    let prepared: Vec<Array3<f32>> = (0..channels)
        .into_par_iter()
        .map(|channel| {
            let one = cropped.index_axis(Axis(0), channel);
            let mut resized = resize(one, shape, spline_order(rules.image_order), separate);
            let inside = rules.masked.then_some(labels.view());
            normalize(&mut resized, rules.normalization[channel], rules.intensities.get(channel), inside);
            resized
        })
        .collect();

    let placement = Placement { original: image.geometry.shape, crop: bounds, slice_axis: configuration.slice_axis };
    let order = placement.axes();
    let labels = labels.permuted_axes(order).as_standard_layout().into_owned();
    let mut voxels = Array4::zeros((channels, labels.dim().0, labels.dim().1, labels.dim().2));
    for (channel, resized) in prepared.into_iter().enumerate() {
        voxels.index_axis_mut(Axis(0), channel).assign(&resized.permuted_axes(order));
    }
    Prepared { foreground: foreground_voxels(labels.view()), image: voxels, labels, placement }
}

impl Placement {
    /// Order in which the image's axes stand in the prepared case: the slice axis first.
    pub fn axes(self) -> [usize; 3] {
        slice_first(self.slice_axis)
    }

    /// Order that undoes [`Placement::axes`].
    pub fn axes_back(self) -> [usize; 3] {
        slice_back(self.slice_axis)
    }
}

/// The three axes, the given one first.
pub fn slice_first(slice_axis: usize) -> [usize; 3] {
    match slice_axis {
        0 => [0, 1, 2],
        1 => [1, 0, 2],
        axis => [axis, 0, 1],
    }
}

/// The order that undoes [`slice_first`].
pub fn slice_back(slice_axis: usize) -> [usize; 3] {
    let mut back = [0; 3];
    for (position, axis) in slice_first(slice_axis).into_iter().enumerate() {
        back[axis] = position;
    }
    back
}

/// Spacing of the prepared case, mm, `[z, y, x]`: the configuration's, with the image's own where that says 0.
pub fn target_spacing(own: Spacing, configuration: &Configuration) -> Spacing {
    let wanted = configuration.spacing.0;
    Spacing(std::array::from_fn(|axis| if wanted[axis] == 0.0 { own.0[axis] } else { wanted[axis] }))
}

/// How an image of spacing `own` is resampled apart along its coarsest axis, if it is.
///
/// Not in the paper: `separate_z_ratio` is 0, off, by default. Source: spec section 4.3.
pub fn separate_axis(own: Spacing, rules: &Preprocess, configuration: &Configuration) -> Option<usize> {
    let ratio = rules.separate_z_ratio;
    if ratio == 0.0 { None } else { coarse_axis(own, target_spacing(own, configuration), ratio) }
}

/// The spline order of a plan's number.
///
/// # Panics
///
/// On numbers other than 0, 1 and 3, which a validated plan excludes.
pub fn spline_order(number: u8) -> Order {
    Order::from_number(number).expect("a validated plan has spline orders 0, 1 and 3 only")
}

fn cropped_labels(labels: Option<&LabelMap>, mask: &Array3<bool>, bounds: BoundingBox) -> Array3<i16> {
    let mask = crop(mask.view(), bounds);
    let mut cropped = match labels {
        Some(labels) => crop(labels.labels.view(), bounds).to_owned(),
        None => Array3::zeros(mask.dim()),
    };
    Zip::from(&mut cropped).and(mask).for_each(|label, &inside| {
        if *label == 0 && !inside {
            *label = -1;
        }
    });
    cropped
}

fn foreground_voxels(labels: ArrayView3<'_, i16>) -> BTreeMap<u8, Vec<[u32; 3]>> {
    let mut found = BTreeMap::<u8, Vec<[u32; 3]>>::new();
    for ((z, y, x), &label) in labels.indexed_iter() {
        if let Ok(label) = u8::try_from(label)
            && label > 0
        {
            found.entry(label).or_default().push([z as u32, y as u32, x as u32]);
        }
    }
    for voxels in found.values_mut() {
        let step = voxels.len().div_ceil(MAX_FOREGROUND_VOXELS);
        let kept = voxels.iter().copied().step_by(step).collect();
        *voxels = kept;
    }
    found
}
