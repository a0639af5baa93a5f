//! Which patch of which case a network is trained on.
//!
//! Input: a prepared case, borrowed. Output: the first voxel of a random patch. Source: arXiv:1809.10486, 2.3, and nnU-Net commit
//! 6150f1b0, `dataset_loading.py`.

use std::collections::BTreeMap;
use std::ops::Range;

use rand::RngExt as _;

use crate::random::Rng;
use crate::train::patch::{CaseView, PatchSizes};
use crate::volume::Shape;

/// Number of samples of a batch that are centred on foreground; they are the last ones of the batch.
///
/// The smallest number that is *more* than a third, as the paper states (arXiv:1809.10486, 2.3).
///
/// Differs: nnU-Net's code rounds two thirds of the batch (commit 6150f1b0, `dataset_loading.py`), which centres only one of four
/// samples at a batch size of 4.
pub(crate) fn foreground_samples(batch_size: usize) -> usize {
    batch_size / 3 + 1
}

/// Whether sample `index` of a batch is centred on foreground.
pub(crate) fn oversamples_foreground(index: usize, batch_size: usize) -> bool {
    index + foreground_samples(batch_size) >= batch_size
}

/// Draws the index of a case, uniformly with replacement.
///
/// # Panics
///
/// If there are no cases.
pub(crate) fn draw_case(cases: usize, rng: &mut Rng) -> usize {
    assert!(cases > 0, "a patch is drawn from at least one case, found none");
    draw_index(cases, rng)
}

/// Draws the first voxel of a patch, `[z, y, x]`; it may lie outside the case, where [`extract`](super::patch::extract) pads.
///
/// With `on_foreground` the patch is centred on a foreground voxel: first a class of the case is drawn, then a voxel of the class,
/// both uniformly. Without it, and in a case without foreground, the first voxel is uniform. In 2D (a patch of a single slice) the
/// slice is uniform among those with the class, and the patch stays inside the slice.
pub(crate) fn draw_corner(case: &CaseView<'_>, sizes: PatchSizes, on_foreground: bool, rng: &mut Rng) -> [i64; 3] {
    let ranges = corner_ranges(case.shape(), sizes);
    if !on_foreground || case.foreground.is_empty() {
        return ranges.map(|range| rng.random_range(range));
    }
    let is_2d = sizes.patch.0[0] == 1;
    let centre = draw_foreground_voxel(&case.foreground, is_2d, rng);
    std::array::from_fn(|axis| {
        let corner = i64::from(centre[axis]) - sizes.loaded.0[axis] as i64 / 2;
        let corner = corner.max(ranges[axis].start);
        // nnU-Net (6150f1b0, `dataset_loading.py`) keeps 3D patches from leaving the image at its start, but not at its end.
        if is_2d { corner.min(ranges[axis].end - 1) } else { corner }
    })
}

/// Allowed positions of a patch's first voxel along each axis, `[z, y, x]`.
///
/// In 3D, half of the difference between loaded and final size may lie outside at each edge, so that the network sees the edges of
/// the image as often as its middle. In 2D the patch leaves the image only if the image is too small.
fn corner_ranges(shape: Shape, sizes: PatchSizes) -> [Range<i64>; 3] {
    std::array::from_fn(|axis| {
        let [size, loaded, patch] = [shape.0[axis], sizes.loaded.0[axis], sizes.patch.0[axis]];
        let margin = if sizes.patch.0[0] == 1 { 0 } else { loaded - patch };
        let pad = margin.max(loaded.saturating_sub(size));
        let first = -(pad.div_ceil(2) as i64);
        let last = size as i64 + pad.div_ceil(2) as i64 - loaded as i64;
        first..last.max(first) + 1
    })
}

/// Draws a class, then one of its voxels; in 2D a class, then a slice that contains it, then a voxel of the class in that slice.
fn draw_foreground_voxel(foreground: &[&[[u32; 3]]], is_2d: bool, rng: &mut Rng) -> [u32; 3] {
    let voxels = foreground[draw_index(foreground.len(), rng)];
    if !is_2d {
        return voxels[draw_index(voxels.len(), rng)];
    }
    let mut slices: BTreeMap<u32, Vec<[u32; 3]>> = BTreeMap::new();
    for &voxel in voxels {
        slices.entry(voxel[0]).or_default().push(voxel);
    }
    let slices: Vec<Vec<[u32; 3]>> = slices.into_values().collect();
    let slice = &slices[draw_index(slices.len(), rng)];
    slice[draw_index(slice.len(), rng)]
}

