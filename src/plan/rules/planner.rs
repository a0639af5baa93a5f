//! The planning rules of 2018, a function per rule, in the order of the paper.
//!
//! Input: measurements of a data set. Output: patch size, batch size and pool depths of each network, and whether there is a cascade.
//! Deliberately absent: files, and reasons in words (`reasons`). Source: arXiv:1809.10486, sections 2.1 and 2.2; see
//! [`crate::guide::method`].

use std::collections::BTreeMap;

use crate::plan::schema::{Aspect, AugmentationKind, Configuration, ConfigurationName, Data, Rules};
use crate::volume::{Shape, Spacing};

/// The measurements of a data set that the rules use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Number of training cases.
    pub cases: usize,
    /// Target spacing: the median of the training cases, mm, `[z, y, x]`.
    pub spacing: Spacing,
    /// Median shape at the target spacing, voxels, `[z, y, x]`.
    pub median: [f64; 3],
}

impl Measured {
    /// The measurements that a plan holds.
    pub fn of(data: &Data) -> Self {
        Self { cases: data.cases, spacing: data.median_spacing_mm, median: data.median_shape }
    }

    /// The median shape in whole voxels. Halves are rounded up, as in Table 1 of the paper.
    pub fn median_shape(&self) -> Shape {
        Shape(self.median.map(|edge| (edge + 0.5).floor().max(1.0) as usize))
    }

    /// Voxels of all training cases together, at the median shape.
    pub fn voxels(&self) -> f64 {
        self.median.iter().product::<f64>() * self.cases as f64
    }
}

/// All networks that the rules plan for a data set.
///
/// Always 2D; 3D if the median case has more than one slice; both stages of the cascade if a 3D patch covers too little of the median
/// case.
pub fn configurations(measured: &Measured, rules: &Rules) -> BTreeMap<ConfigurationName, Configuration> {
    let cascade = needs_cascade(measured, rules);
    let mut all = BTreeMap::from([(ConfigurationName::TwoD, plan_2d(measured, rules))]);
    if single_slice(measured).is_some() {
        return all;
    }
    let fullres = plan_3d(measured, measured, rules, cascade);
    if cascade {
        let coarse = lowres(measured, rules);
        // The first stage covers nearly whole cases.
        all.insert(ConfigurationName::LowRes, plan_3d(&coarse, &coarse, rules, false));
        all.insert(ConfigurationName::Cascade, fullres.clone());
    }
    all.insert(ConfigurationName::FullRes, fullres);
    all
}

/// Number of poolings of an axis: it is halved while it has at least `min_edge` voxels, at most `max` times.
///
/// Source: arXiv:1809.10486, section 2.1. Odd edges are rounded up when halved, which reproduces Table 1.
pub fn pool_depth(edge: f64, max: usize, min_edge: usize) -> usize {
    let mut edge = edge.ceil();
    let mut count = 0;
    while edge >= min_edge as f64 && count < max {
        edge = (edge / 2.0).ceil();
        count += 1;
    }
    count
}

/// The smallest multiple of `2^pools` that holds `edge` voxels.
fn rounded_up(edge: f64, pools: usize) -> usize {
    let factor = 1_usize << pools;
    (edge.ceil() as usize).max(1).div_ceil(factor) * factor
}

/// The axis perpendicular to the slices: the one with the largest spacing, the first of several.
///
/// Source: arXiv:1809.10486, section 2.1 ("the plane with the lowest in-plane spacing").
pub fn slice_axis(Spacing(spacing): Spacing) -> usize {
    (1..3).fold(0, |widest, axis| if spacing[axis] > spacing[widest] { axis } else { widest })
}

/// The axis along which the median case is a single slice, so that there is nothing to learn in 3D.
///
/// Differs: the paper has no such data set and plans by spacing alone. Here that axis is perpendicular to the slices of the 2D
/// network, whatever its spacing, and no 3D network is planned.
pub fn single_slice(measured: &Measured) -> Option<usize> {
    measured.median_shape().0.iter().position(|&edge| edge == 1)
}

/// The two axes of a slice, in order.
pub fn plane(slice_axis: usize) -> [usize; 2] {
    [[1, 2], [0, 2], [0, 1]][slice_axis]
}

/// The 2D network. Source: arXiv:1809.10486, section 2.1.
pub fn plan_2d(measured: &Measured, rules: &Rules) -> Configuration {
    let slice_axis = single_slice(measured).unwrap_or_else(|| slice_axis(measured.spacing));
    let median = measured.median_shape();
    let patch_size = patch_2d(plane(slice_axis).map(|axis| median.0[axis]), rules).patch();
    let [_, height, width] = patch_size.0;
    let count = |edge: usize| pool_depth(edge as f64, rules.max_pool_depth_2d, rules.min_edge_to_pool);
    let pools = [0, count(height), count(width)];
    let mut spacing = measured.spacing;
    // The axis across the slices is not resampled.
    spacing.0[slice_axis] = 0.0;
    Configuration {
        spacing_mm: spacing,
        median_shape: median,
        slice_axis,
        patch_size,
        batch_size: batch_size(patch_size, batch_budget(true, rules), measured, rules),
        pool_depths: pools,
        strides: None,
        kernel_sizes: None,
        blocks_per_stage: None,
        decoder_blocks_per_stage: None,
        features_per_stage: features(pools, rules.base_features, rules.max_features_2d),
        batch_dice: true,
        augmentation: AugmentationKind::TwoD,
        dummy_2d_axis: None,
    }
}

