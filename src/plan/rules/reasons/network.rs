//! The reasons of the values of one network: how each follows from the measurements.

use crate::plan::rules::planner::{
    Measured, Patch2d, batch_budget, batch_cap, cascade_ratio, lowres, patch_2d, patch_3d, plane, single_slice,
};
use crate::plan::rules::reasons::percent::percent;
use crate::plan::schema::{Aspect, AugmentationKind, Configuration, ConfigurationName, Plan, Rules};
use crate::units::beside_limit;
use crate::volume::Shape;

const AXES: [&str; 3] = ["z", "y", "x"];

/// The reason of each value of a network, by field.
pub(super) fn reasons(
    name: ConfigurationName,
    configuration: &Configuration,
    plan: &Plan,
    measured: &Measured,
) -> Vec<(&'static str, String)> {
    let rules = &plan.rules;
    let two_dimensional = name.is_2d();
    let (max_pools, max_features) = if two_dimensional {
        (rules.max_pool_depth_2d, rules.max_features_2d)
    } else {
        (rules.max_pool_depth_3d, rules.max_features_3d)
    };
    // The first stage of the cascade is planned as if its grid were that of the data set.
    let stage = if name == ConfigurationName::LowRes { lowres(measured, rules) } else { *measured };
    let patch = if two_dimensional { slice_reason(configuration, rules) } else { patch_reason(&stage, rules) };
    vec![
        ("spacing_mm", spacing_reason(name, measured, rules)),
        ("median_shape", "Median shape at this spacing, voxels, [z, y, x], rounded.".to_owned()),
        ("slice_axis", slice_axis_reason(two_dimensional, measured)),
        ("patch_size", patch),
        ("batch_size", batch_reason(name, configuration.patch_size, &stage, rules)),
        (
            "pool_depths",
            format!(
                "Number of poolings per axis: each edge is halved while it has at least {} voxels, at most {max_pools} times (paper, 2.1).",
                rules.min_edge_to_pool
            ),
        ),
        (
            "features_per_stage",
            format!(
                "Feature maps per resolution, finest first: {}, doubled with each pooling, at most {max_features}.",
                rules.base_features
            ),
        ),
        ("batch_dice", dice_reason(configuration.batch_dice).to_owned()),
        ("augmentation", augmentation_reason(configuration, rules)),
        (
            "dummy_2d_axis",
            "Axis of the patch's shortest edge, perpendicular to the slices of the augmentation: 0 is z, 1 is y, 2 is x.".to_owned(),
        ),
    ]
}

fn spacing_reason(name: ConfigurationName, measured: &Measured, rules: &Rules) -> String {
    match name {
        ConfigurationName::TwoD => {
            "Median spacing in the plane, mm, [z, y, x] (paper, 2.2); 0 keeps each case's own spacing across the slices.".to_owned()
        }
        ConfigurationName::FullRes | ConfigurationName::Cascade => {
            "Median spacing, mm, [z, y, x] (paper, 2.2).".to_owned()
        }
        ConfigurationName::LowRes => {
            let coarse = lowres(measured, rules);
            let doubled: Vec<String> = (0..3)
                .map(|axis| (coarse.spacing.0[axis] / measured.spacing.0[axis]).log2().round())
                .zip(AXES)
                .map(|(times, axis)| format!("{axis} {times}"))
                .collect();
            let ratio = |measured| beside_limit(cascade_ratio(measured, rules), rules.cascade_threshold, 2);
            format!(
                "Median spacing, mm, [z, y, x], doubled until the median case has at most {} times the voxels of the reference patch. \
                 Doublings per axis: {}; the ratio falls from {} to {}. As long as some axes are finer than the coarsest spacing \
                 divided by {}, only those are doubled (paper, 2.1).",
                rules.cascade_threshold,
                doubled.join(", "),
                ratio(measured),
                ratio(&coarse),
                rules.lowres_anisotropy
            )
        }
    }
}

