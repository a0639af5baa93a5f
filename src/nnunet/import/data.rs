//! The data set of a plan of nnU-Net v2.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::nnunet::import::error::ImportError;
use crate::nnunet::import::json::{axes, numbers, whole, wrong};
use crate::plan::schema::{Data, Generator};
use crate::volume::Spacing;
use crate::volume::axes::permute_back;

pub(super) fn import_data(plans: &Value, dataset: &Value, unsupported: &mut Vec<String>) -> Result<Data, ImportError> {
    let axes = axes(plans)?;
    let three = |key: &'static str| {
        let found = numbers(&plans[key], Value::as_f64).and_then(|found| <[f64; 3]>::try_from(found).ok());
        found.map(|found| permute_back(found, axes)).ok_or_else(|| wrong(key, "a list of three numbers"))
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
            unsupported.push("label `ignore`: segplan has no ignored voxels".to_owned());
            continue;
        }
        if value.is_array() {
            return Err(ImportError::Region { name: name.clone() });
        }
        let label = value.as_u64().and_then(|label| u8::try_from(label).ok());
        match label.ok_or_else(|| wrong(&format!("labels.{name}"), "an integer from 0 to 255"))? {
            0 => (),
            label => _ = foreground.insert(label, name.clone()),
        }
    }
    unsupported.push(
        "`data.cropped_fraction` and `data.single_component_labels`: nnU-Net's files do not contain them; `segplan plan` measures them"
            .to_owned(),
    );
    Ok(Data {
        dataset: plans["dataset_name"].as_str().ok_or_else(|| wrong("dataset_name", "a string"))?.to_owned(),
        channels: numbered.into_iter().map(|(_, name)| name).collect(),
        labels: foreground,
        regions: Vec::new(),
        exclude: Vec::new(),
        cases: whole(&dataset["numTraining"]).ok_or_else(|| wrong("numTraining", "an integer"))?,
        median_spacing_mm: Spacing(three("original_median_spacing_after_transp")?),
        median_shape: three("original_median_shape_after_transp")?,
        cropped_fraction: 1.0,
        single_component_labels: Vec::new(),
        generator: Generator::None,
    })
}