/// A 3D network on the grid of `stage`. The batch size is limited by a fraction of `dataset`.
pub fn plan_3d(stage: &Measured, dataset: &Measured, rules: &Rules, batch_dice: bool) -> Configuration {
    let patch_size = patch_3d(stage, rules).patch();
    let pools = patch_size.0.map(|edge| pool_depth(edge as f64, rules.max_pool_depth_3d, rules.min_edge_to_pool));
    Configuration {
        spacing_mm: stage.spacing,
        median_shape: stage.median_shape(),
        slice_axis: 0,
        patch_size,
        batch_size: batch_size(patch_size, batch_budget(false, rules), dataset, rules),
        pool_depths: pools,
        strides: None,
        kernel_sizes: None,
        blocks_per_stage: None,
        decoder_blocks_per_stage: None,
        features_per_stage: features(pools, rules.base_features, rules.max_features_3d),
        batch_dice,
        augmentation: augmentation(patch_size, rules),
        dummy_2d_axis: dummy_2d_axis(patch_size, rules),
    }
}

/// The steps that lead to a 2D patch size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patch2d {
    /// Edges of the median slice, pixels.
    pub median_slice: [usize; 2],
    /// The factor that each edge is rounded up to a multiple of.
    pub multiples: [usize; 2],
}

impl Patch2d {
    /// The patch size, `[1, y, x]`.
    pub fn patch(self) -> Shape {
        let [height, width]: [usize; 2] =
            std::array::from_fn(|axis| self.median_slice[axis].next_multiple_of(self.multiples[axis]));
        Shape([1, height, width])
    }
}

/// The patch size of the 2D network: the median slice, rounded up to the pooling factor.
///
/// Source: arXiv:1809.10486, section 2.1.
pub fn patch_2d(median_slice: [usize; 2], rules: &Rules) -> Patch2d {
    let count = |edge: usize| pool_depth(edge as f64, rules.max_pool_depth_2d, rules.min_edge_to_pool);
    Patch2d { median_slice, multiples: median_slice.map(|edge| 1 << count(edge)) }
}

/// The steps that lead to a 3D patch size.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch3d {
    /// Edges before rounding, voxels, `[z, y, x]`.
    pub target: [f64; 3],
    /// The factor that each edge is rounded up to a multiple of.
    pub multiples: [usize; 3],
    /// The edges, rounded up.
    pub rounded: [usize; 3],
    /// The axes that are then shortened by their factor, in this order, until the patch has at most as many voxels as the reference.
    pub shortened: Vec<usize>,
}

impl Patch3d {
    /// The patch size.
    pub fn patch(&self) -> Shape {
        let mut patch = self.rounded;
        for &axis in &self.shortened {
            patch[axis] -= self.multiples[axis];
        }
        Shape(patch)
    }
}

/// The patch size of a 3D network.
///
/// The extent of the median case (in mm, or in voxels with `patch_aspect = "voxel"`) is scaled to the volume of the reference patch,
/// clipped to the median shape and rounded up to the pooling factor. While the patch is larger than the reference, the
/// edge that exceeds its unrounded length by the largest number of voxels is shortened, the last of several.
///
/// Differs: the paper gives neither rounding nor reduction, and its aspect ratio is in voxels. This rule reproduces all 3D entries of
/// its Table 1; the literal text does not (see [`crate::guide::method`]).
pub fn patch_3d(stage: &Measured, rules: &Rules) -> Patch3d {
    let target = target_patch(stage, rules);
    let count = |edge: f64| pool_depth(edge, rules.max_pool_depth_3d, rules.min_edge_to_pool);
    let cap = rules.reference_patch_size_3d.voxels();
    let rounded = target.map(|edge| rounded_up(edge, count(edge)));
    let multiples = target.map(|edge| 1_usize << count(edge));
    let (mut patch, mut shortened) = (rounded, Vec::new());
    while patch.iter().product::<usize>() > cap {
        let overshoot = |axis: usize| patch[axis] as f64 - target[axis];
        // The last of several axes.
        let longest = (0..3)
            .filter(|&axis| patch[axis] > multiples[axis])
            .max_by(|&left, &right| overshoot(left).total_cmp(&overshoot(right)));
        let Some(axis) = longest else { break };
        patch[axis] -= multiples[axis];
        shortened.push(axis);
    }
    Patch3d { target, multiples, rounded, shortened }
}