fn slice_reason(configuration: &Configuration, rules: &Rules) -> String {
    let median_slice = plane(configuration.slice_axis).map(|axis| configuration.median_shape.0[axis]);
    let Patch2d { median_slice: [height, width], multiples: [vertical, horizontal] } = patch_2d(median_slice, rules);
    format!(
        "Patch size, pixels: the median slice, {height} × {width}, rounded up to multiples of {vertical} × {horizontal}, a factor of 2 \
         per pooling (paper, 2.1)."
    )
}

fn patch_reason(stage: &Measured, rules: &Rules) -> String {
    let steps = patch_3d(stage, rules);
    let reference = rules.reference_patch_size_3d.voxels();
    // Rounded up, so that the next whole voxel is that of the exact edge.
    let [z, y, x] = steps.target.map(|edge| (10.0 * edge).ceil() / 10.0);
    let unit = match rules.patch_aspect {
        Aspect::Mm => "mm",
        Aspect::Voxel => "voxels",
    };
    let (multiples, rounded) = (Shape(steps.multiples), Shape(steps.rounded));
    let begins = format!(
        "Patch size, voxels, [z, y, x]: the reference patch, {reference} voxels, in the proportions of the median case (in {unit}), with \
         no edge longer than that of the median case: {z:.1} × {y:.1} × {x:.1}. Rounded up to multiples of {multiples}: {rounded}"
    );
    if steps.shortened.is_empty() {
        return format!("{begins} (paper, 2.1).");
    }
    let axes: Vec<&str> = steps.shortened.iter().map(|&axis| AXES[axis]).collect();
    format!(
        "{begins}, {} voxels. While the patch has more voxels than the reference, the edge furthest above its unrounded length is \
         shortened by its multiple: {} (paper, 2.1).",
        rounded.voxels(),
        axes.join(", ")
    )
}

fn batch_reason(name: ConfigurationName, patch: Shape, stage: &Measured, rules: &Rules) -> String {
    let budget = batch_budget(name.is_2d(), rules);
    format!(
        "Batch size: at most {} ({budget} voxels of the reference batch / {} per patch, rounded down) and at most {} ({} % of the data \
         set's {:.0} voxels / {} per patch, rounded), but at least {} (paper, 2.1).",
        budget / patch.voxels(),
        patch.voxels(),
        batch_cap(patch, stage, rules),
        percent(rules.max_dataset_fraction),
        stage.voxels(),
        patch.voxels(),
        rules.min_batch_size
    )
}

fn slice_axis_reason(two_dimensional: bool, measured: &Measured) -> String {
    let reason = if !two_dimensional {
        "3D: the axes keep their order."
    } else if single_slice(measured).is_some() {
        "Axis along which the median case is a single slice: 0 is z, 1 is y, 2 is x. It comes first in `patch_size` and `pool_depths`."
    } else {
        "Axis with the largest spacing, the first of several, perpendicular to the slices: 0 is z, 1 is y, 2 is x. It comes first in \
         `patch_size` and `pool_depths` (paper, 2.1)."
    };
    reason.to_owned()
}

fn dice_reason(batch_dice: bool) -> &'static str {
    if batch_dice {
        "The patch covers a small part of a case: Dice loss over the whole batch (paper, 2.3)."
    } else {
        "The patch covers most of a case: Dice loss per sample (paper, 2.3)."
    }
}

fn augmentation_reason(configuration: &Configuration, rules: &Rules) -> String {
    match configuration.augmentation {
        AugmentationKind::TwoD => "2D augmentation, in the plane of the slice (paper, 2.3).".to_owned(),
        AugmentationKind::ThreeD => {
            format!(
                "3D augmentation: the longest edge is at most {} times the shortest (paper, 2.3).",
                rules.dummy_2d_ratio
            )
        }
        AugmentationKind::Dummy2d => {
            format!(
                "2D augmentation, slice by slice: the longest edge is more than {} times the shortest (paper, 2.3).",
                rules.dummy_2d_ratio
            )
        }
    }
}
