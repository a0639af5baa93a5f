//! The settings that all networks of a plan share.

use crate::nnunet::import::architecture::SharedLayers;
use crate::nnunet::import::preprocess::SharedPreprocessing;
use crate::plan::schema::{Average, Downsampling, Intensities, Normalization, Plan, PreprocessingOrder, TileWeights};

/// Settings of a configuration of nnU-Net that a plan has once.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SharedSettings {
    pub(super) layers: SharedLayers,
    pub(super) preprocess: SharedPreprocessing,
}

/// Keys of the recipe that nnU-Net's files, or its code, decide on.
pub(super) const IMPORTED: [&str; 14] = [
    "preprocess.order",
    "preprocess.image_order",
    "preprocess.label_order",
    "preprocess.anisotropy_threshold",
    "network.leaky_relu_slope",
    "network.instance_norm_eps",
    "network.block",
    "network.downsampling",
    "network.upsampling_bias",
    "network.head_bias",
    "network.deep_supervision",
    "predict.tile_weights",
    "predict.average",
    "predict.probability_order",
];

impl SharedSettings {
    /// Sets them, and what all networks of nnU-Net v2 have in common. Intensities are left out unless a channel is normalised by them.
    ///
    /// Source: nnU-Net v2 (`nnunetv2` 2.8.1), `default_preprocessor.py`, `predict_from_raw_data.py`; `dynamic-network-architectures`
    /// 0.4.4, `unet_decoder.py`.
    pub(super) fn apply(self, plan: &mut Plan, intensities: Vec<Intensities>) {
        let Self { layers, preprocess } = self;
        plan.network.block = layers.block;
        plan.network.instance_norm_eps = layers.eps;
        plan.network.leaky_relu_slope = layers.slope;
        plan.network.downsampling = Downsampling::StridedConvolution;
        plan.network.upsampling_bias = true;
        plan.network.head_bias = true;
        plan.network.deep_supervision = true;
        plan.preprocess.order = PreprocessingOrder::NormalizeFirst;
        plan.preprocess.image_order = preprocess.image_order;
        plan.preprocess.label_order = preprocess.label_order;
        plan.preprocess.anisotropy_threshold = preprocess.anisotropy_threshold;
        plan.preprocess.normalize_in_mask = preprocess.in_mask;
        let needs_intensities = preprocess.schemes.contains(&Normalization::Ct);
        plan.preprocess.intensities = if needs_intensities { intensities } else { Vec::new() };
        plan.preprocess.normalization_scheme = preprocess.schemes;
        plan.predict.average = Average::Logits;
        plan.predict.tile_weights = TileWeights::Half;
        plan.predict.probability_order = preprocess.probability_order;
    }
}