/// Edges of the patch before rounding, voxels, `[z, y, x]`.
pub fn target_patch(stage: &Measured, rules: &Rules) -> [f64; 3] {
    let median = stage.median_shape().0.map(|edge| edge as f64);
    let extent: [f64; 3] = match rules.patch_aspect {
        Aspect::Mm => std::array::from_fn(|axis| median[axis] * stage.spacing.0[axis]),
        Aspect::Voxel => median,
    };
    let volume = rules.reference_patch_size_3d.voxels() as f64;
    let scale = (volume / extent.iter().product::<f64>()).cbrt();
    std::array::from_fn(|axis| (scale * extent[axis]).min(median[axis]))
}

/// Voxels of the reference network's batch.
pub fn batch_budget(two_dimensional: bool, rules: &Rules) -> usize {
    if two_dimensional {
        rules.reference_patch_size_2d.iter().product::<usize>() * rules.reference_batch_size_2d
    } else {
        rules.reference_patch_size_3d.voxels() * rules.reference_batch_size_3d
    }
}

/// Batch size: as many patches as fit into the budget, at most a fraction of the data set, at least the minimum.
///
/// Source: arXiv:1809.10486, section 2.1. The fraction is rounded to whole patches, which reproduces Table 1.
pub fn batch_size(patch: Shape, budget_voxels: usize, dataset: &Measured, rules: &Rules) -> usize {
    (budget_voxels / patch.voxels()).min(batch_cap(patch, dataset, rules)).max(rules.min_batch_size)
}

/// Maximum batch size by the fraction of the data set.
pub fn batch_cap(patch: Shape, dataset: &Measured, rules: &Rules) -> usize {
    (rules.max_dataset_fraction * dataset.voxels() / patch.voxels() as f64).round() as usize
}

/// Whether the median case has more than `cascade_threshold` times the voxels of the reference patch.
///
/// Source: arXiv:1809.10486, section 2.1.
pub fn needs_cascade(measured: &Measured, rules: &Rules) -> bool {
    cascade_ratio(measured, rules) > rules.cascade_threshold
}

/// Voxels of the median case divided by voxels of the reference patch.
pub fn cascade_ratio(measured: &Measured, rules: &Rules) -> f64 {
    measured.median.iter().product::<f64>() / rules.reference_patch_size_3d.voxels() as f64
}

/// The grid of the cascade's first stage: spacings are doubled until the median case is small enough, those of the finer axes
/// first.
///
/// Source: arXiv:1809.10486, section 2.1; the threshold between finer and coarser axes is that of nnU-Net commit 6150f1b0.
pub fn lowres(measured: &Measured, rules: &Rules) -> Measured {
    let mut coarse = *measured;
    while needs_cascade(&coarse, rules) {
        let widest = coarse.spacing.0.into_iter().fold(0.0, f64::max);
        let fine = coarse.spacing.0.map(|edge| widest / edge > rules.lowres_anisotropy);
        let all = !fine.contains(&true);
        for ((spacing, edge), fine) in coarse.spacing.0.iter_mut().zip(&mut coarse.median).zip(fine) {
            if all || fine {
                *spacing *= 2.0;
                *edge /= 2.0;
            }
        }
    }
    coarse
}

/// Feature maps of each resolution: doubled with each pooling, at most `max`.
///
/// Differs: the paper has no maximum. The recipe's are those of nnU-Net commit 6150f1b0.
pub fn features(pools: [usize; 3], base: usize, max: usize) -> Vec<usize> {
    let poolings = pools.into_iter().max().unwrap_or(0);
    (0..=poolings).map(|level| (base << level).min(max)).collect()
}

/// Slice-wise augmentation for patches whose longest edge is more than `dummy_2d_ratio` times the shortest.
///
/// Source: arXiv:1809.10486, section 2.3.
pub fn augmentation(patch: Shape, rules: &Rules) -> AugmentationKind {
    let longest = patch.0.into_iter().max().unwrap_or(1) as f64;
    let shortest = patch.0.into_iter().min().unwrap_or(1) as f64;
    if longest > rules.dummy_2d_ratio * shortest { AugmentationKind::Dummy2d } else { AugmentationKind::ThreeD }
}

/// The axis perpendicular to the slices of slice-wise augmentation, if it is not z, the default.
///
/// Differs: nnU-Net commit 6150f1b0 always slices across z, even if another axis is the shortest.
pub fn dummy_2d_axis(patch: Shape, rules: &Rules) -> Option<usize> {
    match augmentation(patch, rules) {
        AugmentationKind::TwoD | AugmentationKind::ThreeD => None,
        AugmentationKind::Dummy2d => Some(patch.shortest_axis()).filter(|&axis| axis != 0),
    }
}

#[cfg(test)]
#[path = "planner_tests.rs"]
mod tests;
