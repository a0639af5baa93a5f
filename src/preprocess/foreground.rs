//! Foreground voxels, from which patches are sampled in training.

use std::collections::BTreeMap;

use ndarray::ArrayView3;

use crate::preprocess::labels::class_of;

/// Maximum number of voxels per class; evenly spaced in raster order if a case has more.
///
/// Differs: nnU-Net commit 6150f1b0 keeps all voxels, which takes up to 12 bytes per voxel of the case; a sample of
/// this size gives the same distribution of patches.
const MAX_FOREGROUND_VOXELS: usize = 1 << 16;

/// Collects voxels of each foreground class, `[z, y, x]`, in raster order.
pub(super) fn foreground_voxels(labels: ArrayView3<'_, i16>) -> BTreeMap<u8, Vec<[u32; 3]>> {
    let class = |&label: &i16| u8::try_from(class_of(label)).ok().filter(|&class| class > 0);
    let mut counts = [0_usize; 256];
    for class in labels.iter().filter_map(class) {
        counts[usize::from(class)] += 1;
    }
    let mut found = BTreeMap::<u8, Vec<[u32; 3]>>::new();
    let mut seen = [0_usize; 256];
    for ((z, y, x), label) in labels.indexed_iter() {
        let Some(class) = class(label) else { continue };
        let (seen, step) = (&mut seen[usize::from(class)], counts[usize::from(class)].div_ceil(MAX_FOREGROUND_VOXELS));
        if *seen % step == 0 {
            found.entry(class).or_default().push([z as u32, y as u32, x as u32]);
        }
        *seen += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    #[test]
    fn few_voxels_of_a_class_are_all_kept_and_many_are_thinned_evenly() {
        let labels = Array3::from_shape_fn((1, 400, 400), |(_, y, _)| if y == 0 { 2 } else { 1 });
        let found = foreground_voxels(labels.view());
        assert_eq!(found[&2].len(), 400);
        // 399 · 400 voxels, every third.
        assert_eq!(found[&1].len(), 53_200);
        assert_eq!(found[&1][..2], [[0, 1, 0], [0, 1, 3]]);
    }
}
