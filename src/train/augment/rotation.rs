//! Rotation about the axes of the patch. Source: arXiv:1809.10486, 2.3; angles and probability of nnU-Net commit 6150f1b0,
//! `default_data_augmentation.py`.

use super::axes::AxisNames;
use super::random::{occurs, uniform};
use super::text::{Dimension, by_dimension};
use crate::plan::schema::{self, AugmentationKind, Configuration};
use crate::random::Rng;
use crate::volume::axes::slice_first;

/// In-plane patches whose longest edge is more than this many times the shortest are rotated as little as 3D patches.
/// Source: nnU-Net commit 6150f1b0, `nnUNetTrainer.py`.
const MAX_EDGE_RATIO: f64 = 1.5;

/// Angles about the axes of the patch in radians: z, y and x in 3D; in 2D, first the one about the axis across the slices.
pub type Angles = [f64; 3];

/// A 3 × 3 matrix that row vectors `[z, y, x]` are multiplied by.
pub(super) type Matrix = [[f64; 3]; 3];

/// Maximum angle, radians: about each axis in 3D, about the axis across the slices in 2D.
pub(super) fn max_angle(settings: &schema::Rotation, configuration: &Configuration) -> f64 {
    max_degrees(settings, configuration).to_radians()
}

fn max_degrees(settings: &schema::Rotation, configuration: &Configuration) -> f64 {
    let [_, y, x] = slice_first(configuration.augmented_axis()).map(|axis| configuration.patch_size.0[axis]);
    let is_elongated = y.max(x) as f64 > MAX_EDGE_RATIO * y.min(x) as f64;
    match configuration.augmentation {
        AugmentationKind::ThreeD => settings.max_degrees_3d,
        AugmentationKind::TwoD | AugmentationKind::Dummy2d if is_elongated => settings.max_degrees_3d,
        AugmentationKind::TwoD | AugmentationKind::Dummy2d => settings.max_degrees_2d,
    }
}

pub(super) fn draw(
    settings: &schema::Rotation,
    max_angle: f64,
    kind: AugmentationKind,
    rng: &mut Rng,
) -> Option<Angles> {
    if !occurs(settings.probability, rng) {
        return None;
    }
    let mut angle = || uniform([-max_angle, max_angle], rng);
    Some(match kind {
        AugmentationKind::ThreeD => [angle(), angle(), angle()],
        AugmentationKind::TwoD | AugmentationKind::Dummy2d => [angle(), 0.0, 0.0],
    })
}

/// The matrix that rotates about z, then y, then x.
pub(super) fn matrix([about_z, about_y, about_x]: Angles) -> Matrix {
    let [(s0, c0), (s1, c1), (s2, c2)] = [about_z, about_y, about_x].map(f64::sin_cos);
    let z = [[1.0, 0.0, 0.0], [0.0, c0, -s0], [0.0, s0, c0]];
    let y = [[c1, 0.0, s1], [0.0, 1.0, 0.0], [-s1, 0.0, c1]];
    let x = [[c2, -s2, 0.0], [s2, c2, 0.0], [0.0, 0.0, 1.0]];
    product(&product(&z, &y), &x)
}

fn product(left: &Matrix, right: &Matrix) -> Matrix {
    left.map(|row| rotate(row, right))
}

/// The product of a row vector and a matrix.
pub(super) fn rotate(vector: [f64; 3], matrix: &Matrix) -> [f64; 3] {
    std::array::from_fn(|column| (0..3).map(|row| vector[row] * matrix[row][column]).sum())
}

pub(super) fn describe_draw(angles: Angles, axes: AxisNames) -> String {
    let names = axes.rotated.map(|axis| axes.names[axis]);
    let drawn = names.into_iter().zip(angles).filter(|&(_, angle)| angle != 0.0);
    let angles: Vec<String> = drawn.map(|(axis, angle)| format!("{axis} {:.1}°", angle.to_degrees())).collect();
    format!("rotation about {}", angles.join(" "))
}

/// The transform in a methods paragraph; `None` if it is not used.
pub(super) fn describe(settings: &schema::Rotation, configurations: &[&Configuration]) -> Option<String> {
    let angle = by_dimension(configurations, |configurations, dimension| {
        let mut degrees: Vec<f64> = configurations.iter().map(|one| max_degrees(settings, one)).collect();
        degrees.sort_by(f64::total_cmp);
        degrees.dedup();
        let degrees: Vec<String> = degrees.iter().map(|degrees| format!("{degrees}°")).collect();
        let axis = match dimension {
            Dimension::Space => " about each axis",
            Dimension::Plane => "",
        };
        format!("up to {}{axis}", degrees.join(" or "))
    });
    (settings.probability > 0.0).then(|| format!("rotation (probability {}; {angle})", settings.probability))
}
