//! `[data]`: the data set, as it was measured.

use std::collections::BTreeMap;

use crate::plan::schema::declare::{choices, table};
use crate::plan::schema::key::DecidedBy::{Measurement, Person};
use crate::plan::schema::range::{FRACTION, POSITIVE, at_least, between};
use crate::plan::schema::stage::Stage;
use crate::volume::Spacing;

table! {
    /// The data set, as it was measured.
    pub struct Data decides Nothing {
        /// Folder of the data set, searched for in the folders of `runtime.data`.
        dataset: String { decided_by: Person, stage: Stage::Preprocess },
        /// Modality of each channel, in the order of `dataset.json`.
        channels: Vec<String> { decided_by: Person, stage: Stage::Preprocess },
        /// Foreground classes by label.
        labels: BTreeMap<u8, String> as (with = "labels_by_number") { decided_by: Person, stage: Stage::Preprocess },
        /// Regions that the network segments instead of the classes: unions of labels that may overlap, in the order in which they are
        /// written to a label map. Without any, each class is segmented. Networks with regions can predict, but not be trained.
        regions: Vec<Region> as (default, skip_serializing_if = "Vec::is_empty") {
            default: "[]",
            decided_by: Person,
            stage: Stage::Train,
        },
        /// Training cases to leave out, by name. They are neither measured nor used.
        exclude: Vec<String> as (default, skip_serializing_if = "Vec::is_empty") {
            default: "[]",
            decided_by: Person,
            stage: Stage::Train,
        },
        /// Number of training cases.
        cases: usize { range: at_least(2.0), decided_by: Measurement },
        /// Median spacing of the training cases, [z, y, x].
        median_spacing_mm: Spacing { range: POSITIVE, unit: "mm", decided_by: Measurement },
        /// Median shape of the training cases, cropped and at the median spacing, [z, y, x].
        median_shape: [f64; 3] { range: POSITIVE, unit: "voxels", decided_by: Measurement },
        /// Mean fraction of a case that cropping to its non-zero region keeps.
        cropped_fraction: f64 { range: FRACTION, decided_by: Measurement },
        /// Labels that form a single connected component in every training case that has them.
        single_component_labels: Vec<u8> {
            range: between(1.0, 255.0),
            decided_by: Measurement,
            stage: Stage::Predict,
        },
        /// Generator of the data set, used if its folder is missing.
        generator: Generator { default: "\"none\"", decided_by: Person },
    }
}

table! {
    /// A union of labels that has an output of the network to itself.
    pub struct Region decides Train {
        /// Name.
        name: String { decided_by: Person },
        /// Labels that belong to it.
        labels: Vec<u8> { range: between(1.0, 255.0), decided_by: Person },
        /// Label that is written where the region is predicted. Later regions overwrite earlier ones.
        value: u8 { range: between(1.0, 255.0), decided_by: Person },
    }
}

choices! {
    /// Where a data set comes from if its folder is missing.
    pub enum Generator {
        /// no generator: the folder has to exist.
        None = "none",
        /// the built-in phantom (`segplan phantom`).
        Phantom = "phantom",
    }
}

mod labels_by_number {
    //! TOML keys are strings; labels are numbers. Sorted as numbers: 10 comes after 2.

    use std::collections::BTreeMap;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(labels: &BTreeMap<u8, String>, out: S) -> Result<S::Ok, S::Error> {
        out.collect_map(labels.iter().map(|(label, name)| (label.to_string(), name)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<u8, String>, D::Error> {
        let written = BTreeMap::<String, String>::deserialize(from)?;
        written
            .into_iter()
            .map(|(key, name)| match key.parse::<u8>() {
                Ok(label) if label > 0 => Ok((label, name)),
                _ => Err(D::Error::custom(format!("`{key}` is not a label; expected an integer from 1 to 255"))),
            })
            .collect()
    }
}
