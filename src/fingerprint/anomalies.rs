//! Properties of a case that are unusual but no error: constant channels, and a header with two different spacings.

use ndarray::{ArrayView3, Axis};
use serde::{Deserialize, Serialize};

use crate::volume::{Geometry, Image};

/// Maximum relative difference of the two spacings of a header.
const TOLERANCE: f64 = 1e-3;

/// Unusual properties of a case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Anomalies {
    /// Index and value of the channels that are constant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub constant: Vec<(usize, f32)>,
    /// Lengths of the affine's axes, mm, `[z, y, x]`, if they differ from the spacing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affine_mm: Option<[f64; 3]>,
}

impl Anomalies {
    /// Finds the anomalies of an image.
    pub(super) fn of(image: &Image) -> Self {
        let channels = image.voxels.axis_iter(Axis(0)).enumerate();
        let constant = channels.filter_map(|(channel, voxels)| Some((channel, constant_value(voxels)?))).collect();
        Self { constant, affine_mm: affine_spacing(&image.geometry) }
    }
}

/// The value of all voxels. Returns `None` if two differ.
fn constant_value(voxels: ArrayView3<'_, f32>) -> Option<f32> {
    let first = *voxels.first()?;
    // 0 and -0 are equal.
    voxels.iter().all(|&value| value.total_cmp(&first).is_eq() || (value - first).abs() <= 0.0).then_some(first)
}

/// Lengths of the affine's axes, mm, `[z, y, x]`, if they differ from the spacing.
fn affine_spacing(geometry: &Geometry) -> Option<[f64; 3]> {
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
    fn a_constant_channel_is_found() {
        assert_eq!(Anomalies::of(&image(1)), Anomalies::default());
        assert_eq!(Anomalies::of(&image(3)).constant, [(1, 7.0)]);
    }

    #[test]
    fn an_affine_with_another_scale_is_found_and_a_rotation_is_not() {
        let mut image = image(1);
        let (sin, cos) = 0.3_f64.sin_cos();
        image.geometry.affine = [[0.5 * cos, -sin, 0.0, 9.0], [0.5 * sin, cos, 0.0, 0.0], [0.0, 0.0, -3.0, 0.0]];
        assert_eq!(Anomalies::of(&image).affine_mm, None);
        image.geometry.affine[2][2] = 1.5;
        let [z, y, x] = Anomalies::of(&image).affine_mm.unwrap();
        assert!((z - 1.5).abs() < 1e-9 && (y - 1.0).abs() < 1e-9 && (x - 0.5).abs() < 1e-9);
    }
}
