//! `dataset.json` of both layouts, parsed and checked.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dataset::error::DatasetError;

pub use crate::store::claim::DATASET_FILE as FILE;

/// The keys of `dataset.json` that segplan uses, as written.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Description {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// Decathlon: index to name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) modality: Option<BTreeMap<String, String>>,
    /// nnU-Net v2: index to name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) channel_names: Option<BTreeMap<String, String>>,
    /// Decathlon: label value to name. nnU-Net v2: name to label value, or to a list of them.
    pub(super) labels: BTreeMap<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) file_ending: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) training: Option<Vec<Pair>>,
    /// Declared number of training cases; only the tools of the Decathlon and nnU-Net rely on it.
    #[serde(default, rename = "numTraining", skip_serializing_if = "Option::is_none")]
    pub(super) number_of_training: Option<Value>,
    /// nnU-Net v2: paths of images and labels, instead of the folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dataset: Option<Value>,
    /// Paths; some writers use objects with the key `image`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) test: Option<Vec<Value>>,
}

/// An image and its label map, relative to the folder of the data set.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Pair {
    pub(super) image: String,
    pub(super) label: String,
}

impl Description {
    /// Reads the description of a folder.
    pub(super) fn read(folder: &Path) -> Result<(Self, PathBuf), DatasetError> {
        let path = folder.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let path = if folder.is_dir() { path } else { folder.to_owned() };
                return Err(DatasetError::Missing { path });
            }
            Err(source) => return Err(DatasetError::Unreadable { path, source }),
        };
        // Some tools put a byte order mark before the first brace.
        let text = text.trim_start_matches('\u{feff}');
        match serde_json::from_str(text) {
            Ok(description) => Ok((description, path)),
            Err(source) => Err(DatasetError::Syntax { path, source }),
        }
    }

    /// The text of the file.
    pub(super) fn to_text(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("strings, numbers and lists of them are JSON");
        format!("{text}\n")
    }

    /// Channel names, in order.
    pub(super) fn channels(&self, path: &Path) -> Result<Vec<String>, DatasetError> {
        let named = self.channel_names.as_ref().or(self.modality.as_ref());
        let named = named.ok_or_else(|| DatasetError::Layout { path: path.to_owned() })?;
        let channels: Option<Vec<String>> =
            (0..named.len()).map(|number| named.get(&number.to_string()).cloned()).collect();
        match channels {
            Some(channels) if !channels.is_empty() => Ok(channels),
            Some(_) | None => {
                Err(DatasetError::Channels { path: path.to_owned(), found: named.keys().cloned().collect() })
            }
        }
    }

    /// Names of the foreground classes by label value.
    pub(super) fn classes(&self, path: &Path) -> Result<BTreeMap<u8, String>, DatasetError> {
        let mut classes = BTreeMap::<u64, String>::new();
        let path_of = || path.to_owned();
        for (key, value) in &self.labels {
            let (number, name) = self.class(key, value, path)?;
            if number == 0 && !is_background(&name) {
                return Err(DatasetError::Background { path: path_of(), name });
            }
            if let Some(first) = classes.insert(number, name.clone()) {
                return Err(DatasetError::SameLabel { path: path_of(), number, names: [first, name] });
            }
        }
        classes.remove(&0);
        let found: Vec<u64> = classes.keys().copied().collect();
        let consecutive = found.iter().copied().eq(1..=found.len() as u64);
        if found.is_empty() || !consecutive || found.len() > usize::from(u8::MAX) {
            return Err(DatasetError::LabelValues { path: path_of(), found });
        }
        Ok(classes.into_iter().map(|(number, name)| (number as u8, name)).collect())
    }

    fn class(&self, key: &str, value: &Value, path: &Path) -> Result<(u64, String), DatasetError> {
        let unsupported = |what| DatasetError::Unsupported { path: path.to_owned(), name: key.to_owned(), what };
        let malformed = || DatasetError::Label { path: path.to_owned(), entry: format!("\"{key}\": {value}") };
        if value.is_array() {
            return Err(unsupported("a region of several labels"));
        }
        if self.channel_names.is_some() && key == "ignore" {
            return Err(unsupported("the ignore label"));
        }
        // The type of the value decides on the layout, because files that mix the two exist. nnU-Net v2 also accepts
        // numbers written as strings.
        match value {
            Value::Number(number) => Ok((number.as_u64().ok_or_else(malformed)?, key.to_owned())),
            Value::String(number) if key.parse::<u64>().is_err() && number.trim().parse::<u64>().is_ok() => {
                Ok((number.trim().parse().map_err(|_| malformed())?, key.to_owned()))
            }
            Value::String(name) => Ok((key.parse().map_err(|_| malformed())?, name.clone())),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(malformed()),
        }
    }
}

/// Whether a class name is one that people give to the background.
fn is_background(name: &str) -> bool {
    const NAMES: [&str; 14] = [
        "background",
        "bg",
        "back",
        "unlabel",
        "clear",
        "none",
        "nothing",
        "null",
        "void",
        "empty",
        "outside",
        "exterior",
        "other",
        "hintergrund",
    ];
    let name = name.trim().to_lowercase();
    name.is_empty() || name == "0" || NAMES.iter().any(|known| name.contains(known))
}