/// A uniform integer from 0 to `end`, exclusive.
fn draw_index(end: usize, rng: &mut Rng) -> usize {
    rng.random_range(0..end as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Key, Purpose, stream};
    use crate::train::patch::testing::Fixture;

    fn rng(sample: u64) -> Rng {
        stream(Key { purpose: Purpose::TrainingPatch, seed: 3, counters: [0, 0, 0, sample] })
    }

    #[test]
    fn more_than_a_third_is_centred_on_foreground() {
        let counts = [2, 4, 9, 26, 33, 89, 366].map(foreground_samples);
        assert_eq!(counts, [1, 2, 4, 9, 12, 30, 123]);
        for batch_size in 1..100 {
            let forced = (0..batch_size).filter(|&index| oversamples_foreground(index, batch_size)).count();
            assert_eq!(forced, foreground_samples(batch_size));
            assert!(3 * forced > batch_size && 3 * (forced - 1) <= batch_size);
        }
    }

    #[test]
    fn a_random_corner_reaches_both_ends_of_its_range_and_no_further() {
        let case = Fixture::new([10, 20, 12]);
        let sizes = PatchSizes { loaded: Shape([8, 9, 16]), patch: Shape([4, 8, 10]) };
        let ranges = corner_ranges(case.view().shape(), sizes);
        // Half of 8 - 4 = 4 may lie outside on z; (9 - 8) rounds up to one voxel on each side of y; 16 - 10 = 6 on x.
        assert_eq!(ranges, [-2..5, -1..13, -3..0]);
        let corners: Vec<_> = (0..2000).map(|i| draw_corner(&case.view(), sizes, false, &mut rng(i))).collect();
        for axis in 0..3 {
            assert_eq!(corners.iter().map(|corner| corner[axis]).min(), Some(ranges[axis].start));
            assert_eq!(corners.iter().map(|corner| corner[axis]).max(), Some(ranges[axis].end - 1));
        }
    }

    #[test]
    fn oversampled_patches_are_centred_on_every_listed_voxel_in_turn() {
        let case = Fixture::new([10, 12, 14]);
        let sizes = PatchSizes { loaded: Shape([6, 6, 6]), patch: Shape([4, 4, 4]) };
        let mut corners: Vec<_> = (0..100).map(|i| draw_corner(&case.view(), sizes, true, &mut rng(i))).collect();
        corners.sort_unstable();
        corners.dedup();
        // [0, 0, 0] is moved to the start of the image; the patch around [9, 9, 9] leaves the image at its end.
        assert_eq!(corners, [[-1, -1, -1], [1, 2, 3], [6, 6, 6]]);
    }

    #[test]
    fn a_2d_patch_stays_inside_its_slice() {
        let case = Fixture::new([10, 12, 10]);
        let sizes = PatchSizes { loaded: Shape([1, 8, 13]), patch: Shape([1, 6, 6]) };
        for sample in 0..200 {
            let forced = draw_corner(&case.view(), sizes, true, &mut rng(sample));
            assert!([0, 4, 9].contains(&forced[0]), "slice {} has no foreground", forced[0]);
            let free = draw_corner(&case.view(), sizes, false, &mut rng(sample));
            for corner in [forced, free] {
                assert!((0..=4).contains(&corner[1]), "row {} leaves the slice", corner[1]);
                assert!((-2..=-1).contains(&corner[2]), "10 voxels are padded to 13, found corner {}", corner[2]);
            }
        }
    }

    #[test]
    fn oversampling_a_case_without_foreground_draws_a_random_patch() {
        let mut case = Fixture::new([10, 12, 14]);
        case.foreground.clear();
        let sizes = PatchSizes { loaded: Shape([6, 6, 6]), patch: Shape([4, 4, 4]) };
        for sample in 0..20 {
            let forced = draw_corner(&case.view(), sizes, true, &mut rng(sample));
            assert_eq!(forced, draw_corner(&case.view(), sizes, false, &mut rng(sample)));
        }
    }
}
