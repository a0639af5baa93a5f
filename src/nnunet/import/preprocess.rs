//! The preprocessing and the resampling of predictions in a plan of nnU-Net v2.

use serde_json::Value;

use crate::nnunet::terms::{ANISOTROPY_THRESHOLD, RESAMPLING, scheme_name};
use crate::plan::schema::{Intensities, Normalization};

/// The preprocessing of nnU-Net's own planners.
const PREPROCESSOR: &str = "DefaultPreprocessor";
/// All normalisations.
const SCHEMES: [Normalization; 5] =
    [Normalization::Ct, Normalization::ZScore, Normalization::None, Normalization::RescaleTo01, Normalization::RgbTo01];

/// The settings that the networks of a plan share.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SharedPreprocessing {
    pub(super) schemes: Vec<Normalization>,
    pub(super) in_mask: bool,
    pub(super) image_order: u8,
    pub(super) label_order: u8,
    pub(super) probability_order: u8,
    pub(super) anisotropy_threshold: f64,
}

/// Reads the settings of a configuration, with the parts that segplan lacks.
pub(super) fn import_preprocessing(entry: &Value, channels: usize, inexact: &mut Vec<String>) -> SharedPreprocessing {
    let preprocessor = entry["preprocessor_name"].as_str().unwrap_or(PREPROCESSOR);
    if preprocessor != PREPROCESSOR {
        inexact.push(format!("`preprocessor_name`: segplan does not have `{preprocessor}`"));
    }
    let schemes = import_schemes(entry, channels, inexact);
    let in_mask = import_masks(entry, &schemes, inexact);
    let [image, label, probability] = ["data", "seg", "probabilities"].map(|of| import_resampling(entry, of, inexact));
    if image.is_separate != label.is_separate || image.is_separate != probability.is_separate {
        inexact.push("`force_separate_z` differs between images, labels and probabilities".to_owned());
    }
    SharedPreprocessing {
        schemes,
        in_mask,
        image_order: image.order,
        label_order: label.order,
        probability_order: probability.order,
        anisotropy_threshold: if image.is_separate { ANISOTROPY_THRESHOLD } else { 0.0 },
    }
}

/// Normalisation of each channel.
fn import_schemes(entry: &Value, channels: usize, inexact: &mut Vec<String>) -> Vec<Normalization> {
    let scheme = |channel: usize| {
        let name = entry["normalization_schemes"][channel].as_str().unwrap_or("none");
        SCHEMES.into_iter().find(|scheme| scheme_name(*scheme) == name).unwrap_or_else(|| {
            inexact.push(format!("normalisation of channel {channel}: `{name}` is replaced by \"z_score\""));
            Normalization::ZScore
        })
    };
    (0..channels).map(scheme).collect()
}

/// Whether z-scores are computed inside the mask. Other normalisations ignore the mask.
fn import_masks(entry: &Value, schemes: &[Normalization], inexact: &mut Vec<String>) -> bool {
    let z_scores = schemes.iter().enumerate().filter(|(_, scheme)| **scheme == Normalization::ZScore);
    let masks: Vec<bool> =
        z_scores.map(|(channel, _)| entry["use_mask_for_norm"][channel].as_bool().unwrap_or(false)).collect();
    let in_mask = masks.contains(&true);
    if in_mask && masks.contains(&false) {
        inexact.push(
            "`use_mask_for_norm` differs between channels: segplan uses the mask for all z-scores or for none"
                .to_owned(),
        );
    }
    in_mask
}

/// A resampling function.
struct Resampling {
    order: u8,
    /// Whether the coarsest axis is resampled separately if the spacings differ enough.
    is_separate: bool,
}

/// The resampling of `data`, `seg` or `probabilities`.
fn import_resampling(entry: &Value, of: &str, inexact: &mut Vec<String>) -> Resampling {
    let name = format!("resampling_fn_{of}");
    if entry[&name].as_str() != Some(RESAMPLING) {
        inexact.push(format!("`{name}`: segplan does not have {}", entry[&name]));
    }
    let settings = &entry[format!("{name}_kwargs")];
    let is_known = |order: &u64| matches!(order, 0 | 1 | 3);
    let (order, order_z) = (settings["order"].as_u64(), settings["order_z"].as_u64());
    if !order.as_ref().is_some_and(is_known) {
        inexact.push(format!("`{name}`: segplan does not have order {}", settings["order"]));
    }
    if order_z.is_some_and(|order| order != 0) {
        inexact.push(format!("`{name}`: segplan resamples a separate axis with order 0, not {}", settings["order_z"]));
    }
    let forced = settings["force_separate_z"].as_bool();
    if forced == Some(true) {
        inexact.push(format!(
            "`{name}`: segplan resamples the coarsest axis separately only if the spacings differ enough"
        ));
    }
    Resampling { order: order.filter(is_known).unwrap_or(1) as u8, is_separate: forced != Some(false) }
}

/// Foreground intensities of each channel; empty if one of them is missing.
pub(super) fn import_intensities(plans: &Value, channels: usize) -> Vec<Intensities> {
    // The second one is the name in nnU-Net 2.0.
    let names = ["foreground_intensity_properties_per_channel", "foreground_intensity_properties_by_modality"];
    let all = names.iter().find_map(|name| plans.get(*name)).unwrap_or(&Value::Null);
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
