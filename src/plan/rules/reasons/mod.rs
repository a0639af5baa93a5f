//! The reasons of planned values, in words, for the comments of a plan.
//!
//! The arithmetic of a comment leads to the value below it; the tests do it.

use std::collections::BTreeMap;

use crate::plan::rules::folds::FOLDS;
use crate::plan::rules::planner::{Measured, cascade_ratio, single_slice};
use crate::plan::rules::reasons::percent::percent;
use crate::plan::schema::{ConfigurationName, Normalization, Plan};
use crate::units::{beside_limit, counted};

mod network;
mod percent;

/// The reason of each planned value, by key.
pub(super) fn reasons(plan: &Plan, measured: &Measured) -> BTreeMap<String, String> {
    let mut reasons = BTreeMap::new();
    let mut give = |key: &str, reason: String| _ = reasons.insert(key.to_owned(), reason);
    give("run.configurations", configurations_reason(plan, measured));
    if plan.split.folds < FOLDS {
        let cases = counted(plan.data.cases, "case");
        let reason =
            format!("Number of folds: one per case, because the data set has {cases}. The paper (2.3): {FOLDS}.");
        give("split.folds", reason);
    }
    give("preprocess.normalization_scheme", normalization_reason(&plan.preprocess.normalization_scheme).to_owned());
    give("preprocess.normalize_in_mask", mask_reason(plan));
    for (name, configuration) in &plan.configurations {
        for (field, reason) in network::reasons(*name, configuration, plan, measured) {
            give(&format!("configurations.{name}.{field}"), reason);
        }
    }
    reasons
}

fn mask_reason(plan: &Plan) -> String {
    let limit = percent(plan.rules.mask_norm_min_crop);
    let removed = beside_limit(100.0 * (1.0 - plan.data.cropped_fraction), 100.0 * plan.rules.mask_norm_min_crop, 1);
    format!(
        "Whether normalisation uses only the non-zero mask. Cropping removes {removed} % of the average case; the mask is used from \
         {limit} % on (paper, 2.2)."
    )
}

fn normalization_reason(schemes: &[Normalization]) -> &'static str {
    if schemes.contains(&Normalization::None) {
        "\"ct\" for channels named CT, \"none\" for those named noNorm, \"z_score\" for all others (paper, 2.2)."
    } else {
        "\"ct\" for channels named CT, \"z_score\" for all others (paper, 2.2)."
    }
}

fn configurations_reason(plan: &Plan, measured: &Measured) -> String {
    if single_slice(measured).is_some() {
        return "Only 2D: the median case is a single slice.".to_owned();
    }
    let threshold = plan.rules.cascade_threshold;
    let ratio = beside_limit(cascade_ratio(measured, &plan.rules), threshold, 2);
    let planned = if plan.configurations.contains_key(&ConfigurationName::Cascade) {
        "2D, 3D and both stages of the cascade"
    } else {
        "2D and 3D, no cascade"
    };
    format!(
        "{planned}: the median case has {ratio} times the voxels of the reference patch; the threshold of the cascade is {threshold} \
         (paper, 2.1)."
    )
}

#[cfg(test)]
mod tests;
