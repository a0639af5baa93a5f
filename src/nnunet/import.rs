//! From the files of nnU-Net v2 to a plan.

use std::collections::BTreeMap;

use serde_json::Value;
use thiserror::Error;

use crate::nnunet::{PLAIN_UNET, RESAMPLING, SEPARATE_Z_RATIO, axes_from, foreign_name, reordered};
use crate::network::topology::pool_kernels;
use crate::plan::make::{Planned, assemble, default_rules};
use crate::plan::rules::{Measured, augmentation, augmentation_axis};
use crate::plan::schema::{
    AugmentationKind, Configuration, ConfigurationName, Data, Generator, Intensities, Normalization, Plan,
};
use crate::plan::edit::file_text;
use crate::volume::{Shape, Spacing};

/// The files are not what nnU-Net v2 writes, or say what no plan can.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ImportError {
    /// An entry is missing, or is something else than expected.
    #[error("`{entry}` is not {expected}")]
    Entry {
        /// Where it is expected.
        entry: String,
        /// What is expected.
        expected: &'static str,
    },
    /// Labels that overlap.
    #[error("label `{name}` is a region of several labels; a plan has labels that exclude each other")]
    Region {
        /// The label.
        name: String,
    },
    /// There is no configuration that a plan could have.
    #[error("no configuration can be imported: {}", lost.join("; "))]
    Nothing {
        /// Why, for each of them.
        lost: Vec<String>,
    },
}

/// A plan of nnU-Net v2 as one of ours.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The plan.
    pub plan: Plan,
    /// The plan as text, with where each value comes from.
    pub text: String,
    /// What the files say and the plan cannot, or what the plan needs and the files do not say.
    pub lost: Vec<String>,
}

/// The plan `name` of `nnUNetPlans.json` and `dataset.json`. What only nnU-Net's trainer decides on is the defaults'.
///
/// # Errors
///
/// When the files lack what every plan needs, or no configuration can be expressed.
pub fn nnunet(name: &str, plans: &Value, dataset: &Value) -> Result<Imported, ImportError> {
    let mut lost = Vec::new();
    let data = data(plans, dataset, &mut lost)?;
    let axes = axes(plans)?;
    let mut networks = BTreeMap::new();
    let mut example = None;
    for known in ConfigurationName::ALL {
        let Some(entry) = resolved(plans, foreign_name(known)) else { continue };
        let mut unsaid = Vec::new();
        match configuration(known, &entry, axes, &mut unsaid) {
            Ok(network) => {
                networks.insert(known, network);
                example = example.or(Some(entry));
            }
            Err(reason) => unsaid.push(format!("left out: {reason}")),
        }
        lost.extend(unsaid.into_iter().map(|what| format!("`{}`: {what}", foreign_name(known))));
    }
    let foreign = plans["configurations"].as_object().into_iter().flat_map(|all| all.keys());
    let unknown =
        foreign.filter(|name| ConfigurationName::ALL.iter().all(|known| foreign_name(*known) != name.as_str()));
    lost.extend(unknown.map(|name| format!("`{name}`: left out: a plan has no configuration of this name")));
    let Some(entry) = example.filter(|_| !networks.is_empty()) else { return Err(ImportError::Nothing { lost }) };
    let measured = Measured { cases: data.cases, spacing: data.median_spacing_mm, median: data.median_shape };
    let normalization = normalization(&entry, data.channels.len(), &mut lost);
    let intensities = intensities(plans, data.channels.len());
    let mut planned = assemble(name, data, &measured, normalization, intensities, &default_rules());
    planned.plan.configurations = networks;
    let single = |name: &&ConfigurationName| matches!(name, ConfigurationName::TwoD | ConfigurationName::FullRes);
    planned.plan.run.configurations = planned.plan.configurations.keys().filter(single).copied().collect();
    if planned.plan.run.configurations.is_empty() {
        planned.plan.run.configurations = planned.plan.configurations.keys().copied().collect();
    }
    preprocess(&mut planned.plan, &entry, &mut lost);
    lost.push(
        "training, loss and augmentation: the plan has those of 2018, not those of nnU-Net v2's trainer".to_owned(),
    );
    lost.push("the networks: segplan downsamples by max-pooling, nnU-Net v2 by strided convolutions".to_owned());
    let text = written(&planned, &lost);
    Ok(Imported { plan: planned.plan, text, lost })
}

