//! The reasons of one network's numbers: how a reader gets from what was measured to each of them.

use crate::plan::reasons::percent;
use crate::plan::rules::{self, Measured};
use crate::plan::schema::{Aspect, AugmentationKind, Configuration, ConfigurationName, Plan, Rules};
use crate::units::{beside_limit, counted};
use crate::volume::Shape;

const AXES: [&str; 3] = ["z", "y", "x"];

/// Why each number of a network is what it is, by field.
pub(super) fn reasons(
    name: ConfigurationName,
    configuration: &Configuration,
    plan: &Plan,
    measured: &Measured,
) -> Vec<(&'static str, String)> {
    let rules = &plan.rules;
    let two_dimensional = name == ConfigurationName::TwoD;
    let (max_pools, max_features) = if two_dimensional {
        (rules.max_pool_depth_2d, rules.max_features_2d)
    } else {
        (rules.max_pool_depth_3d, rules.max_features_3d)
    };
    // The first stage of the cascade is planned as if the data set were as coarse as its grid.
    let stage = if name == ConfigurationName::LowRes { rules::lowres(measured, rules) } else { *measured };
    let patch = if two_dimensional { slice_reason(configuration, rules) } else { patch_reason(&stage, rules) };
    vec![
        ("spacing_mm", spacing_reason(name, measured, rules)),
        ("median_shape", "Median shape at this spacing, voxels, [z, y, x], rounded to whole voxels.".to_owned()),
        ("slice_axis", slice_axis_reason(two_dimensional, measured)),
        ("patch_size", patch),
        ("batch_size", batch_reason(name, configuration.patch_size, &stage, rules)),
        (
            "pool_depths",
            format!(
                "Each edge of the patch is halved while it has at least {} voxels, at most {max_pools} times (paper, 2.1).",
                rules.min_edge_to_pool
            ),
        ),
        (
            "features_per_stage",
            format!(
                "Feature maps of each resolution, finest first: {}, doubled at each pooling, at most {max_features}.",
                rules.base_features
            ),
        ),
        ("batch_dice", dice_reason(configuration.batch_dice).to_owned()),
        ("augmentation", augmentation_reason(configuration, rules)),
        (
            "augmentation_axis",
            "The patch's thinnest axis, which slices are perpendicular to: 0 = z, 1 = y, 2 = x.".to_owned(),
        ),
    ]
}

fn spacing_reason(name: ConfigurationName, measured: &Measured, rules: &Rules) -> String {
    match name {
        ConfigurationName::TwoD => {
            "Median spacing in the plane, mm, [z, y, x]; 0 keeps each case's own spacing across the slices.".to_owned()
        }
        ConfigurationName::FullRes | ConfigurationName::Cascade => {
            "Median spacing, mm, [z, y, x] (paper, 2.2).".to_owned()
        }
        ConfigurationName::LowRes => {
            let coarse = rules::lowres(measured, rules);
            let doubled: Vec<String> = (0..3)
                .map(|axis| (coarse.spacing.0[axis] / measured.spacing.0[axis]).log2().round())
                .zip(AXES)
                .map(|(times, axis)| format!("{axis} {times} ×"))
                .collect();
            let ratio = |measured| beside_limit(rules::cascade_ratio(measured, rules), rules.cascade_threshold, 2);
            format!(
                "Median spacing, doubled until the median case has the voxels of at most {} reference patches: {}, which makes {} \
                 of {}. Where axes are finer than the coarsest spacing divided by {}, these alone are doubled (paper, 2.1).",
                rules.cascade_threshold,
                doubled.join(", "),
                ratio(&coarse),
                ratio(measured),
                rules.lowres_anisotropy
            )
        }
    }
}

