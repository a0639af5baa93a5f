//! Random transforms of training patches. Source: spec section 10.
//!
//! Input: a patch with its surroundings, cut out of a case, and a [`Draw`]. Output: the patch that the network sees. All
//! randomness is in the draw; applying it is pure. The classes of the cascade's first stage move with the labels; their
//! faults have a draw of their own ([`Faults`]). Deliberately absent: which patch is cut out (`sample`), and threads: a
//! patch is one thread's work.

mod coordinates;
mod draw;
mod elastic;
mod faults;
mod gamma;
mod labels;
mod scratch;
mod size;
#[allow(clippy::inline_always, reason = "a call for each tap of each voxel would cost more than the tap")]
mod spline;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

use ndarray::{Array, Array3, Array4, Axis, Dimension, s};

pub use self::draw::{Draw, Elastic, Spatial};
pub use self::faults::{Change, Faults, Operation, Removal};
pub use self::size::{enlarged_patch, loaded_size};

use self::coordinates::coordinates;
use self::draw::Ranges;
use crate::plan::schema::{Augment, AugmentationKind, Configuration};
use crate::random::Rng;
use crate::train::sample::{Patch, Window};
use crate::volume::Shape;
use crate::volume::axes::{slice_back, slice_first};

/// The random transforms of one configuration.
#[derive(Clone, Debug)]
pub struct Augmenter {
    patch: Shape,
    loaded: Shape,
    /// Axis that slices are transformed across; none where it is done in space.
    sliced: Option<usize>,
    label_order: u8,
    ranges: Ranges,
}

impl Augmenter {
    /// The transforms that a plan asks for.
    pub fn new(augment: &Augment, configuration: &Configuration) -> Self {
        Self {
            patch: configuration.patch_size,
            loaded: loaded_size(augment, configuration),
            sliced: match configuration.augmentation {
                AugmentationKind::ThreeD => None,
                AugmentationKind::TwoD | AugmentationKind::Dummy2d => Some(configuration.augmented_axis()),
            },
            label_order: augment.label_order,
            ranges: Ranges::new(augment, configuration),
        }
    }

    /// What is to be cut out of a case, and what comes out of [`apply`](Self::apply).
    pub fn window(&self) -> Window {
        Window { loaded: self.loaded, patch: self.patch }
    }

    /// Voxels that [`apply`](Self::apply) takes, `[z, y, x]`.
    pub fn loaded_size(&self) -> Shape {
        self.loaded
    }

    /// The random numbers of one patch with this many channels.
    pub fn draw(&self, channels: usize, rng: &mut Rng) -> Draw {
        self.ranges.draw(channels, rng)
    }

    /// The patch of the network, transformed; labels keep their [`OUTSIDE`](crate::train::sample::OUTSIDE).
    ///
    /// Spatial transform, then gamma, then mirroring. `loaded` has the shape of [`loaded_size`](Self::loaded_size).
    ///
    /// # Panics
    ///
    /// When `loaded` has another shape, or the draw is for another number of channels.
    pub fn apply(&self, draw: &Draw, loaded: &Patch) -> Patch {
        let [z, y, x] = self.loaded.0;
        assert_eq!(loaded.labels.dim(), (z, y, x), "the labels have the loaded size");
        assert_eq!(&loaded.image.shape()[1..], self.loaded.0, "the image has the loaded size");
        let mut patch = if draw.spatial.fires() { self.warp(&draw.spatial, loaded) } else { self.centre(loaded) };
        if let Some(exponents) = &draw.gamma {
            assert_eq!(exponents.len(), patch.image.len_of(Axis(0)), "one exponent for each channel");
            for (mut channel, &exponent) in patch.image.outer_iter_mut().zip(exponents) {
                gamma::apply(channel.as_slice_mut().expect("a new array is contiguous"), exponent);
            }
        }
        mirror(patch, draw.mirror)
    }