fn written(planned: &Planned, lost: &[String]) -> String {
    let plan = &planned.plan;
    let mut header = format!(
        "Experiment `{}`: imported from the plans of nnU-Net v2 for {}.\nRun it:    segplan run FILE\n\
         Change it: this file is yours; every number below is used as it stands here.\nNot taken over:",
        plan.name, plan.data.dataset
    );
    for what in lost {
        header.push_str("\n* ");
        header.push_str(what);
    }
    let mut reasons = planned.reasons.clone();
    // These reasons are the planner's, and these numbers are not.
    reasons.retain(|key, _| !key.starts_with("configurations.") && !key.starts_with("preprocess."));
    for key in ["data.cropped_fraction", "data.single_component_labels"] {
        reasons.insert(key.to_owned(), "Not in the files of nnU-Net v2; `segplan plan` measures it.".to_owned());
    }
    for name in plan.configurations.keys() {
        let here = format!("From `{}` of the plans of nnU-Net v2.", foreign_name(*name));
        reasons.insert(format!("configurations.{name}.spacing_mm"), format!("{here} Voxels' edges, mm, [z, y, x]."));
        let patch = "Voxels, [z, y, x] with the axis of the slices first.".to_owned();
        reasons.insert(format!("configurations.{name}.patch_size"), patch);
    }
    file_text(plan, &header, &reasons)
}

/// A configuration with what it inherits.
fn resolved(plans: &Value, name: &str) -> Option<Value> {
    let all = plans["configurations"].as_object()?;
    let mut entry = all.get(name)?.clone();
    // As many steps as there are configurations: heirs in a circle end there.
    for _ in 0..all.len() {
        let Some(parent) = entry["inherits_from"].as_str().and_then(|parent| all.get(parent)) else { break };
        let mut merged = parent.clone();
        let (Some(into), Some(own)) = (merged.as_object_mut(), entry.as_object()) else { break };
        into.extend(
            own.iter().filter(|(key, _)| *key != "inherits_from").map(|(key, value)| (key.clone(), value.clone())),
        );
        entry = merged;
    }
    Some(entry)
}

fn wrong(entry: &str, expected: &'static str) -> ImportError {
    ImportError::Entry { entry: entry.to_owned(), expected }
}

fn numbers<T: Copy + Default>(value: &Value, read: fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_array()?.iter().map(read).collect()
}

fn whole(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}

fn axes(plans: &Value) -> Result<[usize; 3], ImportError> {
    let written = numbers(&plans["transpose_forward"], whole).and_then(|axes| <[usize; 3]>::try_from(axes).ok());
    written
        .filter(|axes| axes[0] < 3 && *axes == axes_from(axes[0]))
        .ok_or_else(|| wrong("transpose_forward", "an order of three axes in which only the first one has been moved"))
}

