//! Why each planned number is what it is, in words for the comments of a plan.

use std::collections::BTreeMap;

use crate::plan::make::FOLDS;
use crate::plan::rules::{self, Measured};
use crate::plan::schema::{AugmentationKind, Configuration, ConfigurationName, DiceScope, Plan, Rules};

/// Why each planned number is what it is.
pub(super) fn reasons(plan: &Plan, measured: &Measured) -> BTreeMap<String, String> {
    let mut reasons = BTreeMap::new();
    let mut say = |key: &str, reason: String| _ = reasons.insert(key.to_owned(), reason);
    let data = &plan.data;
    say("name", "Name of the experiment, and of its folder under `runtime.runs`.".to_owned());
    say("data.dataset", "Folder of the data set, looked for in the folders of `runtime.data`.".to_owned());
    say("data.channels", "Modality of each channel, from `dataset.json`.".to_owned());
    say("data.cases", "Training cases that were measured.".to_owned());
    say("data.median_spacing", "Median of the cases' spacings, mm, [z, y, x].".to_owned());
    say("data.median_shape", "Median of the cases' shapes, cropped and at that spacing, voxels, [z, y, x].".to_owned());
    say("data.crop_ratio", "Share of the average case that is left after cropping to non-zero.".to_owned());
    say("data.single_component", "Labels that are a single component in every training case that has them.".to_owned());
    say("run.configurations", matrix_reason(plan, measured));
    if plan.split.folds < FOLDS {
        let few = format!("{FOLDS} in the paper (2.3), but the data set has {} cases: one case a fold.", data.cases);
        say("split.folds", few);
    }
    let scheme = "\"ct\" for channels named CT, \"z_score\" for all others (paper, 2.2).".to_owned();
    say("preprocess.normalization", scheme);
    let removed = 100.0 * (1.0 - data.crop_ratio);
    let from = 100.0 * plan.rules.mask_norm_reduction;
    let masked = format!(
        "Cropping removes {removed:.1} % of the average case; from {from:.0} % on, statistics are of the non-zero mask alone \
         (paper, 2.2)."
    );
    say("preprocess.masked", masked);
    for (name, configuration) in &plan.configurations {
        for (field, reason) in configuration_reasons(*name, configuration, plan, measured) {
            say(&format!("configurations.{name}.{field}"), reason);
        }
    }
    reasons
}

