//! Parts of a plan that the files of nnU-Net v2 cannot represent.

use crate::nnunet::terms::ANISOTROPY_THRESHOLD;
use crate::plan::schema::{Average, ConfigurationName, Downsampling, Normalization, Plan, PreprocessingOrder};

/// Standard deviation of nnU-Net's tile weights, as a fraction of the patch size.
const SIGMA_FRACTION: f64 = 0.125;

/// Parts with which nnU-Net's networks would predict differently.
pub(super) fn inexact(plan: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    let mut note = |differs: bool, what: String| {
        if differs {
            found.push(what);
        }
    };
    let max_pool = plan.network.downsampling == Downsampling::MaxPool;
    note(max_pool, "`network.downsampling` = \"max_pool\": nnU-Net v2 uses strided convolutions".to_owned());
    let resample_first = plan.preprocess.order == PreprocessingOrder::ResampleFirst;
    note(resample_first, "`preprocess.order` = \"resample_first\": nnU-Net v2 normalises first".to_owned());
    let ratio = plan.preprocess.anisotropy_threshold;
    let is_usual = ratio <= 0.0 || (ratio - ANISOTROPY_THRESHOLD).abs() < f64::EPSILON;
    let always = format!("`preprocess.anisotropy_threshold` = {ratio}: nnU-Net v2 always uses {ANISOTROPY_THRESHOLD}");
    note(!is_usual, always);
    let probabilities = plan.predict.average == Average::Probabilities;
    note(probabilities, "`predict.average` = \"probabilities\": nnU-Net v2 averages logits".to_owned());
    let sigma = plan.predict.gaussian_sigma_fraction;
    let is_usual = (sigma - SIGMA_FRACTION).abs() < f64::EPSILON;
    note(!is_usual, format!("`predict.gaussian_sigma_fraction` = {sigma}: nnU-Net v2 always uses {SIGMA_FRACTION}"));
    let labels: Vec<u8> = plan.data.labels.keys().copied().collect();
    let is_consecutive = labels.iter().zip(1..).all(|(&label, expected)| label == expected);
    note(!is_consecutive, format!("labels {labels:?}: nnU-Net v2 requires consecutive ones from 1"));
    let (full, cascade) = (ConfigurationName::FullRes, ConfigurationName::Cascade);
    let pair = plan.configurations.get(&full).zip(plan.configurations.get(&cascade));
    note(
        pair.is_some_and(|(full, cascade)| full != cascade),
        "`configurations.3d_cascade`, as far as it differs from `3d_fullres`: nnU-Net's inherits from that".to_owned(),
    );
    found
}

/// Other parts.
pub(super) fn absent(plan: &Plan) -> Vec<String> {
    let mut absent = vec![
        "`[train]`, `[loss]` and `[augment]`: nnU-Net v2 defines them in the code of its trainer, with deep supervision and SGD"
            .to_owned(),
        "other keys of `[predict]`, and `[postprocess]`: nnU-Net v2 defines them elsewhere".to_owned(),
        "`[run]` and `[split]`: a run writes its folds to `splits_final.json`; seeds are not exported".to_owned(),
    ];
    if plan.preprocess.normalization_scheme.contains(&Normalization::Ct) {
        absent.push("`min`, `max` and `median` of the intensities: plans do not contain them, and `CTNormalization` does not use them".to_owned());
    }
    absent
}