fn data(plans: &Value, dataset: &Value, lost: &mut Vec<String>) -> Result<Data, ImportError> {
    let axes = axes(plans)?;
    let three = |key: &'static str| {
        let found = numbers(&plans[key], Value::as_f64).and_then(|found| <[f64; 3]>::try_from(found).ok());
        found.map(|found| reordered(found, axes)).ok_or_else(|| wrong(key, "a list of three numbers"))
    };
    let named = dataset.get("channel_names").or_else(|| dataset.get("modality"));
    let channels = named.and_then(Value::as_object).ok_or_else(|| wrong("channel_names", "a table of channels"))?;
    let mut numbered: Vec<(usize, String)> =
        channels.iter().filter_map(|(number, name)| Some((number.parse().ok()?, name.as_str()?.to_owned()))).collect();
    numbered.sort();
    let labels = dataset["labels"].as_object().ok_or_else(|| wrong("labels", "a table of labels"))?;
    let mut foreground = BTreeMap::new();
    for (name, value) in labels {
        if name == "ignore" {
            lost.push("label `ignore`: a plan has no voxels that do not count".to_owned());
            continue;
        }
        if value.is_array() {
            return Err(ImportError::Region { name: name.clone() });
        }
        let label = value.as_u64().and_then(|label| u8::try_from(label).ok());
        match label.ok_or_else(|| wrong(&format!("labels.{name}"), "a whole number from 0 to 255"))? {
            0 => (),
            label => _ = foreground.insert(label, name.clone()),
        }
    }
    lost.push(
        "`data.cropped_fraction` and `data.single_component_labels` are not in the files: `segplan plan` measures them"
            .to_owned(),
    );
    Ok(Data {
        dataset: plans["dataset_name"].as_str().ok_or_else(|| wrong("dataset_name", "a text"))?.to_owned(),
        channels: numbered.into_iter().map(|(_, name)| name).collect(),
        labels: foreground,
        exclude: Vec::new(),
        cases: whole(&dataset["numTraining"]).ok_or_else(|| wrong("numTraining", "a whole number"))?,
        median_spacing_mm: Spacing(three("original_median_spacing_after_transp")?),
        median_shape: three("original_median_shape_after_transp")?,
        cropped_fraction: 1.0,
        single_component_labels: Vec::new(),
        generator: Generator::None,
    })
}

/// One network, or what of it no plan can say.
fn configuration(
    name: ConfigurationName,
    entry: &Value,
    axes: [usize; 3],
    lost: &mut Vec<String>,
) -> Result<Configuration, String> {
    let two_dimensional = name == ConfigurationName::TwoD;
    let network = &entry["architecture"]["arch_kwargs"];
    if entry["architecture"]["network_class_name"].as_str() != Some(PLAIN_UNET) {
        return Err("its network is not the plain U-Net".to_owned());
    }
    // A 2D network has two axes; the slices' axis gets what leaves it alone.
    let placed = |values: Vec<usize>, slices: usize| -> Option<[usize; 3]> {
        let all = if two_dimensional { [vec![slices], values].concat() } else { values };
        let all = <[usize; 3]>::try_from(all).ok()?;
        Some(if two_dimensional { all } else { reordered(all, axes) })
    };
    let lengths =
        |key: &str| numbers(&entry[key], whole).ok_or_else(|| format!("`{key}` is not a list of whole numbers"));
    let patch = placed(lengths("patch_size")?, 1).ok_or("`patch_size` has another number of axes")?;
    let strides = network["strides"].as_array().ok_or("`strides` is not a list")?;
    let strides: Option<Vec<[usize; 3]>> = strides.iter().map(|stride| placed(numbers(stride, whole)?, 1)).collect();
    let strides = strides.ok_or("`strides` are not whole numbers for each axis")?;
    if strides.iter().flatten().any(|stride| !(1..=2).contains(stride)) || strides.first() != Some(&[1; 3]) {
        return Err("its strides are others than 1, and 2 behind the first stage".to_owned());
    }
    let pools = std::array::from_fn(|axis| strides.iter().filter(|stride| stride[axis] == 2).count());
    let mut spacing = numbers(&entry["spacing"], Value::as_f64).ok_or("`spacing` is not a list of numbers")?;
    if two_dimensional {
        // Slices are not resampled across.
        spacing.insert(0, 0.0);
    }
    let spacing = <[f64; 3]>::try_from(spacing).map_err(|_| "`spacing` has another number of axes")?;
    let mut median = numbers(&entry["median_image_size_in_voxels"], Value::as_f64).ok_or("no median size")?;
    if two_dimensional {
        median.insert(0, 1.0);
    }
    let median = <[f64; 3]>::try_from(median).map_err(|_| "the median size has another number of axes")?;
    let features = numbers(&network["features_per_stage"], whole).ok_or("`features_per_stage` is not a list")?;
    let patch_size = Shape(patch);
    let made = Configuration {
        spacing_mm: Spacing(reordered(spacing, axes)),
        median_shape: Shape(reordered(median, axes).map(|edge| edge.round() as usize)),
        slice_axis: if two_dimensional { axes[0] } else { 0 },
        patch_size,
        batch_size: whole(&entry["batch_size"]).ok_or("`batch_size` is not a whole number")?,
        pool_depths: pools,
        features_per_stage: features,
        batch_dice: entry["batch_dice"].as_bool().unwrap_or(false),
        augmentation: if two_dimensional { AugmentationKind::TwoD } else { augmentation(patch_size, &default_rules()) },
        dummy_2d_axis: if two_dimensional { None } else { augmentation_axis(patch_size, &default_rules()) },
    };
    if made.features_per_stage.len() != strides.len() || pools.into_iter().max().unwrap_or(0) + 1 != strides.len() {
        return Err(
            "some axis has to be pooled at each of its stages, and a stage has one number of feature maps".to_owned()
        );
    }
    if strides[1..] != pool_kernels(&made)[..] {
        lost.push(format!("the order of its poolings: {strides:?} becomes 2 at the last stages of each axis"));
    }
    differing_layers(network, two_dimensional, lost);
    Ok(made)
}

