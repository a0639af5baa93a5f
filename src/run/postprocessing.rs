//! `postprocessing.json`: the post-processing of each candidate of the cross-validation, with the evidence for it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plan::schema::PostprocessRule;
use crate::run::filter::Filter;
use crate::run::folder::RunFolder;
use crate::run::json::to_text;
use crate::store::{self, StoreError};

/// The decisions of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Postprocessing {
    /// `postprocess.rule` of the plan.
    pub rule: PostprocessRule,
    /// By candidate: a configuration, or several joined by `+`.
    pub candidates: BTreeMap<String, RecordedDecision>,
}

/// A decision, and the predictions that it was made for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordedDecision {
    /// Digest of plan, data and splits of the predictions.
    pub digest: String,
    /// The decision.
    pub decision: Decision,
}

/// The post-processing of one candidate, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The post-processing.
    pub filter: Filter,
    /// Number of validation predictions that were compared; each seed counts.
    pub predictions: usize,
    /// Evidence by label.
    pub classes: BTreeMap<u8, Evidence>,
}

/// Evidence for or against filtering one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Name of the class.
    pub name: String,
    /// Number of training cases that contain the class.
    pub training_cases: usize,
    /// Number of training cases in which the class is a single connected component.
    pub single_component: usize,
    /// Mean Dice without post-processing.
    pub mean_dice_before: Option<f64>,
    /// Mean Dice if only the largest component of all foreground is kept.
    pub mean_dice_foreground: Option<f64>,
    /// Mean Dice if only the largest component of this class is kept, after the foreground step if that is applied.
    pub mean_dice_class: Option<f64>,
    /// Mean Dice with the chosen post-processing.
    pub mean_dice_after: Option<f64>,
}

impl Postprocessing {
    /// Reads the decisions of a run; none if the file is missing, damaged, or was written with another rule.
    ///
    /// # Errors
    ///
    /// If the file exists and cannot be read.
    pub fn read(folder: &RunFolder, rule: PostprocessRule) -> Result<Self, StoreError> {
        let saved = store::read_text_if_present(&folder.postprocessing())?;
        let saved = saved.and_then(|text| serde_json::from_str::<Self>(&text).ok()).filter(|saved| saved.rule == rule);
        Ok(saved.unwrap_or(Self { rule, candidates: BTreeMap::new() }))
    }

    /// Writes `postprocessing.json`.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn write(&self, folder: &RunFolder) -> Result<(), StoreError> {
        store::write_atomic(&folder.postprocessing(), to_text(self).as_bytes())
    }
}
