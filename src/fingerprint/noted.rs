//! What of a case is no fault and worth a look: channels without any structure, a header whose two spacings differ.

use ndarray::{ArrayView3, Axis};
use serde::{Deserialize, Serialize};

use crate::volume::{Geometry, Image};

/// By how much the two spacings of a header may differ, as a fraction of themselves.
const TOLERANCE: f64 = 1e-3;

/// What of a case is worth a look.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Noted {
    /// Channels that have one value everywhere, with that value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub constant: Vec<(usize, f32)>,
    /// Lengths of the affine's axes, mm, `[z, y, x]`, where they are not the spacing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affine_mm: Option<[f64; 3]>,
}

impl Noted {
    /// What is noted of an image.
    pub(super) fn of(image: &Image) -> Self {
        let channels = image.voxels.axis_iter(Axis(0)).enumerate();
        let constant = channels.filter_map(|(channel, voxels)| Some((channel, only_value(voxels)?))).collect();
        Self { constant, affine_mm: other_spacing(&image.geometry) }
    }
}

/// The value of all voxels; `None` if two differ.
fn only_value(voxels: ArrayView3<'_, f32>) -> Option<f32> {
    let first = *voxels.first()?;
    // 0 and -0 are one value.
    voxels.iter().all(|&value| value.total_cmp(&first).is_eq() || (value - first).abs() <= 0.0).then_some(first)
}

/// Lengths of the affine's axes, mm, `[z, y, x]`, where they are not the spacing.
fn other_spacing(geometry: &Geometry) -> Option<[f64; 3]> {
    let length = |axis: usize| (0..3).map(|row| geometry.affine[row][axis].powi(2)).sum::<f64>().sqrt();
    let lengths = [2, 1, 0].map(length);
    let differs = |(found, spacing): (f64, f64)| (found - spacing).abs() > TOLERANCE * spacing.max(found);
    lengths.into_iter().zip(geometry.spacing.0).any(differs).then_some(lengths)
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;
    use crate::volume::{Shape, Spacing};

    fn image(channels: usize) -> Image {
        let shape = Shape([2, 3, 4]);
        let geometry = Geometry::axis_aligned(shape, Spacing([3.0, 1.0, 0.5]), [0.0; 3]);
        let voxels =
            Array4::from_shape_fn((channels, 2, 3, 4), |(channel, _, _, x)| if channel == 1 { 7.0 } else { x as f32 });
        Image { voxels, geometry }
    }

    #[test]
    fn a_channel_of_one_value_is_noted() {
        assert_eq!(Noted::of(&image(1)), Noted::default());
        assert_eq!(Noted::of(&image(3)).constant, [(1, 7.0)]);
    }

    #[test]
    fn an_affine_of_another_scale_is_noted_and_a_rotated_one_is_not() {
        let mut image = image(1);
        let (sin, cos) = 0.3_f64.sin_cos();
        image.geometry.affine = [[0.5 * cos, -sin, 0.0, 9.0], [0.5 * sin, cos, 0.0, 0.0], [0.0, 0.0, -3.0, 0.0]];
        assert_eq!(Noted::of(&image).affine_mm, None);
        image.geometry.affine[2][2] = 1.5;
        let [z, y, x] = Noted::of(&image).affine_mm.unwrap();
        assert!((z - 1.5).abs() < 1e-9 && (y - 1.0).abs() < 1e-9 && (x - 0.5).abs() < 1e-9);
    }
}
