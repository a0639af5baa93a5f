//! Configurations as nnU-Net 2.0 to 2.2.1 wrote them.
//!
//! Source: nnU-Net v2 (`nnunetv2` 2.8.1), `plans_handler.py`.

use serde_json::{Value, json};

use crate::nnunet::terms::{PLAIN_UNET, RESIDUAL_UNET};

/// A configuration with `architecture`, computed from the older entries if it lacks that. Without those, it is unchanged.
pub(super) fn with_architecture(mut entry: Value) -> Value {
    if entry["architecture"].is_null()
        && let Some(architecture) = architecture(&entry)
    {
        entry["architecture"] = architecture;
    }
    entry
}

fn architecture(entry: &Value) -> Option<Value> {
    let name = entry["UNet_class_name"].as_str()?;
    let (class, blocks) = match name {
        "PlainConvUNet" => (PLAIN_UNET, "n_conv_per_stage"),
        "ResidualEncoderUNet" => (RESIDUAL_UNET, "n_blocks_per_stage"),
        other => (other, "n_conv_per_stage"),
    };
    let whole = |key: &str| usize::try_from(entry[key].as_u64()?).ok();
    let strides = entry["pool_op_kernel_sizes"].as_array()?;
    let (base, maximum) = (whole("UNet_base_num_features")?, whole("unet_max_num_features")?);
    let doubled = |stage: u32| base.saturating_mul(2_usize.saturating_pow(stage)).min(maximum);
    let features: Vec<usize> = (0..u32::try_from(strides.len()).ok()?).map(doubled).collect();
    let rank = entry["patch_size"].as_array()?.len();
    Some(json!({
        "network_class_name": class,
        "arch_kwargs": {
            "n_stages": strides.len(),
            "features_per_stage": features,
            "conv_op": format!("torch.nn.modules.conv.Conv{rank}d"),
            "kernel_sizes": entry["conv_kernel_sizes"],
            "strides": strides,
            blocks: entry["n_conv_per_stage_encoder"],
            "n_conv_per_stage_decoder": entry["n_conv_per_stage_decoder"],
            "conv_bias": true,
            "norm_op": format!("torch.nn.modules.instancenorm.InstanceNorm{rank}d"),
            "norm_op_kwargs": { "eps": 1e-5, "affine": true },
            "dropout_op": null,
            "dropout_op_kwargs": null,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": { "inplace": true },
        },
    }))
}