    /// The middle of the loaded patch.
    fn centre(&self, loaded: &Patch) -> Patch {
        let [z, y, x] = std::array::from_fn(|axis| {
            let start = (self.loaded.0[axis] - self.patch.0[axis]) / 2;
            start..start + self.patch.0[axis]
        });
        let middle =
            |labels: &Array3<i16>| labels.slice(s![z.clone(), y.clone(), x.clone()]).as_standard_layout().into_owned();
        Patch {
            image: loaded.image.slice(s![.., z.clone(), y.clone(), x.clone()]).as_standard_layout().into_owned(),
            labels: middle(&loaded.labels),
            first_stage: loaded.first_stage.as_ref().map(middle),
        }
    }

    /// The loaded patch, sampled where the spatial transform says; slice by slice with the same transform, or in space.
    ///
    /// Slices across y or x are brought to the front for it, and back.
    fn warp(&self, spatial: &Spatial, loaded: &Patch) -> Patch {
        let axis = self.sliced.unwrap_or(0);
        if axis == 0 {
            return self.warp_across_z(spatial, loaded, [self.loaded, self.patch]);
        }
        let (order, back) = (slice_first(axis), slice_back(axis));
        let shapes = [self.loaded, self.patch].map(|shape| Shape(order.map(|axis| shape.0[axis])));
        let warped = self.warp_across_z(spatial, &permuted(loaded, order), shapes);
        permuted(&warped, back)
    }

    /// The same for a patch whose slices are perpendicular to its first axis, with the loaded shape and the final one.
    fn warp_across_z(&self, spatial: &Spatial, loaded: &Patch, [loaded_shape, patch]: [Shape; 2]) -> Patch {
        let slice = |shape: Shape| if self.sliced.is_some() { Shape([1, shape.0[1], shape.0[2]]) } else { shape };
        let (from, to) = (slice(loaded_shape), slice(patch));
        let at = coordinates(spatial, to, from);
        let [z, y, x] = patch.0;
        let mut image = Array4::zeros((loaded.image.len_of(Axis(0)), z, y, x));
        each_volume(&loaded.image, &mut image, from, to, |volume, out| spline::sample(volume, from, &at, out));
        let warped = |labels: &Array3<i16>| {
            let mut warped = Array3::zeros((z, y, x));
            each_volume(labels, &mut warped, from, to, |volume, out| {
                labels::sample(volume, from, &at, self.label_order, out);
            });
            warped
        };
        Patch { image, labels: warped(&loaded.labels), first_stage: loaded.first_stage.as_ref().map(warped) }
    }
}

/// A patch with its axes in another order, `[z, y, x]`.
fn permuted(patch: &Patch, order: [usize; 3]) -> Patch {
    let labels = |labels: &Array3<i16>| labels.view().permuted_axes(order).as_standard_layout().into_owned();
    let [z, y, x] = order.map(|axis| axis + 1);
    Patch {
        image: patch.image.view().permuted_axes([0, z, y, x]).as_standard_layout().into_owned(),
        labels: labels(&patch.labels),
        first_stage: patch.first_stage.as_ref().map(labels),
    }
}

/// Hands out the pieces of `from` and `to` that are transformed by themselves: channels, or slices of channels.
fn each_volume<T: Clone, D: Dimension>(
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

/// A patch seen in a mirror along each marked axis, `[z, y, x]`.
fn mirror(mut patch: Patch, axes: [bool; 3]) -> Patch {
    let (z, y, x) = patch.labels.dim();
    flip(patch.image.as_slice_mut().expect("a new array is contiguous"), [z, y, x], axes);
    for labels in [Some(&mut patch.labels), patch.first_stage.as_mut()].into_iter().flatten() {
        flip(labels.as_slice_mut().expect("a new array is contiguous"), [z, y, x], axes);
    }
    patch
}

/// Mirrors volumes of this shape in place: reversing everything below an axis, and then each of its parts again, leaves
/// the parts as they were, in the opposite order.
fn flip<T>(values: &mut [T], shape: [usize; 3], axes: [bool; 3]) {
    for axis in (0..3).filter(|&axis| axes[axis]) {
        let part: usize = shape[axis + 1..].iter().product();
        for whole in values.chunks_exact_mut(part * shape[axis]) {
            whole.reverse();
            if part > 1 {
                whole.chunks_exact_mut(part).for_each(<[T]>::reverse);
            }
        }
    }
}
