//! How much of a case is cut out, so that a rotated or shrunk patch does not show its edges. Source: spec section 10.

use std::f64::consts::FRAC_PI_2;

use super::coordinates::{rotation, turned};
use crate::plan::schema::{Augment, AugmentationKind, Configuration};
use crate::volume::Shape;
use crate::volume::axes::{slice_back, slice_first};

/// In-plane patches with a longest edge of more than this many times the shortest are turned as little as 3D ones.
const FLAT: f64 = 1.5;

/// Largest angle about an axis, in radians: about each axis in 3D, about the one across the slices otherwise.
///
/// Source: spec section 10, with the first code's rule for flat patches.
pub(super) fn max_rotation(augment: &Augment, configuration: &Configuration) -> f64 {
    let [_, y, x] = slice_first(configuration.augmented_axis()).map(|axis| configuration.patch_size.0[axis]);
    let flat = y.max(x) as f64 > FLAT * y.min(x) as f64;
    let degrees = match configuration.augmentation {
        AugmentationKind::ThreeD => augment.rotation.max_degrees_3d,
        AugmentationKind::TwoD | AugmentationKind::Dummy2d if flat => augment.rotation.max_degrees_3d,
        AugmentationKind::TwoD | AugmentationKind::Dummy2d => augment.rotation.max_degrees_2d,
    };
    degrees.to_radians()
}

/// Voxels that are cut out of a case for a training patch, `[z, y, x]`.
///
/// A transform whose probability is zero asks for no surroundings.
pub fn loaded_size(augment: &Augment, configuration: &Configuration) -> Shape {
    let angle = if augment.rotation.probability > 0.0 { max_rotation(augment, configuration) } else { 0.0 };
    let scale = if augment.scaling.probability > 0.0 { augment.scaling.range[0].min(1.0) } else { 1.0 };
    let axis = configuration.augmented_axis();
    let patch = Shape(slice_first(axis).map(|axis| configuration.patch_size.0[axis]));
    let enlarged = enlarged_patch(patch, angle, scale, configuration.augmentation);
    Shape(slice_back(axis).map(|axis| enlarged.0[axis]))
}

/// The patch, `[z, y, x]`, enlarged to where a turn by `max_rotation` radians about one axis takes its far corner, then
/// divided by the smallest zoom.
///
/// In 2D and slice by slice, slices are perpendicular to the first axis, and only the edges in the plane are enlarged. Angles count up to a right angle.
///
/// Source: spec section 10. It is the first code's rule, which divides by the smallest zoom although it is the largest
/// that shows more of the image.
pub fn enlarged_patch(patch: Shape, max_rotation: f64, min_scale: f64, kind: AugmentationKind) -> Shape {
    let corner = patch.0.map(|edge| edge as f64);
    let angle = max_rotation.min(FRAC_PI_2);
    let about_z = [angle, 0.0, 0.0];
    let turns = match kind {
        AugmentationKind::ThreeD => vec![about_z, [0.0, angle, 0.0], [0.0, 0.0, angle]],
        AugmentationKind::TwoD | AugmentationKind::Dummy2d => vec![about_z],
    };
    let mut reach = corner;
    for angles in turns {
        let moved = turned(corner, &rotation(angles));
        reach = std::array::from_fn(|axis| reach[axis].max(moved[axis].abs()));
    }
    let mut loaded = reach.map(|edge| (edge / min_scale).floor() as usize);
    if kind != AugmentationKind::ThreeD {
        loaded[0] = patch.0[0];
    }
    Shape(loaded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enlarged(patch: [usize; 3], degrees: f64, kind: AugmentationKind) -> [usize; 3] {
        enlarged_patch(Shape(patch), degrees.to_radians(), 0.85, kind).0
    }

    #[test]
    fn the_published_enlargements() {
        let space = AugmentationKind::ThreeD;
        assert_eq!(enlarged([128, 128, 128], 15.0, space), [184, 184, 184]);
        assert_eq!(enlarged([80, 192, 128], 15.0, space), [149, 257, 169]);
        assert_eq!(enlarged([96, 160, 128], 15.0, space), [157, 220, 174]);
        assert_eq!(enlarged([40, 56, 40], 15.0, space), [62, 75, 57]);
        assert_eq!(enlarged([40, 56, 40], 30.0, space), [73, 80, 64]);
    }

    #[test]
    fn slices_are_enlarged_in_their_plane_only() {
        // A half turn counts as a right angle, at which either edge can take the other's place.
        assert_eq!(enlarged([20, 192, 160], 180.0, AugmentationKind::Dummy2d), [20, 225, 225]);
        assert_eq!(enlarged([1, 56, 40], 180.0, AugmentationKind::TwoD), [1, 65, 65]);
        assert_eq!(enlarged([1, 320, 200], 15.0, AugmentationKind::TwoD), [1, 424, 235]);
    }

    #[test]
    fn without_rotation_and_zoom_nothing_is_added() {
        for kind in [AugmentationKind::TwoD, AugmentationKind::ThreeD, AugmentationKind::Dummy2d] {
            assert_eq!(enlarged_patch(Shape([8, 16, 24]), 0.0, 1.0, kind), Shape([8, 16, 24]));
        }
    }
}
