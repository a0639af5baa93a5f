//! Resamples a loaded patch at the positions of a spatial transform.

use ndarray::{Array, Array3, Array4, Dimension};

use super::spatial::{Spatial, coordinates};
use super::{labels, spline};
use crate::train::patch::{Patch, PatchSizes};
use crate::volume::Shape;
use crate::volume::axes::{slice_back, slice_first};

/// How a patch is resampled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Warp {
    /// Sizes before and after.
    pub(super) sizes: PatchSizes,
    /// The axis across the slices, if each slice is transformed in its plane; `None` for a transform in 3D.
    pub(super) slice_axis: Option<usize>,
    /// Interpolation order of labels, 0 or 1.
    pub(super) label_order: u8,
}

impl Warp {
    /// Resamples a loaded patch. Slices across y or x are moved to the first axis and back.
    pub(super) fn apply(&self, spatial: &Spatial, loaded: &Patch) -> Patch {
        let axis = self.slice_axis.unwrap_or(0);
        if axis == 0 {
            return self.across_first_axis(spatial, loaded);
        }
        let order = slice_first(axis);
        let permute = |shape: Shape| Shape(order.map(|axis| shape.0[axis]));
        let sizes = PatchSizes { loaded: permute(self.sizes.loaded), patch: permute(self.sizes.patch) };
        let warped = Self { sizes, ..*self }.across_first_axis(spatial, &permuted(loaded, order));
        permuted(&warped, slice_back(axis))
    }

    /// The same for a patch whose slices, if any, are perpendicular to its first axis.
    fn across_first_axis(&self, spatial: &Spatial, loaded: &Patch) -> Patch {
        let volume = |shape: Shape| if self.slice_axis.is_some() { Shape([1, shape.0[1], shape.0[2]]) } else { shape };
        let (from, to) = (volume(self.sizes.loaded), volume(self.sizes.patch));
        let at = coordinates(spatial, to, from);
        let [z, y, x] = self.sizes.patch.0;
        let mut image = Array4::zeros((loaded.image.shape()[0], z, y, x));
        for_each_volume(&loaded.image, &mut image, from, to, |volume, out| spline::sample(volume, from, &at, out));
        let warp_labels = |labels: &Array3<i16>| {
            let mut warped = Array3::zeros((z, y, x));
            for_each_volume(labels, &mut warped, from, to, |volume, out| {
                labels::sample(volume, from, &at, self.label_order, out);
            });
            warped
        };
        let first_stage = loaded.first_stage.as_ref().map(warp_labels);
        Patch { image, labels: warp_labels(&loaded.labels), first_stage }
    }
}

/// A patch with its axes in another order, `[z, y, x]`.
pub(super) fn permuted(patch: &Patch, order: [usize; 3]) -> Patch {
    let labels = |labels: &Array3<i16>| labels.view().permuted_axes(order).as_standard_layout().into_owned();
    let [z, y, x] = order.map(|axis| axis + 1);
    Patch {
        image: patch.image.view().permuted_axes([0, z, y, x]).as_standard_layout().into_owned(),
        labels: labels(&patch.labels),
        first_stage: patch.first_stage.as_ref().map(labels),
    }
}

/// Calls `transform` for each pair of volumes that are resampled on their own: channels, or slices of channels.
fn for_each_volume<T: Clone, D: Dimension>(
    from: &Array<T, D>,
    to: &mut Array<T, D>,
    from_shape: Shape,
    to_shape: Shape,
    transform: impl Fn(&[T], &mut [T]),
) {
    let from = from.as_standard_layout();
    let from = from.as_slice().expect("brought into standard layout").chunks_exact(from_shape.voxels());
    let to = to.as_slice_mut().expect("a new array is contiguous").chunks_exact_mut(to_shape.voxels());
    from.zip(to).for_each(|(from, to)| transform(from, to));
}
