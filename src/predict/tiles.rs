//! The tiles of a sliding-window prediction: their positions, weights and mirrored copies.

use ndarray::{Array3, Array4, ArrayView4, Axis, CowArray, Ix4, s};

use crate::plan::schema::Predict;
use crate::predict::tile_weights::tile_weights;
use crate::volume::Shape;

/// All tiles of one image.
#[derive(Debug)]
pub struct Tiling<'a> {
    /// First voxel of each tile in the padded image, `[z, y, x]`.
    pub starts: Vec<[usize; 3]>,
    /// Weights of the voxels of a tile, `[z, y, x]`.
    pub(super) weights: Array3<f32>,
    /// Size of a tile, `[z, y, x]`.
    pub(super) patch: Shape,
    /// The padded image, `[c, z, y, x]`.
    pub(super) padded: CowArray<'a, f32, Ix4>,
    /// First voxel of the image in the padded image, `[z, y, x]`.
    pub(super) offset: [usize; 3],
    /// Size of the image, `[z, y, x]`.
    pub(super) shape: [usize; 3],
}

impl<'a> Tiling<'a> {
    /// Pads an image `[c, z, y, x]` with zeros to at least one patch, evenly on both sides with the odd voxel at the end, and covers
    /// it with tiles.
    pub fn new(image: ArrayView4<'a, f32>, patch: Shape, settings: &Predict) -> Self {
        let (channels, z, y, x) = image.dim();
        let shape = [z, y, x];
        let size: [usize; 3] = std::array::from_fn(|axis| shape[axis].max(patch.0[axis]));
        let offset: [usize; 3] = std::array::from_fn(|axis| (size[axis] - shape[axis]) / 2);
        let padded = if size == shape {
            image.into()
        } else {
            let mut padded = Array4::zeros((channels, size[0], size[1], size[2]));
            padded
                .slice_mut(s![.., offset[0]..offset[0] + z, offset[1]..offset[1] + y, offset[2]..offset[2] + x])
                .assign(&image);
            padded.into()
        };
        let [along_z, along_y, along_x] =
            std::array::from_fn(|axis| tile_starts(size[axis], patch.0[axis], settings.tile_step_fraction));
        let mut starts = Vec::with_capacity(along_z.len() * along_y.len() * along_x.len());
        for &z in &along_z {
            for &y in &along_y {
                starts.extend(along_x.iter().map(|&x| [z, y, x]));
            }
        }
        let weights = tile_weights(patch, settings.gaussian_sigma_fraction, settings.tile_weights);
        Self { starts, weights, patch, padded, offset, shape }
    }

    /// The input of the network for a tile, `[c, z, y, x]`, mirrored along the given axes (0 = z).
    pub fn patch(&self, tile: usize, mirrored: &[usize]) -> Array4<f32> {
        let mut view = self.padded.slice(s![.., ..;1, ..;1, ..;1]);
        let [z, y, x] = self.starts[tile];
        let [depth, height, width] = self.patch.0;
        view.slice_collapse(s![.., z..z + depth, y..y + height, x..x + width]);
        for &axis in mirrored {
            view.invert_axis(Axis(axis + 1));
        }
        view.as_standard_layout().into_owned()
    }

    /// Number of values of the padded image; 0 if the image needs no padding.
    pub fn padding(&self) -> usize {
        if self.padded.is_view() { 0 } else { self.padded.len() }
    }

    /// Number of voxels of a slice of the padded image.
    pub fn voxels_per_slice(&self) -> usize {
        self.padded.len_of(Axis(2)) * self.padded.len_of(Axis(3))
    }

    /// Maximum number of slices that the tiles of a batch cover; a batch has at most `tiles` tiles.
    pub fn slices_at_once(&self, tiles: usize) -> usize {
        let last = self.starts.len() - 1;
        let reach = |first: usize| self.starts[(first + tiles.saturating_sub(1)).min(last)][0] - self.starts[first][0];
        self.patch.0[0] + (0..=last).map(reach).max().unwrap_or(0)
    }
}

