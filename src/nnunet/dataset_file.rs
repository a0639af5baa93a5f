//! `dataset.json` of nnU-Net v2.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// The entries that plans and predictions depend on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatasetFile {
    /// Name of the data set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Names of channels by number, from 0.
    #[serde(alias = "modality")]
    pub channel_names: BTreeMap<String, Value>,
    /// Labels and regions.
    pub labels: Labels,
    /// The label that is written for each region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions_class_order: Option<Vec<Value>>,
    /// Number of training cases.
    #[serde(default, rename = "numTraining")]
    pub num_training: Option<usize>,
    /// End of the names of images, such as `.nii.gz`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_ending: Option<String>,
}

/// Labels by name, in the order of the file: `regions_class_order` refers to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Labels(pub Vec<(String, Value)>);

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Labels;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a table of labels")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
        let mut labels = Vec::new();
        while let Some(entry) = map.next_entry()? {
            labels.push(entry);
        }
        Ok(Labels(labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_the_order_of_the_file() {
        let text = r#"{"channel_names":{"0":"CT"},"labels":{"z":1,"a":[1,2],"m":3},"numTraining":5}"#;
        let file: DatasetFile = serde_json::from_str(text).unwrap();
        let names: Vec<&str> = file.labels.0.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["z", "a", "m"]);
        assert_eq!(serde_json::to_string(&file).unwrap(), text);
    }
}