fn slice_reason(configuration: &Configuration, rules: &Rules) -> String {
    let median = rules::plane(configuration.slice_axis).map(|axis| configuration.median_shape.0[axis]);
    let multiples =
        median.map(|edge| 1_usize << rules::pools(edge as f64, rules.max_pool_depth_2d, rules.min_edge_to_pool));
    let ([height, width], [vertical, horizontal]) = (median, multiples);
    format!(
        "The median slice, {height} × {width} pixels, rounded up to multiples of {vertical} × {horizontal}, 2 for each pooling \
         (paper, 2.1)."
    )
}

fn patch_reason(stage: &Measured, rules: &Rules) -> String {
    let steps = rules::patch_3d(stage, rules);
    let most = rules.reference_patch_size_3d.voxels();
    // Rounded up, so that the next whole voxel is that of the exact edge.
    let [z, y, x] = steps.target.map(|edge| (10.0 * edge).ceil() / 10.0);
    let unit = match rules.patch_aspect {
        Aspect::Mm => "mm",
        Aspect::Voxel => "voxels",
    };
    let (multiples, rounded) = (Shape(steps.multiples), Shape(steps.rounded));
    let begins = format!(
        "Voxels, [z, y, x]. The reference patch's {most} voxels in the proportions of the median case (in {unit}), no edge longer \
         than the median case's, are {z:.1} × {y:.1} × {x:.1}. Rounded up to multiples of {multiples}: {rounded}"
    );
    if steps.shortened.is_empty() {
        return format!("{begins} (paper, 2.1).");
    }
    let axes: Vec<&str> = steps.shortened.iter().map(|&axis| AXES[axis]).collect();
    format!(
        "{begins}, which are {} voxels. While they are more than the reference patch's, the edge furthest above its unrounded \
         length is shortened by its multiple: {} (paper, 2.1).",
        rounded.voxels(),
        axes.join(", ")
    )
}

fn batch_reason(name: ConfigurationName, patch: Shape, stage: &Measured, rules: &Rules) -> String {
    let budget = if name == ConfigurationName::TwoD {
        rules.reference_patch_size_2d.iter().product::<usize>() * rules.reference_batch_size_2d
    } else {
        rules.reference_patch_size_3d.voxels() * rules.reference_batch_size_3d
    };
    format!(
        "At most {}, the patches of {} in the {budget} of the reference batch, rounded down; at most {}, those in {} % of the \
         data set's {:.0} voxels, rounded; at least {} (paper, 2.1).",
        budget / patch.voxels(),
        counted(patch.voxels(), "voxel"),
        rules::batch_cap(patch, stage, rules),
        percent(rules.max_dataset_fraction),
        stage.voxels(),
        rules.min_batch_size
    )
}

fn slice_axis_reason(two_dimensional: bool, measured: &Measured) -> String {
    let reason = if !two_dimensional {
        "3D: the axes stay in their order."
    } else if rules::single_slice(measured).is_some() {
        "The axis along which the median case is a single slice: 0 = z, 1 = y, 2 = x. It comes first in `patch_size` and `pools`."
    } else {
        "Slices are perpendicular to the axis of the largest spacing, the first of several: 0 = z, 1 = y, 2 = x. It comes first in \
         `patch_size` and `pools`."
    };
    reason.to_owned()
}

fn dice_reason(batch_dice: bool) -> &'static str {
    match batch_dice {
        false => "A patch sees most of a case: Dice of each sample (paper, 2.3).",
        true => "A patch sees a small part of a case: Dice of the whole batch (paper, 2.3).",
    }
}

fn augmentation_reason(configuration: &Configuration, rules: &Rules) -> String {
    match configuration.augmentation {
        AugmentationKind::TwoD => "In the plane of the slice.".to_owned(),
        AugmentationKind::ThreeD => {
            format!("In space: the longest edge is at most {} times the shortest (paper, 2.3).", rules.dummy_2d_ratio)
        }
        AugmentationKind::Dummy2d => {
            format!(
                "Slice by slice: the longest edge is more than {} times the shortest (paper, 2.3).",
                rules.dummy_2d_ratio
            )
        }
    }
}