/// Number of passes through a network for an image of this size: mirrored copies of all tiles.
pub fn count_passes(shape: Shape, patch: Shape, settings: &Predict) -> usize {
    let along =
        |axis: usize| tile_starts(shape.0[axis].max(patch.0[axis]), patch.0[axis], settings.tile_step_fraction).len();
    along(0) * along(1) * along(2) * mirrorings(patch, settings).len()
}

/// First voxels of the tiles along an axis of `size` voxels: evenly spaced with a stride of at most `step_fraction` of a patch, the
/// last tile flush with the end.
///
/// Source: arXiv:1809.10486, 2.4 (overlap of half a patch); rounding of nnU-Net commit 6150f1b0, `neural_network.py`. Tiles of one
/// voxel (the slice axis in 2D) visit every voxel.
pub fn tile_starts(size: usize, patch: usize, step_fraction: f64) -> Vec<usize> {
    assert!(size >= patch, "an axis of {size} voxels padded to a patch of {patch}");
    let max_stride = (patch as f64 * step_fraction).max(1.0);
    let intervals = ((size - patch) as f64 / max_stride).ceil() as usize;
    if intervals == 0 {
        return vec![0];
    }
    let stride = (size - patch) as f64 / intervals as f64;
    (0..=intervals).map(|tile| (tile as f64 * stride).round_ties_even() as usize).collect()
}

/// The sets of axes (0 = z) along which a tile is mirrored: all combinations of `mirror_axes` longer than a voxel, which are at most
/// eight in 3D and four in 2D; only the empty set without test-time mirroring. Source: arXiv:1809.10486, 2.4.
pub fn mirrorings(patch: Shape, settings: &Predict) -> Vec<Vec<usize>> {
    let is_mirrored =
        |&axis: &usize| settings.test_time_mirroring && settings.mirror_axes.contains(&axis) && patch.0[axis] > 1;
    let axes: Vec<usize> = (0..3).filter(is_mirrored).collect();
    (0..1_usize << axes.len())
        .map(|set| axes.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1).map(|(_, &axis)| axis).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::plan::testing::example;

    #[test]
    fn tiles_start_where_nnu_net_places_them() {
        assert_eq!(tile_starts(110, 64, 0.5), [0, 23, 46]);
        assert_eq!(tile_starts(482, 128, 0.5), [0, 59, 118, 177, 236, 295, 354]);
        assert_eq!(tile_starts(512, 128, 0.5), [0, 64, 128, 192, 256, 320, 384]);
        let text = include_str!("../../tests/reference/values/nnunet/inference.json");
        let all: Value = serde_json::from_str(text).unwrap();
        for case in all["steps"].as_array().unwrap() {
            let edges = |name: &str| serde_json::from_value::<Vec<usize>>(case[name].clone()).unwrap();
            for (axis, (size, patch)) in edges("image").into_iter().zip(edges("tile")).enumerate() {
                let expected: Vec<usize> = serde_json::from_value(case["starts"][axis].clone()).unwrap();
                assert_eq!(tile_starts(size, patch, case["step"].as_f64().unwrap()), expected, "{case}");
            }
        }
        assert_eq!(tile_starts(64, 64, 0.5), [0]);
        assert_eq!(tile_starts(3, 1, 0.5), [0, 1, 2]);
    }

    #[test]
    fn a_tile_has_eight_mirrored_copies_in_3d_and_four_in_2d() {
        let mut settings = example().predict;
        assert_eq!(mirrorings(Shape([40, 56, 40]), &settings).len(), 8);
        assert_eq!(mirrorings(Shape([1, 56, 40]), &settings), [vec![], vec![1], vec![2], vec![1, 2]]);
        settings.mirror_axes = vec![0, 2];
        assert_eq!(mirrorings(Shape([40, 56, 40]), &settings), [vec![], vec![0], vec![2], vec![0, 2]]);
        settings.test_time_mirroring = false;
        assert_eq!(mirrorings(Shape([40, 56, 40]), &settings), [Vec::<usize>::new()]);
    }

    proptest! {
        #[test]
        fn tiles_cover_every_voxel(size in 1_usize..200, patch in 1_usize..64) {
            let size = size.max(patch);
            let mut covered = vec![false; size];
            for start in tile_starts(size, patch, 0.5) {
                covered[start..start + patch].fill(true);
            }
            prop_assert!(covered.into_iter().all(|voxel| voxel));
        }
    }
}
