//! A configuration of nnU-Net v2 as one of a plan.

use serde_json::Value;

use crate::nnunet::import::json::{numbers, whole};
use crate::nnunet::terms::PLAIN_UNET;
use crate::plan::rules::planner::{augmentation, dummy_2d_axis};
use crate::plan::schema::{AugmentationKind, Configuration, ConfigurationName, recipe};
use crate::volume::axes::permute_back;
use crate::volume::{Shape, Spacing};

/// One network.
///
/// # Errors
///
/// Why no plan can represent it.
pub(super) fn import_configuration(
    name: ConfigurationName,
    entry: &Value,
    axes: [usize; 3],
    unsupported: &mut Vec<String>,
) -> Result<Configuration, String> {
    let two_dimensional = name.is_2d();
    let network = &entry["architecture"]["arch_kwargs"];
    if entry["architecture"]["network_class_name"].as_str() != Some(PLAIN_UNET) {
        return Err("its network is not the plain U-Net".to_owned());
    }
    // A 2D network has two axes; `slices` is the value of the slice axis.
    let placed = |values: Vec<usize>, slices: usize| -> Option<[usize; 3]> {
        let all = if two_dimensional { [vec![slices], values].concat() } else { values };
        let all = <[usize; 3]>::try_from(all).ok()?;
        Some(if two_dimensional { all } else { permute_back(all, axes) })
    };
    let lengths = |key: &str| numbers(&entry[key], whole).ok_or_else(|| format!("`{key}` is not a list of integers"));
    let patch = placed(lengths("patch_size")?, 1).ok_or("`patch_size` has the wrong number of axes")?;
    let strides = network["strides"].as_array().ok_or("`strides` is not a list")?;
    let strides: Option<Vec<[usize; 3]>> = strides.iter().map(|stride| placed(numbers(stride, whole)?, 1)).collect();
    let strides = strides.ok_or("`strides` is not an integer per axis")?;
    if strides.iter().flatten().any(|stride| !(1..=2).contains(stride)) || strides.first() != Some(&[1; 3]) {
        return Err(
            "its first stage has strides other than 1, or another stage has strides other than 1 or 2".to_owned()
        );
    }
    let pools = std::array::from_fn(|axis| strides.iter().filter(|stride| stride[axis] == 2).count());
    let mut spacing = numbers(&entry["spacing"], Value::as_f64).ok_or("`spacing` is not a list of numbers")?;
    if two_dimensional {
        // The axis across the slices is not resampled.
        spacing.insert(0, 0.0);
    }
    let spacing = <[f64; 3]>::try_from(spacing).map_err(|_| "`spacing` has the wrong number of axes")?;
    let mut median = numbers(&entry["median_image_size_in_voxels"], Value::as_f64)
        .ok_or("`median_image_size_in_voxels` is not a list of numbers")?;
    if two_dimensional {
        median.insert(0, 1.0);
    }
    let median =
        <[f64; 3]>::try_from(median).map_err(|_| "`median_image_size_in_voxels` has the wrong number of axes")?;
    let features = numbers(&network["features_per_stage"], whole).ok_or("`features_per_stage` is not a list")?;
    let patch_size = Shape(patch);
    let made = Configuration {
        spacing_mm: Spacing(permute_back(spacing, axes)),
        median_shape: Shape(permute_back(median, axes).map(|edge| edge.round() as usize)),
        slice_axis: if two_dimensional { axes[0] } else { 0 },
        patch_size,
        batch_size: whole(&entry["batch_size"]).ok_or("`batch_size` is not an integer")?,
        pool_depths: pools,
        strides: None,
        kernel_sizes: None,
        blocks_per_stage: None,
        decoder_blocks_per_stage: None,
        features_per_stage: features,
        batch_dice: entry["batch_dice"].as_bool().unwrap_or(false),
        augmentation: if two_dimensional { AugmentationKind::TwoD } else { augmentation(patch_size, &recipe::rules()) },
        dummy_2d_axis: if two_dimensional { None } else { dummy_2d_axis(patch_size, &recipe::rules()) },
    };
    if made.features_per_stage.len() != strides.len() || pools.into_iter().max().unwrap_or(0) + 1 != strides.len() {
        return Err("segplan needs a pooling along some axis at each stage, and one number of feature maps per stage"
            .to_owned());
    }
    if strides[1..] != made.downsampling_strides()[..] {
        unsupported.push(format!("order of poolings {strides:?}: segplan pools each axis at its last stages"));
    }
    differing_layers(network, two_dimensional, unsupported);
    Ok(made)
}

/// Layers in which the networks differ.
fn differing_layers(network: &Value, two_dimensional: bool, unsupported: &mut Vec<String>) {
    let all = |key: &str, expected: u64| {
        network[key].as_array().is_some_and(|counts| counts.iter().all(|count| count.as_u64() == Some(expected)))
    };
    if !all("n_conv_per_stage", 2) || !all("n_conv_per_stage_decoder", 2) {
        unsupported.push("number of convolutions per stage: segplan has two".to_owned());
    }
    let threes =
        |kernel: &Value| kernel.as_array().is_some_and(|edges| edges.iter().all(|edge| edge.as_u64() == Some(3)));
    if !network["kernel_sizes"].as_array().is_some_and(|kernels| kernels.iter().all(threes)) {
        let here = if two_dimensional { "3 × 3" } else { "3 × 3 × 3" };
        unsupported.push(format!("kernel sizes {}: segplan has {here}", network["kernel_sizes"]));
    }
}
