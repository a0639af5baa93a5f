//! The seven tasks of the paper, planned from their published measurements, and where to get their data.
//!
//! Input: `published.toml`. Output: plans, such as `experiments/task01.toml`. Deliberately absent: any value that the rules give; it is
//! planned as for any data set.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::plan::rules::assemble::{Planned, assemble};
use crate::plan::schema::{Data, Generator, Intensities, Rules, recipe};
use crate::volume::Spacing;

/// Website of the Medical Segmentation Decathlon.
const DECATHLON: &str = "medicaldecathlon.com";

/// Folders of the Decathlon's data sets.
const DECATHLON_FOLDERS: [&str; 10] = [
    "Task01_BrainTumour",
    "Task02_Heart",
    "Task03_Liver",
    "Task04_Hippocampus",
    "Task05_Prostate",
    "Task06_Lung",
    "Task07_Pancreas",
    "Task08_HepaticVessel",
    "Task09_Spleen",
    "Task10_Colon",
];

/// The published measurements of a task.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    dataset: String,
    channels: Vec<String>,
    labels: BTreeMap<String, String>,
    cases: usize,
    spacing: Spacing,
    median: [f64; 3],
    cropped_fraction: f64,
    cropped_fraction_source: String,
    #[serde(default)]
    intensities: Vec<Intensities>,
    /// Whether the 2D batch size was read from the paper's table, instead of only derived from its rules.
    #[serde(default)]
    table_has_batch_2d: bool,
}

/// The tasks that arXiv:1809.10486 reports on, `task01` to `task07`.
pub fn tasks() -> BTreeMap<String, Task> {
    toml::from_str(include_str!("published.toml")).expect("a test plans every task of the file")
}

/// Archive and website of a data set of the Decathlon; `None` for other data sets.
pub fn archive(dataset: &str) -> Option<String> {
    DECATHLON_FOLDERS.contains(&dataset).then(|| format!("`{dataset}.tar` from {DECATHLON}"))
}

impl Task {
    /// Plans the task as the experiment `name`.
    pub fn plan(&self, name: &str, rules: &Rules) -> Planned {
        let label = |(label, name): (&String, &String)| (label.parse().expect("labels are numbers"), name.clone());
        let data = Data {
            dataset: self.dataset.clone(),
            channels: self.channels.clone(),
            labels: self.labels.iter().map(label).collect(),
            regions: Vec::new(),
            exclude: Vec::new(),
            cases: self.cases,
            median_spacing_mm: self.spacing,
            median_shape: self.median,
            cropped_fraction: self.cropped_fraction,
            single_component_labels: Vec::new(),
            generator: Generator::None,
        };
        let mut planned = assemble(name, data, self.intensities.clone(), rules);
        let mut give = |key: &str, reason: &str| _ = planned.reasons.insert(key.to_owned(), reason.to_owned());
        give("data.cases", "Number of labelled cases in the archive.");
        give("data.median_spacing_mm", "Median spacing of the training cases, mm, [z, y, x] (paper, Table 1).");
        give(
            "data.median_shape",
            "Median shape of the cases at the median spacing, voxels, [z, y, x] (paper, Table 1).",
        );
        give(
            "data.cropped_fraction",
            &format!(
                "Mean fraction of a case that cropping to its non-zero region keeps. {}",
                self.cropped_fraction_source
            ),
        );
        give(
            "data.single_component_labels",
            "Labels that form a single connected component in every training case that has them. Not published; none until they are \
             measured.",
        );
        if !self.intensities.is_empty() {
            give(
                "preprocess.intensities",
                "Foreground intensities of each channel, rounded. Not in the paper; published with NVIDIA's port of nnU-Net.",
            );
        }
        planned.header = self.header(name);
        planned
    }

    fn header(&self, name: &str) -> String {
        let dataset = &self.dataset;
        let batch = if self.table_has_batch_2d {
            ""
        } else {
            "\n               The 2D batch size is derived from the paper's rules; it was not legible in the table."
        };
        let intensities = if self.intensities.is_empty() { "" } else { ", intensities" };
        format!(
            "Experiment `{name}`: {dataset} of the Medical Segmentation Decathlon, planned by the rules of nnU-Net\n\
             (arXiv:1809.10486, 2018) from its published measurements, without its data.\n\
             Run it:        segplan run FILE\n\
             Data:          `{dataset}.tar` from {DECATHLON}, unpacked in `data/`\n\
             Published:     cases, spacing and shape, patch size and poolings of each network (Table 1); channels and labels.{batch}\n\
             Not published: fraction kept by cropping{intensities}, single-component labels; see their comments. `segplan run`\n               \
             measures the data and lists how they differ from this file.\n\
             Made by:       segplan plan --published {name}\n\
             Recipe:        values that are not here are those of the recipe {}: segplan show FILE --resolved",
            recipe::NAME
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::schema::{AugmentationKind, ConfigurationName};

    /// The published measurements are those of the golden table that the rules are tested with.
    #[test]
    fn tasks_are_the_rows_of_the_golden_table() {
        let golden: toml::Table = toml::from_str(include_str!("../../../tests/golden/table1.toml")).unwrap();
        let tasks = tasks();
        assert_eq!(tasks.len(), 7);
        for (name, task) in &tasks {
            let (number, short) = task.dataset.split_once('_').unwrap();
            assert_eq!(number.to_lowercase(), *name);
            let row = &golden[short];
            assert_eq!(row["published"].as_bool(), Some(true));
            assert_eq!(row["cases"].as_integer(), Some(task.cases as i64));
            let numbers = |key: &str| -> Vec<f64> { row[key].clone().try_into().unwrap() };
            assert_eq!(numbers("spacing"), task.spacing.0);
            let median: Vec<i64> = row["median"].clone().try_into().unwrap();
            assert_eq!(median, task.median.map(|edge| edge as i64));
            let planned = task.plan(name, &recipe::rules()).plan;
            let patch: Vec<usize> = row["three_d"]["patch"].clone().try_into().unwrap();
            assert_eq!(planned.configurations[&ConfigurationName::FullRes].patch_size.0.to_vec(), patch);
            // arXiv:1809.10486, 2.3: slice-wise augmentation of flat patches, and Dice per sample if a patch covers most of a case.
            let three_d = &planned.configurations[&ConfigurationName::FullRes];
            let flat = ["Heart", "Prostate"].contains(&short);
            assert_eq!(three_d.augmentation == AugmentationKind::Dummy2d, flat, "{name}");
            let whole = ["BrainTumour", "Hippocampus", "Prostate"].contains(&short);
            assert_eq!(!three_d.batch_dice, whole, "{name}");
            assert_eq!(planned.preprocess.normalize_in_mask, short == "BrainTumour", "{name}");
            assert!(archive(&task.dataset).is_some_and(|archive| archive.contains(&task.dataset)));
        }
        assert!(archive("MyHearts").is_none());
    }
}
