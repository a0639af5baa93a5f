//! Labels and regions of `dataset.json`.
//!
//! Source: nnU-Net v2 (`nnunetv2` 2.8.1), `label_handling.py`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::nnunet::dataset_file::DatasetFile;
use crate::nnunet::import::error::ImportError;
use crate::nnunet::import::json::wrong;
use crate::nnunet::import::notes::Notes;
use crate::plan::schema::Region;

/// Name of the label of voxels that training ignores.
const IGNORE: &str = "ignore";

/// The classes that a network segments.
pub(super) struct Classes {
    /// Foreground labels.
    pub(super) labels: BTreeMap<u8, String>,
    /// Unions of them; empty if the network segments the labels.
    pub(super) regions: Vec<Region>,
}

pub(super) fn import_labels(dataset: &DatasetFile, notes: &mut Notes) -> Result<Classes, ImportError> {
    let mut unions = Vec::new();
    for (name, value) in &dataset.labels.0 {
        if name == IGNORE {
            notes.absent.push("label `ignore`: segplan has no voxels that training ignores".to_owned());
            continue;
        }
        let labels = read_union(name, value)?;
        if labels != [0] {
            unions.push((name.clone(), labels));
        }
    }
    let has_regions = unions.iter().any(|(_, labels)| labels.len() > 1);
    let classes = if has_regions {
        Classes { labels: labels_of_regions(&unions), regions: regions(&unions, dataset)? }
    } else {
        Classes { labels: unions.into_iter().map(|(name, labels)| (labels[0], name)).collect(), regions: Vec::new() }
    };
    let numbers: Vec<u8> = classes.labels.keys().copied().collect();
    if numbers.iter().zip(1..).any(|(&label, expected)| label != expected) {
        return Err(ImportError::Labels(format!("labels {numbers:?} are not consecutive from 1, as nnU-Net requires")));
    }
    Ok(classes)
}

/// A label, or the labels of a region.
fn read_union(name: &str, value: &Value) -> Result<Vec<u8>, ImportError> {
    let one = |value: &Value| value.as_u64().and_then(|label| u8::try_from(label).ok());
    let labels: Option<Vec<u8>> = match value {
        Value::Array(labels) => labels.iter().map(one).collect(),
        label => one(label).map(|label| vec![label]),
    };
    let labels = labels.filter(|labels| !labels.is_empty());
    labels.ok_or_else(|| wrong(&format!("labels.{name}"), "an integer from 0 to 255, or a list of them"))
}

/// Labels that regions consist of. One that is no region on its own has no name in the file.
fn labels_of_regions(unions: &[(String, Vec<u8>)]) -> BTreeMap<u8, String> {
    let all = unions.iter().flat_map(|(_, labels)| labels);
    let mut named: BTreeMap<u8, String> = all.map(|&label| (label, format!("label {label}"))).collect();
    let single = unions.iter().filter(|(_, labels)| labels.len() == 1);
    named.extend(single.map(|(name, labels)| (labels[0], name.clone())));
    named
}

/// Regions in the order of the file, which `regions_class_order` refers to.
fn regions(unions: &[(String, Vec<u8>)], dataset: &DatasetFile) -> Result<Vec<Region>, ImportError> {
    let order = dataset.regions_class_order.as_ref();
    let order = order.ok_or_else(|| wrong("regions_class_order", "a list of labels, although there are regions"))?;
    if order.len() != unions.len() {
        let (values, regions) = (order.len(), unions.len());
        return Err(ImportError::Labels(format!(
            "`regions_class_order` has {values} labels for {regions} regions; expected one each"
        )));
    }
    let region = |((name, labels), value): (&(String, Vec<u8>), &Value)| {
        let value = value.as_u64().and_then(|value| u8::try_from(value).ok()).filter(|&value| value > 0);
        let value = value.ok_or_else(|| wrong("regions_class_order", "a list of integers from 1 to 255"))?;
        Ok(Region { name: name.clone(), labels: labels.clone(), value })
    };
    unions.iter().zip(order).map(region).collect()
}
