//! Why each planned value is what it is, in words for the comments of a plan.
//!
//! A reader who does the arithmetic of a comment ends at the value below it: the tests do just that.

use std::collections::BTreeMap;

use crate::plan::make::FOLDS;
use crate::plan::rules::{self, Measured};
use crate::plan::schema::{ConfigurationName, Normalization, Plan};
use crate::units::{beside_limit, counted};

mod network;

/// Why each planned value is what it is, by key.
pub(super) fn reasons(plan: &Plan, measured: &Measured) -> BTreeMap<String, String> {
    let mut reasons = BTreeMap::new();
    let mut say = |key: &str, reason: String| _ = reasons.insert(key.to_owned(), reason);
    let data = &plan.data;
    say("name", "Name of the experiment, and of its folder under `runtime.runs`.".to_owned());
    say("data.dataset", "Folder of the data set, looked for in the folders of `runtime.data`.".to_owned());
    say("data.channels", "Modality of each channel, from `dataset.json`.".to_owned());
    say("data.exclude", "Training cases that are left out, by name: nothing reads them.".to_owned());
    say("data.cases", "Training cases that were measured.".to_owned());
    say("data.median_spacing_mm", "Median of the cases' spacings, mm, [z, y, x].".to_owned());
    say("data.median_shape", "Median of the cases' shapes, cropped and at that spacing, voxels, [z, y, x].".to_owned());
    say("data.cropped_fraction", "Share of the average case that is left after cropping to non-zero.".to_owned());
    say(
        "data.single_component_labels",
        "Labels that are a single component in every training case that has them.".to_owned(),
    );
    say("run.configurations", matrix_reason(plan, measured));
    if plan.split.folds < FOLDS {
        let cases = counted(data.cases, "case");
        say("split.folds", format!("{FOLDS} in the paper (2.3), but the data set has {cases}: one case per fold."));
    }
    say("preprocess.normalization_scheme", normalization_reason(&plan.preprocess.normalization_scheme).to_owned());
    let from = 100.0 * plan.rules.mask_norm_min_crop;
    let removed = beside_limit(100.0 * (1.0 - data.cropped_fraction), from, 1);
    let masked = format!(
        "Cropping removes {removed} % of the average case; from {} % on, statistics are of the non-zero mask alone \
         (paper, 2.2).",
        percent(plan.rules.mask_norm_min_crop)
    );
    say("preprocess.normalize_in_mask", masked);
    for (name, configuration) in &plan.configurations {
        for (field, reason) in network::reasons(*name, configuration, plan, measured) {
            say(&format!("configurations.{name}.{field}"), reason);
        }
    }
    reasons
}

/// A fraction in percent, without the digits that binary numbers add.
fn percent(fraction: f64) -> f64 {
    (fraction * 1e8).round() / 1e6
}

fn normalization_reason(schemes: &[Normalization]) -> &'static str {
    if schemes.contains(&Normalization::None) {
        "\"ct\" for channels named CT, \"none\" for those named noNorm, \"z_score\" for all others (paper, 2.2)."
    } else {
        "\"ct\" for channels named CT, \"z_score\" for all others (paper, 2.2)."
    }
}

fn matrix_reason(plan: &Plan, measured: &Measured) -> String {
    if rules::single_slice(measured).is_some() {
        return "2D alone: the median case is a single slice, which has no third dimension to learn from.".to_owned();
    }
    let most = plan.rules.cascade_threshold;
    let ratio = beside_limit(rules::cascade_ratio(measured, &plan.rules), most, 2);
    if plan.configurations.contains_key(&ConfigurationName::Cascade) {
        format!(
            "2D, 3D, and both stages of the cascade: the median case has the voxels of {ratio} reference patches, more than \
             {most} (paper, 2.1)."
        )
    } else {
        format!(
            "2D and 3D; no cascade: the median case has the voxels of {ratio} reference patches, not more than {most} (paper, 2.1)."
        )
    }
}

#[cfg(test)]
mod tests;
