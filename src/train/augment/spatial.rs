//! The spatial transform: the position in the loaded patch from which each voxel of the final patch is sampled.
//!
//! Source: batchgenerators (`augment_spatial`) as used by nnU-Net commit 6150f1b0.

use super::coordinates::Coordinates;
use super::elastic::Elastic;
use super::rotation::{Angles, matrix, rotate};
use super::scratch::Buffer;
use super::smooth_noise::Offsets;
use crate::volume::Shape;

/// The random part of the spatial transform; without any part the middle of the loaded patch is cut out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spatial {
    /// Elastic deformation.
    pub elastic: Option<Elastic>,
    /// Angles of the rotation.
    pub rotation: Option<Angles>,
    /// Scale; above 1 the patch shows more of the image.
    pub scale: Option<f64>,
}

impl Spatial {
    /// Whether the patch has to be resampled.
    pub fn is_identity(&self) -> bool {
        let Self { elastic, rotation, scale } = self;
        elastic.is_none() && rotation.is_none() && scale.is_none()
    }
}

/// The positions of a drawn transform: `((grid + elastic) · rotation) · scale + centre`.
///
/// The grid is that of the final patch `patch`, `[z, y, x]`, centred on zero. The centre is half of the loaded patch `loaded`,
/// rounded half to even as in batchgenerators, which is up to one voxel off the middle; image and labels are shifted alike. A grid
/// of one slice stays in its plane.
pub(super) fn coordinates(spatial: &Spatial, patch: Shape, loaded: Shape) -> Coordinates {
    let offsets = spatial.elastic.map(|elastic| elastic.offsets(patch));
    coordinates_with_offsets(spatial, offsets.as_ref(), patch, loaded)
}

/// The positions of a transform whose elastic offsets, in voxels, are given.
pub(super) fn coordinates_with_offsets(
    spatial: &Spatial,
    offsets: Option<&Offsets>,
    patch: Shape,
    loaded: Shape,
) -> Coordinates {
    let scale = spatial.scale.unwrap_or(1.0);
    let linear = matrix(spatial.rotation.unwrap_or_default()).map(|row| row.map(|entry| entry * scale));
    let [_, height, width] = patch.0;
    let middle = patch.0.map(|edge| (edge as f64 - 1.0) / 2.0);
    let centre = loaded.0.map(|edge| (edge as f64 / 2.0).round_ties_even());
    let steps: Vec<f32> = (0..width).map(|x| x as f32).collect();
    let axes = std::array::from_fn(|axis| {
        let mut positions = Buffer::zeros(patch.voxels());
        let sources: Vec<(f32, &[f32])> = linear
            .iter()
            .zip(offsets.into_iter().flatten())
            .filter_map(|(row, offset)| Some((row[axis] as f32, offset.as_deref()?)))
            .collect();
        for (row, line) in positions.chunks_exact_mut(width).enumerate() {
            let start = [(row / height) as f64 - middle[0], (row % height) as f64 - middle[1], -middle[2]];
            let first = (rotate(start, &linear)[axis] + centre[axis]) as f32;
            let step = linear[2][axis] as f32;
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
