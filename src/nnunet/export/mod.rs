//! From a plan to the files of nnU-Net v2.

mod configuration;
mod dataset;
mod differences;

use serde_json::{Map, Value, json};

use crate::nnunet::dataset_file::DatasetFile;
use crate::nnunet::export::configuration::export_configuration;
use crate::nnunet::export::dataset::{dataset_name, export_dataset};
use crate::nnunet::export::differences::{absent, inexact};
use crate::nnunet::terms::nnunet_name;
use crate::plan::schema::{ConfigurationName, Intensities, Plan};
use crate::volume::axes::{permute, permute_back, slice_first};

/// Name of the plans in the names of nnU-Net's folders.
pub const PLANS_NAME: &str = "nnUNetPlans";

/// A plan in the files of nnU-Net v2.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// `nnUNetPlans.json`.
    pub plans: Value,
    /// `dataset.json`.
    pub dataset: DatasetFile,
    /// Parts of the plan that these files represent differently, so that its networks would predict differently.
    pub inexact: Vec<String>,
    /// Other parts of the plan that these files leave out.
    pub absent: Vec<String>,
}

impl Exported {
    /// The text of `dataset.json`.
    pub fn dataset_text(&self) -> String {
        let text = serde_json::to_string_pretty(&self.dataset).expect("labels and names are strings and integers");
        format!("{text}\n")
    }

    /// The text of the plans.
    pub fn plans_text(&self) -> String {
        format!("{:#}\n", self.plans)
    }
}

/// The files of nnU-Net v2 for a plan.
pub fn export(plan: &Plan) -> Exported {
    let data = &plan.data;
    // nnU-Net reorders the axes of all images in the same way; it mainly matters for the slices of a 2D network.
    let flat = plan.configurations.get(&ConfigurationName::TwoD);
    let axes = flat.or_else(|| plan.configurations.values().next()).map_or(0, |network| network.slice_axis);
    let axes = slice_first(axes);
    let configurations: Map<String, Value> = plan
        .configurations
        .iter()
        .map(|(name, network)| (nnunet_name(*name).to_owned(), export_configuration(plan, *name, network, axes)))
        .collect();
    // nnU-Net looks every channel up, although only "CTNormalization" uses the values.
    let intensities: Map<String, Value> = (0..data.channels.len())
        .map(|channel| (channel.to_string(), export_intensities(plan.preprocess.intensities.get(channel))))
        .collect();
    let plans = json!({
        "dataset_name": dataset_name(&data.dataset),
        "plans_name": PLANS_NAME,
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
    Exported { plans, dataset: export_dataset(data), inexact: inexact(plan), absent: absent(plan) }
}

/// Foreground intensities of a channel; empty if the plan does not need them.
fn export_intensities(known: Option<&Intensities>) -> Value {
    known.map_or_else(
        || json!({}),
        |known| {
            let (low, high) = (known.p00_5, known.p99_5);
            json!({ "mean": known.mean, "std": known.sd, "percentile_00_5": low, "percentile_99_5": high })
        },
    )
}
