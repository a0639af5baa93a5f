//! `dataset.json` of a plan.

use serde_json::{Value, json};

use crate::nnunet::dataset_file::{DatasetFile, Labels};
use crate::plan::schema::Data;
use crate::volume::io::format::DEFAULT_ENDING;

pub(super) fn export_dataset(data: &Data) -> DatasetFile {
    let channels = data.channels.iter().enumerate().map(|(at, channel)| (at.to_string(), json!(channel)));
    let classes: Vec<(String, Value)> = if data.regions.is_empty() {
        data.labels.iter().map(|(label, name)| (name.clone(), json!(label))).collect()
    } else {
        data.regions.iter().map(|region| (region.name.clone(), json!(region.labels))).collect()
    };
    let values = || data.regions.iter().map(|region| json!(region.value)).collect();
    DatasetFile {
        name: Some(dataset_name(&data.dataset)),
        channel_names: channels.collect(),
        labels: Labels(std::iter::once(("background".to_owned(), json!(0))).chain(classes).collect()),
        regions_class_order: (!data.regions.is_empty()).then(values),
        num_training: Some(data.cases),
        file_ending: Some(DEFAULT_ENDING.to_owned()),
    }
}

/// `Dataset004_Hippocampus` for `Task04_Hippocampus`.
pub(super) fn dataset_name(name: &str) -> String {
    let task = name.strip_prefix("Task").and_then(|rest| rest.split_once('_'));
    let number = task.and_then(|(number, rest)| Some((number.parse::<u32>().ok()?, rest)));
    number.map_or_else(|| name.to_owned(), |(number, rest)| format!("Dataset{number:03}_{rest}"))
}
