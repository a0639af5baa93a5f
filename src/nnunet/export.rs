//! From a plan to the files of nnU-Net v2.

use serde_json::{Map, Value, json};

use crate::nnunet::terms::{ANISOTROPY_THRESHOLD, PLAIN_UNET, RESAMPLING, nnunet_name};
use crate::plan::schema::{Configuration, ConfigurationName, Normalization, Plan};
use crate::volume::axes::{permute, permute_back, slice_first};
use crate::volume::io::format::DEFAULT_ENDING;

/// A plan in the files of nnU-Net v2.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// `nnUNetPlans.json`.
    pub plans: Value,
    /// `dataset.json`.
    pub dataset: Value,
    /// Parts of the plan that these files cannot represent.
    pub unsupported: Vec<String>,
}

/// The files of nnU-Net v2 for a plan.
pub fn export(plan: &Plan) -> Exported {
    let data = &plan.data;
    // nnU-Net reorders the axes of all images in the same way; it only matters for the slices of a 2D network.
    let slices = plan.configurations.get(&ConfigurationName::TwoD).map_or(0, |network| network.slice_axis);
    let axes = slice_first(slices);
    let name = dataset_name(&data.dataset);
    let configurations: Map<String, Value> = plan
        .configurations
        .iter()
        .map(|(name, network)| (nnunet_name(*name).to_owned(), configuration(plan, *name, network, axes)))
        .collect();
    let intensities: Map<String, Value> = plan
        .preprocess
        .intensities
        .iter()
        .enumerate()
        .map(|(channel, known)| {
            let (low, high) = (known.p00_5, known.p99_5);
            let entry = json!({ "mean": known.mean, "std": known.sd, "percentile_00_5": low, "percentile_99_5": high });
            (channel.to_string(), entry)
        })
        .collect();
    let plans = json!({
        "dataset_name": name,
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": permute(data.median_spacing_mm.0, axes),
        "original_median_shape_after_transp": permute(data.median_shape, axes).map(|edge| edge.round() as u64),
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": axes,
        "transpose_backward": permute_back([0, 1, 2], axes),
        "configurations": configurations,
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": intensities,
    });
    let channels: Map<String, Value> =
        data.channels.iter().enumerate().map(|(at, channel)| (at.to_string(), json!(channel))).collect();
    let foreground = data.labels.iter().map(|(label, name)| (name.clone(), json!(label)));
    let labels: Map<String, Value> = std::iter::once(("background".to_owned(), json!(0))).chain(foreground).collect();
    let dataset = json!({
        "name": name,
        "channel_names": channels,
        "labels": labels,
        "numTraining": data.cases,
        "file_ending": DEFAULT_ENDING,
    });
    Exported { plans, dataset, unsupported: unsupported(plan) }
}

/// `Dataset004_Hippocampus` for `Task04_Hippocampus`.
fn dataset_name(name: &str) -> String {
    let task = name.strip_prefix("Task").and_then(|rest| rest.split_once('_'));
    let number = task.and_then(|(number, rest)| Some((number.parse::<u32>().ok()?, rest)));
    number.map_or_else(|| name.to_owned(), |(number, rest)| format!("Dataset{number:03}_{rest}"))
}

fn configuration(plan: &Plan, name: ConfigurationName, network: &Configuration, axes: [usize; 3]) -> Value {
    // There, the second stage of the cascade inherits from the network at full resolution.
    if name == ConfigurationName::Cascade && plan.configurations.contains_key(&ConfigurationName::FullRes) {
        return json!({ "inherits_from": "3d_fullres", "previous_stage": "3d_lowres" });
    }
    // Patch size and pool depths have the slice axis first; in nnU-Net's order, everything has.
    let patch_axes = slice_first(network.slice_axis);
    let from_patch = |values: [usize; 3]| permute(permute_back(values, patch_axes), axes);
    let first = usize::from(name.is_2d());
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
        "patch_size": from_patch(network.patch_size.0)[first..],
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
    made["architecture"] = architecture(plan, network, first, &from_patch);
    if name == ConfigurationName::LowRes && plan.configurations.contains_key(&ConfigurationName::Cascade) {
        made["next_stage"] = json!(nnunet_name(ConfigurationName::Cascade));
    }
    made
}

fn scheme_name(scheme: Normalization) -> &'static str {
    match scheme {
        Normalization::Ct => "CTNormalization",
        Normalization::ZScore => "ZScoreNormalization",
        Normalization::None => "NoNormalization",
        Normalization::RescaleTo01 => "RescaleTo01Normalization",
        Normalization::RgbTo01 => "RGBTo01Normalization",
    }
}

/// The plain U-Net with two convolutions per resolution. `first` is the first axis that it works on.
fn architecture(
    plan: &Plan,
    network: &Configuration,
    first: usize,
    from_patch: &dyn Fn([usize; 3]) -> [usize; 3],
) -> Value {
    let stages = network.features_per_stage.len();
    let rank = 3 - first;
    let strides = std::iter::once([1; 3]).chain(network.downsampling_strides());
    let strides: Vec<Vec<usize>> = strides.map(|stride| from_patch(stride)[first..].to_vec()).collect();
    json!({
        "network_class_name": PLAIN_UNET,
        "arch_kwargs": {
            "n_stages": stages,
            "features_per_stage": network.features_per_stage,
            "conv_op": format!("torch.nn.modules.conv.Conv{rank}d"),
            "kernel_sizes": vec![vec![3; rank]; stages],
            "strides": strides,
            "n_conv_per_stage": vec![2; stages],
            "n_conv_per_stage_decoder": vec![2; stages - 1],
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

fn unsupported(plan: &Plan) -> Vec<String> {
    let mut unsupported = vec![
        "downsampling: nnU-Net v2 uses strided convolutions, segplan max-pooling".to_owned(),
        "`[train]`, `[loss]` and `[augment]`: nnU-Net v2 defines them in the code of its trainer, with deep supervision and SGD"
            .to_owned(),
        "`[predict]` except for `probability_order`, and `[postprocess]`: nnU-Net v2 defines them elsewhere"
            .to_owned(),
        "`[run]` and `[split]`: a run writes its folds to `splits_final.json`; seeds are not exported".to_owned(),
    ];
    let ratio = plan.preprocess.anisotropy_threshold;
    if ratio > 0.0 && (ratio - ANISOTROPY_THRESHOLD).abs() > f64::EPSILON {
        unsupported.push(format!(
            "`preprocess.anisotropy_threshold` = {ratio}: nnU-Net v2 always uses {ANISOTROPY_THRESHOLD}"
        ));
    }
    let (full, cascade) = (ConfigurationName::FullRes, ConfigurationName::Cascade);
    let pair = plan.configurations.get(&full).zip(plan.configurations.get(&cascade));
    if pair.is_some_and(|(full, cascade)| full != cascade) {
        unsupported.push(
            "`configurations.3d_cascade`, as far as it differs from `3d_fullres`: nnU-Net's inherits from that"
                .to_owned(),
        );
    }
    if plan.preprocess.normalization_scheme.contains(&Normalization::Ct) {
        unsupported.push("`min`, `max` and `median` of the intensities: plans do not contain them, and `CTNormalization` does not use them".to_owned());
    }
    unsupported
}
