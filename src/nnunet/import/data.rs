//! The data set of a plan of nnU-Net v2.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::nnunet::dataset_file::DatasetFile;
use crate::nnunet::import::error::ImportError;
use crate::nnunet::import::json::{axes, numbers, wrong};
use crate::nnunet::import::labels::{Classes, import_labels};
use crate::nnunet::import::notes::Notes;
use crate::plan::schema::{Data, Generator};
use crate::volume::Spacing;
use crate::volume::axes::permute_back;

/// Smallest number of training cases that a plan may have.
const MIN_CASES: usize = 2;

pub(super) fn import_data(plans: &Value, dataset: &DatasetFile, notes: &mut Notes) -> Result<Data, ImportError> {
    let axes = axes(plans)?;
    let three = |key: &'static str| {
        let found = numbers(&plans[key], Value::as_f64).and_then(|found| <[f64; 3]>::try_from(found).ok());
        found.map(|found| permute_back(found, axes)).ok_or_else(|| wrong(key, "a list of three numbers"))
    };
    let Classes { labels, regions } = import_labels(dataset, notes)?;
    notes.absent.push(
        "`data.cropped_fraction` and `data.single_component_labels`: nnU-Net's files do not contain them; `segplan plan` measures them"
            .to_owned(),
    );
    Ok(Data {
        dataset: plans["dataset_name"].as_str().ok_or_else(|| wrong("dataset_name", "a string"))?.to_owned(),
        channels: import_channels(&dataset.channel_names)?,
        labels,
        regions,
        exclude: Vec::new(),
        cases: dataset.num_training.ok_or_else(|| wrong("numTraining", "an integer"))?.max(MIN_CASES),
        median_spacing_mm: Spacing(three("original_median_spacing_after_transp")?),
        median_shape: three("original_median_shape_after_transp")?,
        cropped_fraction: 1.0,
        single_component_labels: Vec::new(),
        generator: Generator::None,
    })
}

/// Names of the channels in the order of their numbers, which begin at 0.
fn import_channels(names: &BTreeMap<String, Value>) -> Result<Vec<String>, ImportError> {
    let channel = |number: usize| Some(names.get(&number.to_string())?.as_str()?.to_owned());
    let channels: Option<Vec<String>> = (0..names.len()).map(channel).collect();
    channels.ok_or_else(|| wrong("channel_names", "a table of names with the keys 0, 1, ..."))
}