fn configuration_reasons(
    name: ConfigurationName,
    configuration: &Configuration,
    plan: &Plan,
    measured: &Measured,
) -> Vec<(&'static str, String)> {
    let rules = &plan.rules;
    let two_dimensional = name == ConfigurationName::TwoD;
    let (budget, max_pools, max_features) = if two_dimensional {
        let [height, width] = rules.reference_patch_2d;
        (height * width * rules.reference_batch_2d, rules.max_pools_2d, rules.max_features_2d)
    } else {
        let voxels = rules.reference_patch_3d.voxels() * rules.reference_batch_3d;
        (voxels, rules.max_pools_3d, rules.max_features_3d)
    };
    let patch = configuration.patch_size;
    // The first stage of the cascade is planned as if the data set were as coarse as its grid.
    let dataset = if name == ConfigurationName::LowRes { rules::lowres(measured, rules) } else { *measured };
    let (afford, cap) = (budget / patch.voxels(), rules::batch_cap(patch, &dataset, rules));
    let share = 100.0 * rules.dataset_fraction;
    let factors = configuration.pools.map(|pools| 1_usize << pools);
    let spacing = match name {
        ConfigurationName::TwoD => {
            "Median spacing in the plane, mm, [z, y, x]; 0 keeps each case's own spacing across the slices."
        }
        ConfigurationName::FullRes | ConfigurationName::Cascade => "Median spacing, mm, [z, y, x] (paper, 2.2).",
        ConfigurationName::LowRes => {
            "Median spacing, doubled until the median case is small enough, finer axes first (paper, 2.1)."
        }
    };
    let size = if two_dimensional {
        format!("The median slice, rounded up to what the pools need ({} × {}).", factors[1], factors[2])
    } else {
        let stage = Measured {
            cases: measured.cases,
            spacing: configuration.spacing,
            median: configuration.median_shape.0.map(|edge| edge as f64),
        };
        let [z, y, x] = rules::target_patch(&stage, rules);
        format!(
            "Voxels, [z, y, x]: {z:.1} × {y:.1} × {x:.1}, which has the median case's proportions and at most {} voxels, rounded to \
             multiples of {} × {} × {} (paper, 2.1).",
            rules.reference_patch_3d.voxels(),
            factors[0],
            factors[1],
            factors[2]
        )
    };
    vec![
        ("spacing", spacing.to_owned()),
        ("median_shape", "Median shape at this spacing, voxels, [z, y, x].".to_owned()),
        ("slice_axis", slice_reason(two_dimensional, measured)),
        ("patch_size", size),
        (
            "batch_size",
            format!(
                "The reference batch's voxels are {afford} patches; {share} % of the data set's are {cap}; at least {} (paper, 2.1).",
                rules.min_batch_size
            ),
        ),
        (
            "pools",
            format!(
                "Each axis is halved until it is smaller than {}, at most {max_pools} times.",
                rules.pool_until_below
            ),
        ),
        (
            "features",
            format!(
                "Feature maps of each resolution: {}, doubled at each pooling, at most {max_features}.",
                rules.base_features
            ),
        ),
        ("dice", dice_reason(configuration.dice).to_owned()),
        ("augmentation", augmentation_reason(configuration, rules)),
        (
            "augmentation_axis",
            "The patch's thinnest axis, which slices are perpendicular to: 0 = z, 1 = y, 2 = x.".to_owned(),
        ),
    ]
}

fn matrix_reason(plan: &Plan, measured: &Measured) -> String {
    if rules::single_slice(measured).is_some() {
        return "2D alone: the median case is a single slice, which has no third dimension to learn from.".to_owned();
    }
    let (ratio, most) = (rules::cascade_ratio(measured, &plan.rules), plan.rules.cascade_factor);
    if plan.configurations.contains_key(&ConfigurationName::Cascade) {
        format!(
            "2D, 3D, and both stages of the cascade: the median case has the voxels of {ratio:.2} reference patches, more than \
             {most} (paper, 2.1)."
        )
    } else {
        format!(
            "2D and 3D; no cascade: the median case has the voxels of {ratio:.2} reference patches, not more than {most} (paper, 2.1)."
        )
    }
}

fn slice_reason(two_dimensional: bool, measured: &Measured) -> String {
    let reason = if !two_dimensional {
        "3D: the axes stay in their order."
    } else if rules::single_slice(measured).is_some() {
        "The axis along which the median case is a single slice: 0 = z, 1 = y, 2 = x. It comes first in `patch_size` and `pools`."
    } else {
        "Slices are perpendicular to the axis of the largest spacing: 0 = z, 1 = y, 2 = x. It comes first in `patch_size` and `pools`."
    };
    reason.to_owned()
}

fn dice_reason(dice: DiceScope) -> &'static str {
    match dice {
        DiceScope::Sample => "A patch sees most of a case: Dice of each sample (paper, 2.3).",
        DiceScope::Batch => "A patch sees a small part of a case: Dice of the whole batch (paper, 2.3).",
    }
}

fn augmentation_reason(configuration: &Configuration, rules: &Rules) -> String {
    match configuration.augmentation {
        AugmentationKind::TwoD => "In the plane of the slice.".to_owned(),
        AugmentationKind::ThreeD => {
            format!("In space: the longest edge is at most {} times the shortest (paper, 2.3).", rules.slice_wise_ratio)
        }
        AugmentationKind::SliceWise => {
            format!(
                "Slice by slice: the longest edge is more than {} times the shortest (paper, 2.3).",
                rules.slice_wise_ratio
            )
        }
    }
}
