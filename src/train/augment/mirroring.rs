//! Mirroring. Source: arXiv:1809.10486, 2.3; axes and probability of nnU-Net commit 6150f1b0, `default_data_augmentation.py`.

use super::axes::AxisNames;
use super::random::occurs;
use crate::plan::schema::{self, AugmentationKind};
use crate::random::Rng;
use crate::train::patch::Patch;

/// Draws the axes to mirror, `[z, y, x]`. 2D patches are mirrored in their plane only; patches whose slices are transformed in 2D
/// are mirrored along all axes.
pub(super) fn draw(settings: &schema::Mirroring, kind: AugmentationKind, rng: &mut Rng) -> [bool; 3] {
    let mut axis = || occurs(settings.probability, rng);
    match kind {
        AugmentationKind::ThreeD | AugmentationKind::Dummy2d => [axis(), axis(), axis()],
        AugmentationKind::TwoD => [false, axis(), axis()],
    }
}

/// Mirrors a patch along the marked axes, `[z, y, x]`.
pub(super) fn apply(mut patch: Patch, axes: [bool; 3]) -> Patch {
    let (z, y, x) = patch.labels.dim();
    flip(patch.image.as_slice_mut().expect("a new array is contiguous"), [z, y, x], axes);
    for labels in [Some(&mut patch.labels), patch.first_stage.as_mut()].into_iter().flatten() {
        flip(labels.as_slice_mut().expect("a new array is contiguous"), [z, y, x], axes);
    }
    patch
}

/// Mirrors volumes of this shape in place. Reversing the values of an axis, then each element along it again, leaves the elements
/// unchanged in the opposite order.
fn flip<T>(values: &mut [T], shape: [usize; 3], axes: [bool; 3]) {
    for axis in (0..3).filter(|&axis| axes[axis]) {
        let element: usize = shape[axis + 1..].iter().product();
        for whole in values.chunks_exact_mut(element * shape[axis]) {
            whole.reverse();
            if element > 1 {
                whole.chunks_exact_mut(element).for_each(<[T]>::reverse);
            }
        }
    }
}

/// The mirrored axes; `None` if there are none.
pub(super) fn describe_draw(mirrored: [bool; 3], axes: AxisNames) -> Option<String> {
    let names: Vec<&str> = axes.names.into_iter().zip(mirrored).filter_map(|(axis, on)| on.then_some(axis)).collect();
    (!names.is_empty()).then(|| format!("mirror {}", names.join(" ")))
}

/// The transform in a methods paragraph; `None` if it is not used.
pub(super) fn describe(settings: &schema::Mirroring) -> Option<String> {
    (settings.probability > 0.0).then(|| format!("mirroring along each axis (probability {})", settings.probability))
}
