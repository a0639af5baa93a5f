//! The paper's tasks, planned from what was published of them, and where their data are to be had.
//!
//! Input: `published.toml`. Output: plans, which `experiments/task01.toml` and so on are. Deliberately absent: any number that
//! the rules give; they are worked out as for any data set.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::plan::make::{Planned, assemble, normalization};
use crate::plan::rules::Measured;
use crate::plan::schema::{Data, Generator, Intensities, Normalization, Rules};
use crate::volume::Spacing;

/// Where the Decathlon is to be had.
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

/// What was published of one task.
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
    /// Whether the 2D batch size is read from the paper's table, and not only worked out by its rules.
    #[serde(default)]
    table_has_batch_2d: bool,
}

/// The tasks that arXiv:1809.10486 reports on, `task01` to `task07`.
pub fn tasks() -> BTreeMap<String, Task> {
    toml::from_str(include_str!("published.toml")).expect("a test plans every task of the file")
}

/// How to get a data set that is part of the Decathlon: its archive, and where that is to be had.
pub fn archive(dataset: &str) -> Option<String> {
    DECATHLON_FOLDERS.contains(&dataset).then(|| format!("`{dataset}.tar` from {DECATHLON}"))
}

impl Task {
    /// The task's plan, called `name`.
    pub fn planned(&self, name: &str, rules: &Rules) -> Planned {
        let label = |(label, name): (&String, &String)| (label.parse().expect("labels are numbers"), name.clone());
        let data = Data {
            dataset: self.dataset.clone(),
            channels: self.channels.clone(),
            labels: self.labels.iter().map(label).collect(),
            exclude: Vec::new(),
            cases: self.cases,
            median_spacing_mm: self.spacing,
            median_shape: self.median,
            cropped_fraction: self.cropped_fraction,
            single_component_labels: Vec::new(),
            generator: Generator::None,
        };
        let measured = Measured { cases: self.cases, spacing: self.spacing, median: self.median };
        let schemes: Vec<Normalization> = self.channels.iter().map(|channel| normalization(channel)).collect();
        let mut planned = assemble(name, data, &measured, schemes, self.intensities.clone(), rules);
        let mut say = |key: &str, reason: &str| _ = planned.reasons.insert(key.to_owned(), reason.to_owned());
        say("data.cases", "Labelled cases of the archive.");
        say("data.median_spacing_mm", "Median of the cases' spacings, mm, [z, y, x] (paper, Table 1).");
        say("data.median_shape", "Median of the cases' shapes at that spacing, voxels, [z, y, x] (paper, Table 1).");
        say(
            "data.cropped_fraction",
            &format!(
                "Share of the average case that is left after cropping to non-zero. {}",
                self.cropped_fraction_source
            ),
        );
        say(
            "data.single_component_labels",
            "Labels that are a single component in every training case that has them. Not published: none, until they are \
             measured.",
        );
        if !self.intensities.is_empty() {
            say(
                "preprocess.intensities",
                "Foreground intensities of each channel, rounded: not published by the paper, but with NVIDIA's port of nnU-Net.",
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
            "\n               The 2D batch size is worked out by the paper's rules; we could not read it in the table."
        };
        let intensities = if self.intensities.is_empty() { "" } else { ", intensities" };
        format!(
            "Experiment `{name}`: {dataset} of the Medical Segmentation Decathlon, planned by the rules of nnU-Net\n\
             (arXiv:1809.10486, 2018) from what was published of it, without its data.\n\
             Run it:        segplan run FILE\n\
             Data:          `{dataset}.tar` from {DECATHLON}, unpacked in `data/`\n\
             Published:     cases, spacing and shape, patch and poolings of each network (Table 1); channels and labels.{batch}\n\
             Not published: share left by cropping{intensities}, single-component labels; see the comments there. `segplan run`\n               \
             measures the data and says in what they differ from this file.\n\
             Made by:       segplan plan --published {name}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::make::default_rules;
    use crate::plan::schema::{AugmentationKind, ConfigurationName};

    /// The published measurements are those of the golden table, by which the rules are tested.
    #[test]
    fn tasks_are_the_rows_of_the_golden_table() {
        let golden: toml::Table = toml::from_str(include_str!("../../tests/golden/table1.toml")).unwrap();
        let tasks = tasks();
        assert_eq!(tasks.len(), 7);
        for (name, task) in &tasks {
            let (number, short) = task.dataset.split_once('_').unwrap();
            assert_eq!(number.to_lowercase(), *name);
            let row = &golden[short];
            assert_eq!(row["published"].as_bool(), Some(true));
            assert_eq!(row["cases"].as_integer(), Some(task.cases as i64));
            let numbers = |key: &str| -> Vec<f64> { row[key].clone().try_into().unwrap() };
            assert_eq!(numbers("spacing_mm"), task.spacing.0);
            let median: Vec<i64> = row["median"].clone().try_into().unwrap();
            assert_eq!(median, task.median.map(|edge| edge as i64));
            let planned = task.planned(name, &default_rules()).plan;
            let patch: Vec<usize> = row["three_d"]["patch"].clone().try_into().unwrap();
            assert_eq!(planned.configurations[&ConfigurationName::FullRes].patch_size.0.to_vec(), patch);
            // Spec section 10 and section 8: whole cases are seen where there is no cascade.
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
