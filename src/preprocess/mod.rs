//! From images to prepared cases: crop to the non-zero region, resample, normalise.
//!
//! Input: an image and its label map on their own grid. Output: a [`Prepared`] case on the grid of a configuration, and
//! the [`Placement`] that leads back. Deliberately absent: random transforms, and any decision: all numbers are the
//! plan's. Source: arXiv:1809.10486, section 2.2 (spec sections 3 to 5).

pub mod cache;
mod case;
pub mod first_stage;
pub mod footprint;
pub mod normalize;

use std::collections::BTreeMap;

use ndarray::{Array3, Array4, ArrayView3, Axis, Zip};
use serde::{Deserialize, Serialize};

use crate::plan::schema::{Configuration, Preprocess};
use crate::preprocess::footprint::{Extent, TooLarge};
use crate::preprocess::normalize::normalize;
use crate::volume::crop::{crop_channels_in_place, crop_in_place, nonzero_box};
use crate::volume::resample::{Order, coarse_axis, resampled_shape, resize_channels, resize_labels};
use crate::volume::{BoundingBox, Image, LabelMap, Shape, Spacing, into_elements};

/// Most voxels of a class that are kept for sampling; evenly spaced in raster order where a case has more.
const MAX_FOREGROUND_VOXELS: usize = 1 << 16;

/// A case as the network sees it.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Normalised intensities, `[c, z, y, x]`, the slice axis of a 2D configuration moved to z.
    pub image: Array4<f32>,
    /// Labels, `[z, y, x]`; below 0 outside of the non-zero mask (see [`class_of`]). Background where the case has none.
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

/// Prepares one case for one configuration, in the memory of its image as far as that goes, and at most `memory_bytes`.
///
/// Source: spec section 3 (crop, with -1 where a background voxel is outside of the non-zero mask), 4.2 and 4.3
/// (resampling), 5 (normalisation).
///
/// Differs: nnU-Net takes the statistics of a masked plan where the labels are 0 or above, and so at foreground voxels outside of
/// the non-zero mask, too (0.68 % of the label voxels of IBSR): the image of a training or held-out case then depends on its
/// labels, and shows them to the network. Here the mask of the image alone decides, in training and prediction alike.
///
/// # Errors
///
/// When it takes more memory, which is known before anything is resampled.
///
/// # Panics
///
/// When image and labels differ in shape, or the plan names another number of channels; `dataset::verify` and the plan's
/// own checks come before.
pub fn prepare(
    image: Image,
    labels: Option<LabelMap>,
    rules: &Preprocess,
    configuration: &Configuration,
    memory_bytes: u64,
) -> Result<Prepared, TooLarge> {
    let Image { voxels, geometry } = image;
    let channels = voxels.len_of(Axis(0));
    assert_eq!(channels, rules.normalization_scheme.len(), "channels of the image and of the plan");
    let (mask, bounds) = nonzero_box(voxels.view());
    let (spacing, labelled) = (geometry.spacing, labels.is_some());
    let extent = Extent { shape: geometry.shape, spacing, channels, labelled };
    footprint::check(&extent, bounds.shape(), rules, configuration, memory_bytes)?;

    let grid = TargetGrid::new(bounds.shape(), spacing, rules, configuration);
    let voxels = crop_channels_in_place(voxels, bounds);
    let mask = crop_in_place(mask, bounds);
    let labels = labels.map(|labels| crop_in_place(labels.labels, bounds));
    let (labels, inside) = grid.labels_and_mask(labels, mask, rules);

    let mut voxels = resize_channels(voxels, grid.shape, spline_order(rules.image_order), grid.separate);
    for (channel, values) in voxels.outer_iter_mut().enumerate() {
        let inside = inside.as_ref().map(|inside| inside.view());
        normalize(values, rules.normalization_scheme[channel], rules.intensities.get(channel), inside);
    }
    drop(inside);

    let placement = Placement { original: geometry.shape, crop: bounds, slice_axis: configuration.slice_axis };
    let labels = match labels {
        Some(labels) => permuted(labels, placement.axes()),
        None => Array3::zeros(placement.axes().map(|axis| grid.shape.0[axis])),
    };
    let foreground = if labelled { foreground_voxels(labels.view()) } else { BTreeMap::new() };
    Ok(Prepared { foreground, image: permuted_channels(voxels, placement.axes()), labels, placement })
}

/// The grid that a cropped case is resampled to.
struct TargetGrid {
    shape: Shape,
    separate: Option<usize>,
}

impl TargetGrid {
    fn new(cropped: Shape, spacing: Spacing, rules: &Preprocess, configuration: &Configuration) -> Self {
        let shape = resampled_shape(cropped, spacing, target_spacing(spacing, configuration));
        Self { shape, separate: separate_axis(spacing, rules, configuration) }
    }

