//! A configuration of nnU-Net v2 as one of a plan.

use serde_json::Value;

use crate::nnunet::import::architecture::Architecture;
use crate::nnunet::import::json::{numbers, whole};
use crate::plan::rules::planner::{augmentation, dummy_2d_axis};
use crate::plan::schema::{AugmentationKind, Configuration, ConfigurationName, recipe};
use crate::volume::axes::permute_back;
use crate::volume::{Shape, Spacing};

/// One network. `axes` is the order of the image's axes in nnU-Net's preprocessed cases, and so in `patch_size`.
///
/// # Errors
///
/// Why no plan can represent it.
pub(super) fn import_configuration(
    name: ConfigurationName,
    entry: &Value,
    axes: [usize; 3],
    network: Architecture,
) -> Result<Configuration, String> {
    let is_2d = name.is_2d();
    let patch_size = numbers(&entry["patch_size"], whole).ok_or("`patch_size` is not a list of integers")?;
    let patch_size = Shape(all_axes(patch_size, is_2d, 1).ok_or("`patch_size` has the wrong number of axes")?);
    let per_stage = |edges: Vec<Vec<usize>>, key: &str| {
        let all: Option<Vec<[usize; 3]>> = edges.into_iter().map(|edges| all_axes(edges, is_2d, 1)).collect();
        all.ok_or_else(|| format!("`{key}` has the wrong number of axes"))
    };
    let strides = per_stage(network.strides, "strides")?;
    if strides.first() != Some(&[1; 3]) {
        return Err("the first stage of its network has strides other than 1".to_owned());
    }
    // The axis across the slices of a 2D network is not resampled.
    let in_image_axes = |key: &str, slice: f64| {
        let values = numbers(&entry[key], Value::as_f64).and_then(|values| all_axes(values, is_2d, slice));
        values.map(|values| permute_back(values, axes)).ok_or_else(|| format!("`{key}` is not a number per axis"))
    };
    let made = Configuration {
        spacing_mm: Spacing(in_image_axes("spacing", 0.0)?),
        median_shape: Shape(
            in_image_axes("median_image_size_in_voxels", 1.0)?.map(|edge| edge.round().max(1.0) as usize),
        ),
        slice_axis: axes[0],
        patch_size,
        batch_size: whole(&entry["batch_size"]).ok_or("`batch_size` is not an integer")?,
        pool_depths: std::array::from_fn(|axis| strides.iter().filter(|stride| stride[axis] > 1).count()),
        strides: Some(strides),
        kernel_sizes: Some(per_stage(network.kernels, "kernel_sizes")?),
        blocks_per_stage: Some(network.encoder_blocks),
        decoder_blocks_per_stage: Some(network.decoder_blocks),
        features_per_stage: network.features,
        batch_dice: entry["batch_dice"].as_bool().unwrap_or(false),
        augmentation: if is_2d { AugmentationKind::TwoD } else { augmentation(patch_size, &recipe::rules()) },
        dummy_2d_axis: if is_2d { None } else { dummy_2d_axis(patch_size, &recipe::rules()) },
    };
    Ok(without_usual_values(made))
}

/// Values of all three axes: a 2D network lacks that of the slice axis, which comes first.
fn all_axes<T: Copy>(mut values: Vec<T>, is_2d: bool, slice: T) -> Option<[T; 3]> {
    if is_2d {
        values.insert(0, slice);
    }
    values.try_into().ok()
}

/// Leaves out the lists that are those of a configuration without them. Strides stay: they show that the rules of 2018 did not plan it.
fn without_usual_values(made: Configuration) -> Configuration {
    let short =
        Configuration { kernel_sizes: None, blocks_per_stage: None, decoder_blocks_per_stage: None, ..made.clone() };
    Configuration {
        kernel_sizes: made.kernel_sizes.clone().filter(|_| made.kernels() != short.kernels()),
        blocks_per_stage: made.blocks_per_stage.clone().filter(|_| made.encoder_blocks() != short.encoder_blocks()),
        decoder_blocks_per_stage: made
            .decoder_blocks_per_stage
            .clone()
            .filter(|_| made.decoder_blocks() != short.decoder_blocks()),
        ..made
    }
}
