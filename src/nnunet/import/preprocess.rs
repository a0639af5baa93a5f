//! The preprocessing of a plan of nnU-Net v2.

use serde_json::Value;

use crate::nnunet::terms::{ANISOTROPY_THRESHOLD, RESAMPLING};
use crate::plan::schema::{Intensities, Normalization, Plan};

/// Normalisation of each channel.
pub(super) fn import_normalization(
    entry: &Value,
    channels: usize,
    unsupported: &mut Vec<String>,
) -> Vec<Normalization> {
    let scheme = |channel: usize| match entry["normalization_schemes"][channel].as_str() {
        Some("CTNormalization") => Normalization::Ct,
        Some("ZScoreNormalization") => Normalization::ZScore,
        Some("NoNormalization") => Normalization::None,
        Some("RescaleTo01Normalization") => Normalization::RescaleTo01,
        Some("RGBTo01Normalization") => Normalization::RgbTo01,
        other => {
            let other = other.unwrap_or("none");
            unsupported.push(format!("normalisation of channel {channel}: `{other}` is replaced by \"z_score\""));
            Normalization::ZScore
        }
    };
    (0..channels).map(scheme).collect()
}

/// Foreground intensities of each channel; empty if one of them is missing.
pub(super) fn import_intensities(plans: &Value, channels: usize) -> Vec<Intensities> {
    let all = &plans["foreground_intensity_properties_per_channel"];
    let channel = |channel: usize| {
        let known = all.get(channel.to_string())?;
        let number = |key: &str| known[key].as_f64();
        Some(Intensities {
            mean: number("mean")?,
            sd: number("std")?,
            p00_5: number("percentile_00_5")?,
            p99_5: number("percentile_99_5")?,
        })
    };
    (0..channels).map(channel).collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// Masks and interpolation.
pub(super) fn import_preprocessing(plan: &mut Plan, entry: &Value, unsupported: &mut Vec<String>) {
    let masks = entry["use_mask_for_norm"].as_array().cloned().unwrap_or_default();
    plan.preprocess.normalize_in_mask = masks.contains(&Value::Bool(true));
    if plan.preprocess.normalize_in_mask && masks.contains(&Value::Bool(false)) {
        unsupported
            .push("`use_mask_for_norm` per channel: segplan uses the mask for all z-scores or for none".to_owned());
    }
    for key in ["resampling_fn_data", "resampling_fn_seg", "resampling_fn_probabilities"] {
        if entry[key].as_str() != Some(RESAMPLING) {
            unsupported.push(format!("`{key}`: segplan does not have {}", entry[key]));
        }
    }
    let order = |key: &str| entry[key]["order"].as_u64().and_then(|order| u8::try_from(order).ok());
    let preprocess = &mut plan.preprocess;
    preprocess.image_order = order("resampling_fn_data_kwargs").unwrap_or(preprocess.image_order);
    preprocess.label_order = order("resampling_fn_seg_kwargs").unwrap_or(preprocess.label_order);
    let probability_order = order("resampling_fn_probabilities_kwargs");
    plan.predict.probability_order = probability_order.unwrap_or(plan.predict.probability_order);
    plan.preprocess.anisotropy_threshold = match entry["resampling_fn_data_kwargs"]["force_separate_z"].as_bool() {
        Some(false) => 0.0,
        Some(true) => {
            unsupported.push(
                "`force_separate_z`: segplan resamples the coarsest axis separately only if the spacings differ enough"
                    .to_owned(),
            );
            ANISOTROPY_THRESHOLD
        }
        None => ANISOTROPY_THRESHOLD,
    };
}
