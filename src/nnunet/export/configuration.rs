//! A configuration of a plan in nnU-Net v2.

use serde_json::{Value, json};

use crate::nnunet::terms::{PLAIN_UNET, RESAMPLING, RESIDUAL_UNET, nnunet_name, scheme_name};
use crate::plan::schema::{Configuration, ConfigurationName, EncoderBlock, Normalization, Plan};
use crate::volume::axes::{permute, permute_back, slice_first};

/// Edges in the order of a configuration's `patch_size` to those in nnU-Net's order, without the slice axis in 2D.
struct AxesOfPatch {
    own: [usize; 3],
    nnunet: [usize; 3],
    first: usize,
}

impl AxesOfPatch {
    fn export(&self, edges: [usize; 3]) -> Vec<usize> {
        permute(permute_back(edges, self.own), self.nnunet)[self.first..].to_vec()
    }
}

/// One configuration. `axes` is the order of the image's axes in nnU-Net's preprocessed cases.
pub(super) fn export_configuration(
    plan: &Plan,
    name: ConfigurationName,
    network: &Configuration,
    axes: [usize; 3],
) -> Value {
    // There, the second stage of the cascade inherits from the network at full resolution.
    if name == ConfigurationName::Cascade && plan.configurations.contains_key(&ConfigurationName::FullRes) {
        return json!({ "inherits_from": "3d_fullres", "previous_stage": "3d_lowres" });
    }
    let first = usize::from(name.is_2d());
    let of_patch = AxesOfPatch { own: slice_first(network.slice_axis), nnunet: axes, first };
    let preprocess = &plan.preprocess;
    let separate = if preprocess.anisotropy_threshold > 0.0 { Value::Null } else { json!(false) };
    let resampled = |labels: bool, order: u8| json!({ "is_seg": labels, "order": order, "order_z": 0, "force_separate_z": separate });
    let schemes: Vec<&str> = preprocess.normalization_scheme.iter().map(|scheme| scheme_name(*scheme)).collect();
    let masked: Vec<bool> = preprocess
        .normalization_scheme
        .iter()
        .map(|scheme| *scheme == Normalization::ZScore && preprocess.normalize_in_mask)
        .collect();
    let mut made = json!({
        "data_identifier": format!("nnUNetPlans_{}", nnunet_name(name)),
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": network.batch_size,
        "patch_size": of_patch.export(network.patch_size.0),
        "median_image_size_in_voxels": permute(network.median_shape.0, axes)[first..],
        "spacing": permute(network.spacing_mm.0, axes)[first..],
        "normalization_schemes": schemes,
        "use_mask_for_norm": masked,
        "resampling_fn_data": RESAMPLING,
        "resampling_fn_data_kwargs": resampled(false, preprocess.image_order),
        "resampling_fn_seg": RESAMPLING,
        "resampling_fn_seg_kwargs": resampled(true, preprocess.label_order),
        "resampling_fn_probabilities": RESAMPLING,
        "resampling_fn_probabilities_kwargs": resampled(false, plan.predict.probability_order),
        "batch_dice": network.batch_dice,
    });
    made["architecture"] = architecture(plan, network, &of_patch);
    if name == ConfigurationName::LowRes && plan.configurations.contains_key(&ConfigurationName::Cascade) {
        made["next_stage"] = json!(nnunet_name(ConfigurationName::Cascade));
    }
    if let Some(previous) = name.first_stage() {
        made["previous_stage"] = json!(nnunet_name(previous));
    }
    made
}

/// The U-Net with strided convolutions.
fn architecture(plan: &Plan, network: &Configuration, of_patch: &AxesOfPatch) -> Value {
    let stages = network.resolutions();
    let rank = 3 - of_patch.first;
    let strides = std::iter::once([1; 3]).chain(network.downsampling_strides());
    let strides: Vec<Vec<usize>> = strides.map(|stride| of_patch.export(stride)).collect();
    let kernels: Vec<Vec<usize>> = network.kernels().into_iter().map(|kernel| of_patch.export(kernel)).collect();
    let (class, blocks) = match plan.network.block {
        EncoderBlock::Plain => (PLAIN_UNET, "n_conv_per_stage"),
        EncoderBlock::Residual => (RESIDUAL_UNET, "n_blocks_per_stage"),
    };
    // nnU-Net's decoder counts from the coarsest resolution.
    let decoder: Vec<usize> = network.decoder_blocks().into_iter().rev().collect();
    json!({
        "network_class_name": class,
        "arch_kwargs": {
            "n_stages": stages,
            "features_per_stage": network.features_per_stage,
            "conv_op": format!("torch.nn.modules.conv.Conv{rank}d"),
            "kernel_sizes": kernels,
            "strides": strides,
            blocks: network.encoder_blocks(),
            "n_conv_per_stage_decoder": decoder,
            "conv_bias": true,
            "norm_op": format!("torch.nn.modules.instancenorm.InstanceNorm{rank}d"),
            "norm_op_kwargs": { "eps": plan.network.instance_norm_eps, "affine": true },
            "dropout_op": null,
            "dropout_op_kwargs": null,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": { "negative_slope": plan.network.leaky_relu_slope, "inplace": true },
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    })
}
