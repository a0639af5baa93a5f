//! Size of the patch that is cut out of a case, large enough for the rotated and scaled patch to stay inside it. Source: nnU-Net
//! commit 6150f1b0, `default_data_augmentation.py` (`get_patch_size`).

use std::f64::consts::FRAC_PI_2;

use super::rotation::{matrix, max_angle, rotate};
use crate::plan::schema::{Augment, AugmentationKind, Configuration};
use crate::volume::Shape;
use crate::volume::axes::{slice_back, slice_first};

/// Size of the patch that is cut out of a case for training, `[z, y, x]`. Transforms with a probability of 0 need no surroundings.
pub fn loaded_size(augment: &Augment, configuration: &Configuration) -> Shape {
    let angle = if augment.rotation.probability > 0.0 { max_angle(&augment.rotation, configuration) } else { 0.0 };
    let scale = if augment.scaling.probability > 0.0 { augment.scaling.range[0].min(1.0) } else { 1.0 };
    let axis = configuration.augmented_axis();
    let patch = Shape(slice_first(axis).map(|axis| configuration.patch_size.0[axis]));
    let enlarged = enlarged_patch(patch, angle, scale, configuration.augmentation);
    Shape(slice_back(axis).map(|axis| enlarged.0[axis]))
}

/// The patch, `[z, y, x]`, enlarged to the position of its far corner after a rotation by `max_angle` radians about one axis, then
/// divided by the minimum scale.
///
/// If slices are transformed in their plane, they are perpendicular to the first axis, and only the edges in the plane are enlarged.
/// Angles above a right angle count as a right angle. nnU-Net divides by the minimum scale although the maximum scale shows more of
/// the image.
pub fn enlarged_patch(patch: Shape, max_angle: f64, min_scale: f64, kind: AugmentationKind) -> Shape {
    let corner = patch.0.map(|edge| edge as f64);
    let angle = max_angle.min(FRAC_PI_2);
    let about_z = [angle, 0.0, 0.0];
    let rotations = match kind {
        AugmentationKind::ThreeD => vec![about_z, [0.0, angle, 0.0], [0.0, 0.0, angle]],
        AugmentationKind::TwoD | AugmentationKind::Dummy2d => vec![about_z],
    };
    let mut reach = corner;
    for angles in rotations {
        let moved = rotate(corner, &matrix(angles));
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
    fn enlarged_sizes_are_those_of_nnu_net() {
        let in_3d = AugmentationKind::ThreeD;
        assert_eq!(enlarged([128, 128, 128], 15.0, in_3d), [184, 184, 184]);
        assert_eq!(enlarged([80, 192, 128], 15.0, in_3d), [149, 257, 169]);
        assert_eq!(enlarged([96, 160, 128], 15.0, in_3d), [157, 220, 174]);
        assert_eq!(enlarged([40, 56, 40], 15.0, in_3d), [62, 75, 57]);
        assert_eq!(enlarged([40, 56, 40], 30.0, in_3d), [73, 80, 64]);
    }

    #[test]
    fn slices_are_enlarged_only_in_their_plane() {
        // 180° counts as a right angle, at which the two edges swap.
        assert_eq!(enlarged([20, 192, 160], 180.0, AugmentationKind::Dummy2d), [20, 225, 225]);
        assert_eq!(enlarged([1, 56, 40], 180.0, AugmentationKind::TwoD), [1, 65, 65]);
        assert_eq!(enlarged([1, 320, 200], 15.0, AugmentationKind::TwoD), [1, 424, 235]);
    }

    #[test]
    fn without_rotation_and_scaling_nothing_is_added() {
        for kind in [AugmentationKind::TwoD, AugmentationKind::ThreeD, AugmentationKind::Dummy2d] {
            assert_eq!(enlarged_patch(Shape([8, 16, 24]), 0.0, 1.0, kind), Shape([8, 16, 24]));
        }
    }
}