    /// Labels and, for a masked plan, the non-zero mask, both on this grid.
    fn labels_and_mask(
        &self,
        labels: Option<Array3<i16>>,
        mask: Array3<bool>,
        rules: &Preprocess,
    ) -> (Option<Array3<i16>>, Option<Array3<bool>>) {
        if !rules.normalize_in_mask {
            let marked = labels.map(|mut labels| {
                Zip::from(&mut labels).and(&mask).for_each(|label, &inside| {
                    if *label == 0 && !inside {
                        *label = outside(0);
                    }
                });
                labels
            });
            drop(mask);
            return (marked.map(|labels| self.resampled(labels, rules)), None);
        }
        // As a label map of its own: -1 outside, 0 inside.
        let as_labels = mapped(mask, |inside| if inside { 0_i8 } else { -1 });
        let inside = mapped(self.resampled(as_labels, rules), |label| label >= 0);
        let labels = labels.map(|labels| {
            let mut labels = self.resampled(labels, rules);
            Zip::from(&mut labels).and(&inside).for_each(|label, &inside| {
                if !inside {
                    *label = outside(*label);
                }
            });
            labels
        });
        (labels, Some(inside))
    }

    fn resampled<T: Copy + Default + Ord + Send + Sync>(&self, labels: Array3<T>, rules: &Preprocess) -> Array3<T> {
        if labels.dim() == self.shape.0.into() {
            return labels;
        }
        resize_labels(labels.view(), self.shape, spline_order(rules.label_order), self.separate)
    }
}

/// How a label outside of the non-zero mask is kept: -1 for background.
fn outside(label: i16) -> i16 {
    -1 - label
}

/// The class of a prepared label: itself inside of the non-zero mask; below 0 is outside, where `-1 - class` stands for a class.
///
/// Without `preprocess.normalize_in_mask`, foreground outside of the mask is not marked.
pub fn class_of(label: i16) -> i16 {
    if label < 0 { outside(label) } else { label }
}

/// Each element by itself, in the memory of the array where the two types are of one size.
fn mapped<T: Clone, U>(array: Array3<T>, map: impl Fn(T) -> U) -> Array3<U> {
    let shape = array.dim();
    Array3::from_shape_vec(shape, into_elements(array).into_iter().map(map).collect()).expect("as many elements")
}

fn permuted(labels: Array3<i16>, order: [usize; 3]) -> Array3<i16> {
    if order == [0, 1, 2] { labels } else { labels.permuted_axes(order).as_standard_layout().into_owned() }
}

/// The channels with their axes in another order, one after the other in the image's own memory.
fn permuted_channels(image: Array4<f32>, order: [usize; 3]) -> Array4<f32> {
    if order == [0, 1, 2] {
        return image;
    }
    let (channels, z, y, x) = image.dim();
    let [depth, height, width] = order.map(|axis| [z, y, x][axis]);
    let mut scratch = Array3::zeros((depth, height, width));
    let mut values = into_elements(image);
    for channel in values.chunks_exact_mut(z * y * x) {
        let volume = ArrayView3::from_shape((z, y, x), &*channel).expect("as many values as voxels");
        scratch.assign(&volume.permuted_axes(order));
        channel.copy_from_slice(scratch.as_slice().expect("a new array is in standard layout"));
    }
    Array4::from_shape_vec((channels, depth, height, width), values).expect("as many values as voxels")
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
    let wanted = configuration.spacing_mm.0;
    Spacing(std::array::from_fn(|axis| if wanted[axis] == 0.0 { own.0[axis] } else { wanted[axis] }))
}

/// How an image of spacing `own` is resampled apart along its coarsest axis, if it is.
///
/// Not in the paper: `separate_z_ratio` is 0, off, by default. Source: spec section 4.3.
pub fn separate_axis(own: Spacing, rules: &Preprocess, configuration: &Configuration) -> Option<usize> {
    let ratio = rules.anisotropy_threshold;
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

fn foreground_voxels(labels: ArrayView3<'_, i16>) -> BTreeMap<u8, Vec<[u32; 3]>> {
    let class = |&label: &i16| u8::try_from(class_of(label)).ok().filter(|&class| class > 0);
    let mut counts = [0_usize; 256];
    for class in labels.iter().filter_map(class) {
        counts[usize::from(class)] += 1;
    }
    let mut found = BTreeMap::<u8, Vec<[u32; 3]>>::new();
    let mut seen = [0_usize; 256];
    for ((z, y, x), label) in labels.indexed_iter() {
        let Some(class) = class(label) else { continue };
        let (seen, step) = (&mut seen[usize::from(class)], counts[usize::from(class)].div_ceil(MAX_FOREGROUND_VOXELS));
        if *seen % step == 0 {
            found.entry(class).or_default().push([z as u32, y as u32, x as u32]);
        }
        *seen += 1;
    }
    found
}

#[cfg(test)]
mod tests;
