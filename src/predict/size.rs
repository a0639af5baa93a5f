//! How large an image is at a plan's spacing, before anything of that size is made.
//!
//! A spacing that is wrong by a factor of 100 asks for a million times the voxels. The estimate needs shape and spacing alone.

use crate::plan::schema::{Configuration, Plan};
use crate::predict::memory::{FLOAT, PredictError, Room, VOLUMES_BACK};
use crate::preprocess::target_spacing;
use crate::volume::crop::nonzero_box;
use crate::volume::resample::resampled_shape;
use crate::volume::{Image, Shape, Spacing};

/// Refuses an image that would take more memory at a configuration's spacing than may be used.
///
/// It is cropped before it is resampled; the crop is looked for only where the whole image would not fit.
///
/// # Errors
///
/// [`PredictError::TooFine`], with shapes and spacings.
pub fn check_size(
    image: &Image,
    plan: &Plan,
    configuration: &Configuration,
    room: &Room<'_>,
) -> Result<(), PredictError> {
    let spacing = image.geometry.spacing;
    let channels = plan.data.channels.len();
    check_shape(image.geometry.shape, spacing, channels, configuration, room).or_else(|_| {
        let (_, bounds) = nonzero_box(image.voxels.view());
        check_shape(bounds.shape(), spacing, channels, configuration, room)
    })
}

/// The same by shape and spacing, such as a header has them.
///
/// # Errors
///
/// [`PredictError::TooFine`], with shapes and spacings.
pub fn check_shape(
    shape: Shape,
    spacing: Spacing,
    channels: usize,
    configuration: &Configuration,
    room: &Room<'_>,
) -> Result<(), PredictError> {
    let target = target_spacing(spacing, configuration);
    let resampled = resampled_shape(shape, spacing, target);
    let needed = least_bytes(shape, resampled, channels);
    if needed <= room.bytes {
        return Ok(());
    }
    Err(PredictError::TooFine { shape, spacing, target, resampled, needed, given: room.bytes })
}

/// Bytes that an image takes at least to be resampled and predicted: its channels, and the volumes of the way back.
fn least_bytes(shape: Shape, resampled: Shape, channels: usize) -> usize {
    let voxels = |shape: Shape| shape.0.into_iter().fold(1_usize, usize::saturating_mul);
    let volumes = voxels(resampled).saturating_mul(channels);
    let back = voxels(resampled).max(voxels(shape)).saturating_mul(VOLUMES_BACK);
    volumes.saturating_add(back).saturating_mul(FLOAT)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ndarray::Array4;

    use super::*;
    use crate::network::testing::configuration;

    fn check(shape: [usize; 3], spacing: f64, gib: u64) -> Result<(), PredictError> {
        let room = Room::gib(gib, Path::new(""));
        check_shape(Shape(shape), Spacing([spacing; 3]), 1, &configuration([8; 3], [1; 3], &[4, 8]), &room)
    }

    #[test]
    fn a_spacing_far_above_the_plans_is_refused_whatever_it_asks_for() {
        assert!(check([40, 50, 60], 1.0, 1).is_ok());
        let refused = check([40, 50, 60], 100.0, 64).unwrap_err().to_string();
        insta::assert_snapshot!(refused, @"its 40 × 50 × 60 voxels of 100.0000 × 100.0000 × 100.0000 mm would be 4000 × 5000 × 6000 at the plan's spacing of 1.0000 × 1.0000 × 1.0000 mm, which takes at least 2683 GiB of memory, and 64.0 may be used; correct the spacing in its header, or raise `runtime.memory_gib`, or `--memory-gib` of `segplan predict`");
        // More than a number of the machine can count is still refused.
        for spacing in [1e9, 1e30, 1e300] {
            assert!(check([40, 50, 60], spacing, u64::MAX >> 30).is_err(), "{spacing}");
        }
    }

    #[test]
    fn what_cropping_removes_does_not_count() {
        let plan: Plan = toml::from_str(include_str!("../plan/example.toml")).unwrap();
        let mut voxels = Array4::zeros((1, 100, 100, 100));
        let shape = Shape([100; 3]);
        let image = |voxels: &Array4<f32>| {
            let geometry = crate::volume::Geometry::axis_aligned(shape, Spacing([10.0; 3]), [0.0; 3]);
            Image { voxels: voxels.clone(), geometry }
        };
        let configuration = configuration([8; 3], [1; 3], &[4, 8]);
        let room = Room::gib(1, Path::new(""));
        voxels.fill(1.0);
        assert!(check_size(&image(&voxels), &plan, &configuration, &room).is_err());
        voxels.fill(0.0);
        voxels.slice_mut(ndarray::s![0, 10..20, 10..20, 10..20]).fill(1.0);
        assert!(check_size(&image(&voxels), &plan, &configuration, &room).is_ok());
    }
}
