//! Data, split and preprocessing.

use crate::plan::schema::{ConfigurationName, Normalization, Plan, PreprocessingOrder, Split};
use crate::report::record::RunRecord;
use crate::report::text::methods::phrases::{count_in_words, interpolation, join_and, millimetres};
use crate::units::{counted, plural};

/// Training cases, channels, classes and folds.
pub(super) fn describe_data(plan: &Plan) -> String {
    let data = &plan.data;
    let classes: Vec<&String> = data.labels.values().collect();
    format!(
        "The data were the {} of {} ({}: {}; {} {}: {}; median spacing {}, z × y × x){}, split at random into {} {} by {}.",
        counted(data.cases, "training case"),
        data.dataset,
        plural(data.channels.len(), "channel"),
        join_and(&data.channels),
        count_in_words(classes.len()),
        plural(classes.len(), "class"),
        join_and(&classes),
        millimetres(data.median_spacing_mm.0),
        describe_excluded(plan),
        count_in_words(plan.split.folds),
        plural(plan.split.folds, "fold"),
        describe_split(&plan.split)
    )
}

/// Excluded training cases; empty without any.
pub(super) fn describe_excluded(plan: &Plan) -> String {
    let excluded = &plan.data.exclude;
    if excluded.is_empty() {
        return String::new();
    }
    format!(", after the exclusion of {} ({})", counted(excluded.len(), "case"), excluded.join(", "))
}

/// `case (seed 12345)`, or `patient (…)`
pub(super) fn describe_split(split: &Split) -> String {
    if split.patient_pattern.is_empty() {
        format!("case (seed {})", split.seed)
    } else {
        format!(
            "patient (seed {}; patients were identified by the regular expression `{}` in the names of the cases)",
            split.seed, split.patient_pattern
        )
    }
}

/// Cropping, resampling and normalisation.
pub(super) fn describe_preprocessing(record: &RunRecord) -> String {
    let plan = &record.plan;
    format!(
        "Images were cropped to their non-zero region{} and resampled to the spacing of each configuration ({}; labels: {}){}. {}",
        match plan.preprocess.order {
            PreprocessingOrder::ResampleFirst => "",
            PreprocessingOrder::NormalizeFirst => ", normalised on their own grid",
        },
        interpolation(plan.preprocess.image_order),
        interpolation(plan.preprocess.label_order),
        describe_anisotropy(record),
        describe_normalization(plan)
    )
}

/// Separate resampling of the coarsest axis; empty if no case needs it.
fn describe_anisotropy(record: &RunRecord) -> String {
    let threshold = record.plan.preprocess.anisotropy_threshold;
    let is_anisotropic = |[z, y, x]: [f64; 3]| {
        let smallest = z.min(y).min(x);
        smallest > 0.0 && z.max(y).max(x) / smallest > threshold
    };
    let targets = record.configurations().iter().map(|name| record.plan.configurations[name].spacing_mm.0);
    let mut spacings = record.cases.iter().map(|case| case.spacing.0).chain(targets);
    // Without the fingerprint, the spacings of the cases are unknown.
    let applies = threshold > 0.0 && (record.cases.is_empty() || spacings.any(is_anisotropic));
    if !applies {
        return String::new();
    }
    format!(
        "; where the largest spacing exceeded the smallest by more than a factor of {threshold}, the coarsest axis was resampled \
         separately by nearest neighbour"
    )
}

/// The schemes in the order in which they are described.
const DESCRIBED: [Normalization; 5] =
    [Normalization::ZScore, Normalization::Ct, Normalization::RescaleTo01, Normalization::RgbTo01, Normalization::None];

pub(super) fn describe_normalization(plan: &Plan) -> String {
    let schemes = &plan.preprocess.normalization_scheme;
    let mut sentences = Vec::new();
    for scheme in DESCRIBED {
        let channels = plan.data.channels.iter().zip(schemes).filter(|(_, own)| **own == scheme);
        let channels: Vec<&String> = channels.map(|(channel, _)| channel).collect();
        if channels.is_empty() {
            continue;
        }
        let subject = if channels.len() == schemes.len() {
            "Intensities were".to_owned()
        } else {
            format!("Intensities of {} were", join_and(&channels))
        };
        sentences.push(format!("{subject} {}.", describe_scheme(scheme, plan.preprocess.normalize_in_mask)));
    }
    sentences.join(" ")
}

fn describe_scheme(scheme: Normalization, in_mask: bool) -> &'static str {
    match (scheme, in_mask) {
        (Normalization::ZScore, false) => "z-score normalised per image",
        (Normalization::ZScore, true) => {
            "z-score normalised per image within its non-zero mask, and set to zero elsewhere"
        }
        (Normalization::Ct, _) => {
            "clipped to the 0.5 and 99.5 percentiles of the foreground voxels of the training cases, and normalised by their \
             mean and standard deviation"
        }
        (Normalization::RescaleTo01, _) => "rescaled to the range from 0 to 1 per image",
        (Normalization::RgbTo01, _) => "divided by 255",
        (Normalization::None, _) => "not normalised",
    }
}

/// The target spacing of a configuration.
pub(super) fn describe_spacing(plan: &Plan, name: ConfigurationName) -> String {
    let configuration = &plan.configurations[&name];
    let spacing = configuration.spacing_mm.0;
    if spacing.contains(&0.0) {
        let in_plane = spacing.into_iter().filter(|&edge| edge > 0.0).map(|edge| format!("{edge:.2}"));
        let mut in_plane: Vec<String> = in_plane.collect();
        in_plane.dedup();
        if in_plane.is_empty() {
            "the spacing of each case".to_owned()
        } else {
            format!("an in-plane spacing of {} mm", in_plane.join(" × "))
        }
    } else {
        format!("a spacing of {}", millimetres(spacing))
    }
}