/// Layers that our network has otherwise.
fn differing_layers(network: &Value, two_dimensional: bool, lost: &mut Vec<String>) {
    let all = |key: &str, expected: u64| {
        network[key].as_array().is_some_and(|counts| counts.iter().all(|count| count.as_u64() == Some(expected)))
    };
    if !all("n_conv_per_stage", 2) || !all("n_conv_per_stage_decoder", 2) {
        lost.push("convolutions of each stage: there are two here".to_owned());
    }
    let threes =
        |kernel: &Value| kernel.as_array().is_some_and(|edges| edges.iter().all(|edge| edge.as_u64() == Some(3)));
    if !network["kernel_sizes"].as_array().is_some_and(|kernels| kernels.iter().all(threes)) {
        let here = if two_dimensional { "3 × 3" } else { "3 × 3 × 3" };
        lost.push(format!("kernels {}: all are {here} here", network["kernel_sizes"]));
    }
}

fn normalization(entry: &Value, channels: usize, lost: &mut Vec<String>) -> Vec<Normalization> {
    let scheme = |channel: usize| match entry["normalization_schemes"][channel].as_str() {
        Some("CTNormalization") => Normalization::Ct,
        Some("ZScoreNormalization") => Normalization::ZScore,
        Some("NoNormalization") => Normalization::None,
        other => {
            let other = other.unwrap_or("none");
            lost.push(format!("normalisation of channel {channel}: `{other}` becomes the z-score"));
            Normalization::ZScore
        }
    };
    (0..channels).map(scheme).collect()
}

fn intensities(plans: &Value, channels: usize) -> Vec<Intensities> {
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

fn preprocess(plan: &mut Plan, entry: &Value, lost: &mut Vec<String>) {
    let masks = entry["use_mask_for_norm"].as_array().cloned().unwrap_or_default();
    plan.preprocess.normalize_in_mask = masks.contains(&Value::Bool(true));
    if plan.preprocess.normalize_in_mask && masks.contains(&Value::Bool(false)) {
        lost.push("`use_mask_for_norm` of each channel: the mask is for all z-scores or for none here".to_owned());
    }
    for key in ["resampling_fn_data", "resampling_fn_seg", "resampling_fn_probabilities"] {
        if entry[key].as_str() != Some(RESAMPLING) {
            lost.push(format!("`{key}`: {} is not known here", entry[key]));
        }
    }
    let order = |key: &str| entry[key]["order"].as_u64().and_then(|order| u8::try_from(order).ok());
    let rules = &mut plan.preprocess;
    rules.image_order = order("resampling_fn_data_kwargs").unwrap_or(rules.image_order);
    rules.label_order = order("resampling_fn_seg_kwargs").unwrap_or(rules.label_order);
    let softmax = order("resampling_fn_probabilities_kwargs");
    plan.predict.probability_order = softmax.unwrap_or(plan.predict.probability_order);
    plan.preprocess.anisotropy_threshold = match entry["resampling_fn_data_kwargs"]["force_separate_z"].as_bool() {
        Some(false) => 0.0,
        Some(true) => {
            lost.push(
                "`force_separate_z`: the coarsest axis is resampled apart where spacings differ enough".to_owned(),
            );
            SEPARATE_Z_RATIO
        }
        None => SEPARATE_Z_RATIO,
    };
}
