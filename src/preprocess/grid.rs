//! The target grid of a configuration.

use ndarray::{Array3, Zip};

use crate::plan::schema::{Configuration, Preprocess};
use crate::preprocess::labels::outside;
use crate::volume::resample::{Order, coarse_axis, resampled_shape, resize_labels};
use crate::volume::{Shape, Spacing, into_elements};

/// The grid that a cropped case is resampled to.
pub(super) struct TargetGrid {
    pub(super) shape: Shape,
    /// The axis that is resampled separately, by nearest neighbour.
    pub(super) separate: Option<usize>,
}

/// A label map and the non-zero mask, on one grid.
pub(super) struct LabelsAndMask {
    /// The labels, if the case has them.
    pub(super) labels: Option<Array3<i16>>,
    /// The mask, if statistics are taken in it.
    pub(super) mask: Option<Array3<bool>>,
}

impl TargetGrid {
    pub(super) fn new(
        cropped: Shape,
        spacing: Spacing,
        preprocess: &Preprocess,
        configuration: &Configuration,
    ) -> Self {
        let shape = resampled_shape(cropped, spacing, target_spacing(spacing, configuration));
        Self { shape, separate: separate_axis(spacing, preprocess, configuration) }
    }

    /// Resamples the labels and, if the plan normalises in the mask, the non-zero mask to this grid.
    ///
    /// Differs: nnU-Net commit 6150f1b0 resamples linearly per label (`label_order = 1`); the default, nearest
    /// neighbour, is that of the paper (arXiv:1809.10486, 2.2).
    pub(super) fn labels_and_mask(
        &self,
        labels: Option<Array3<i16>>,
        mask: Array3<bool>,
        preprocess: &Preprocess,
    ) -> LabelsAndMask {
        if !preprocess.normalize_in_mask {
            let marked = labels.map(|mut labels| {
                Zip::from(&mut labels).and(&mask).for_each(|label, &inside| {
                    if *label == 0 && !inside {
                        *label = outside(0);
                    }
                });
                labels
            });
            drop(mask);
            return LabelsAndMask { labels: marked.map(|labels| self.resample(labels, preprocess)), mask: None };
        }
        // As a separate label map: -1 outside, 0 inside.
        let as_labels = map_elements(mask, |inside| if inside { 0_i8 } else { -1 });
        let inside = map_elements(self.resample(as_labels, preprocess), |label| label >= 0);
        let labels = labels.map(|labels| {
            let mut labels = self.resample(labels, preprocess);
            Zip::from(&mut labels).and(&inside).for_each(|label, &inside| {
                if !inside {
                    *label = outside(*label);
                }
            });
            labels
        });
        LabelsAndMask { labels, mask: Some(inside) }
    }

    fn resample<T: Copy + Default + Ord + Send + Sync>(&self, labels: Array3<T>, preprocess: &Preprocess) -> Array3<T> {
        if labels.dim() == self.shape.0.into() {
            return labels;
        }
        resize_labels(labels.view(), self.shape, spline_order(preprocess.label_order), self.separate)
    }
}

/// Maps each element, in the array's own memory if both types have the same size.
fn map_elements<T: Clone, U>(array: Array3<T>, map: impl Fn(T) -> U) -> Array3<U> {
    let shape = array.dim();
    Array3::from_shape_vec(shape, into_elements(array).into_iter().map(map).collect())
        .expect("the same number of elements")
}

/// Spacing of the prepared case, mm, `[z, y, x]`: the configuration's, or the image's own along axes with spacing 0.
pub fn target_spacing(own: Spacing, configuration: &Configuration) -> Spacing {
    let wanted = configuration.spacing_mm.0;
    Spacing(std::array::from_fn(|axis| if wanted[axis] == 0.0 { own.0[axis] } else { wanted[axis] }))
}

/// The coarsest axis of an image of spacing `own`, if it is resampled separately.
///
/// Source: nnU-Net commit 6150f1b0. Differs: that commit does so above a ratio of 3; the paper does not mention it, so
/// `anisotropy_threshold` is 0, off, by default.
pub fn separate_axis(own: Spacing, preprocess: &Preprocess, configuration: &Configuration) -> Option<usize> {
    let ratio = preprocess.anisotropy_threshold;
    if ratio == 0.0 { None } else { coarse_axis(own, target_spacing(own, configuration), ratio) }
}

/// The axis of a prepared case that is resampled separately on the way back to an image of spacing `own`, as nnU-Net v2 chooses it:
/// by the prepared grid, or else by the image's. [`separate_axis`] looks at the image first.
pub fn separate_axis_back(own: Spacing, preprocess: &Preprocess, configuration: &Configuration) -> Option<usize> {
    let ratio = preprocess.anisotropy_threshold;
    if ratio == 0.0 { None } else { coarse_axis(target_spacing(own, configuration), own, ratio) }
}

/// The interpolation of a spline order in a plan.
///
/// # Panics
///
/// For orders other than 0, 1 and 3, which a validated plan excludes.
pub fn spline_order(number: u8) -> Order {
    Order::from_number(number).expect("a validated plan has spline orders 0, 1 and 3 only")
}
