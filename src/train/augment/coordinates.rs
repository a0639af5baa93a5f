//! Where in the loaded patch each voxel of the final patch comes from. Source: spec section 10.

use super::draw::Spatial;
use super::elastic::{Offsets, displacement, noise};
use super::scratch::Buffer;
use crate::volume::Shape;

/// A position in the loaded patch, in voxels, for each voxel of the final patch in raster order.
pub(super) struct Coordinates {
    /// Positions along z, y and x.
    pub(super) axes: [Buffer; 3],
}

/// The positions that a draw stands for: `((grid + elastic) · rotation) · scale + centre`.
///
/// The grid is that of the final patch `patch`, `[z, y, x]`, around zero; the centre is half of the loaded patch `loaded`,
/// rounded as the first code rounds it (half to even), which is up to one voxel off the middle: the image and its labels
/// are moved alike. A grid of one slice stays in its plane.
pub(super) fn coordinates(spatial: &Spatial, patch: Shape, loaded: Shape) -> Coordinates {
    let offsets =
        spatial.elastic.map(|elastic| displacement(noise(elastic.noise, patch), patch, elastic.sigma, elastic.alpha));
    place(spatial, offsets.as_ref(), patch, loaded)
}

/// The positions of a draw whose elastic offsets, in voxels, are given.
pub(super) fn place(spatial: &Spatial, offsets: Option<&Offsets>, patch: Shape, loaded: Shape) -> Coordinates {
    let scale = spatial.scale.unwrap_or(1.0);
    let matrix = rotation(spatial.rotation.unwrap_or_default()).map(|row| row.map(|entry| entry * scale));
    let [_, height, width] = patch.0;
    let middle = patch.0.map(|edge| (edge as f64 - 1.0) / 2.0);
    let centre = loaded.0.map(|edge| (edge as f64 / 2.0).round_ties_even());
    let steps: Vec<f32> = (0..width).map(|x| x as f32).collect();
    let axes = std::array::from_fn(|axis| {
        let mut positions = Buffer::zeros(patch.voxels());
        let sources: Vec<(f32, &[f32])> = matrix
            .iter()
            .zip(offsets.into_iter().flatten())
            .filter_map(|(row, offset)| Some((row[axis] as f32, offset.as_deref()?)))
            .collect();
        for (row, line) in positions.chunks_exact_mut(width).enumerate() {
            let start = [(row / height) as f64 - middle[0], (row % height) as f64 - middle[1], -middle[2]];
            let first = (turned(start, &matrix)[axis] + centre[axis]) as f32;
            let step = matrix[2][axis] as f32;
            line.iter_mut().zip(&steps).for_each(|(position, x)| *position = first + step * x);
            for (weight, offset) in &sources {
                let offset = &offset[row * width..][..width];
                line.iter_mut().zip(offset).for_each(|(position, offset)| *position += weight * offset);
            }
        }
        positions
    });
    Coordinates { axes }
}

/// The whole part of a position from 0 to 2²²; unlike a cast, it costs no more for many positions than for one.
#[inline]
pub(super) fn floor(position: f32) -> u32 {
    /// A number of this size has no bits left below 1: adding it rounds, and its low bits count.
    const ROUNDING: f32 = 8_388_608.0;
    let rounded = position + ROUNDING;
    let above = u32::from(rounded - ROUNDING > position);
    (rounded.to_bits() & 0x7F_FFFF) - above
}

/// The matrix that a row vector `[z, y, x]` is multiplied by to turn it about z, then y, then x.
pub(super) fn rotation([about_z, about_y, about_x]: [f64; 3]) -> [[f64; 3]; 3] {
    let [(s0, c0), (s1, c1), (s2, c2)] = [about_z, about_y, about_x].map(f64::sin_cos);
    let z = [[1.0, 0.0, 0.0], [0.0, c0, -s0], [0.0, s0, c0]];
    let y = [[c1, 0.0, s1], [0.0, 1.0, 0.0], [-s1, 0.0, c1]];
    let x = [[c2, -s2, 0.0], [s2, c2, 0.0], [0.0, 0.0, 1.0]];
    product(&product(&z, &y), &x)
}

fn product(left: &[[f64; 3]; 3], right: &[[f64; 3]; 3]) -> [[f64; 3]; 3] {
    left.map(|row| turned(row, right))
}

/// A row vector times a matrix.
pub(super) fn turned(vector: [f64; 3], matrix: &[[f64; 3]; 3]) -> [f64; 3] {
    std::array::from_fn(|column| (0..3).map(|row| vector[row] * matrix[row][column]).sum())
}
