//! Two plans compared by what they mean: which stages run again, and what the networks then cost.

mod render;

use std::fmt;

use serde::Serialize;

use crate::plan::digest::{Change, changed_keys, stage_digests};
use crate::plan::schema::{ConfigurationName, Plan};
use crate::plan::write::resolved_text;

/// What the value of a key decides on first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The prepared cases, and with them all below.
    Preprocess,
    /// The trained weights, and with them all below.
    Train,
    /// The predicted labels, and with them their scores.
    Predict,
    /// The scores.
    Evaluate,
    /// No result that is there already.
    Nothing,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Self; 5] = [Self::Preprocess, Self::Train, Self::Predict, Self::Evaluate, Self::Nothing];

    /// The stage that the key of a path decides on: the first whose digest covers it.
    pub fn of(path: &str) -> Self {
        let parts: Vec<&str> = path.split('.').collect();
        match parts.as_slice() {
            ["preprocess", ..]
            | ["data", "dataset" | "channels" | "labels", ..]
            | ["configurations", _, "spacing_mm" | "slice_axis"] => Self::Preprocess,
            ["split" | "configurations" | "network" | "loss" | "train" | "augment", ..] | ["data", "exclude", ..] => {
                Self::Train
            }
            ["predict" | "postprocess", ..] | ["data", "single_component_labels"] => Self::Predict,
            ["evaluate", ..] => Self::Evaluate,
            _ => Self::Nothing,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Preprocess => "preprocess",
            Self::Train => "train",
            Self::Predict => "predict",
            Self::Evaluate => "evaluate",
            Self::Nothing => "changes no result",
        })
    }
}

/// What a network costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Trainable numbers.
    pub parameters: u64,
    /// Voxels of all patches of a training step.
    pub step_voxels: u64,
    /// Voxels that one output voxel sees, `[z, y, x]`.
    pub receptive_field: [usize; 3],
    /// Bytes that a training step holds at once, estimated.
    pub training_bytes: u64,
}

/// What becomes of one configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Consequence {
    /// The configuration.
    pub configuration: ConfigurationName,
    /// The first stage that has to run again; none where all results stay, or where one of the plans lacks it.
    pub from: Option<Stage>,
    /// Cost in the first plan; none where it has no such configuration.
    pub before: Option<Cost>,
    /// Cost in the second plan; none where it has no such configuration.
    pub after: Option<Cost>,
}

/// How two plans differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanDiff {
    /// Whether the experiments have different names, and so a folder each for their runs.
    pub renamed: bool,
    /// Keys with different values, grouped by stage, in the stages' order.
    pub stages: Vec<(Stage, Vec<Change>)>,
    /// What becomes of each configuration.
    pub consequences: Vec<Consequence>,
}

impl PlanDiff {
    /// Whether the plans are the same.
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }
}

/// Compares two plans. `cost` is what a network of a plan costs.
pub fn compare(before: &Plan, after: &Plan, cost: &dyn Fn(&Plan, ConfigurationName) -> Cost) -> PlanDiff {
    let changes = changed_keys(&resolved_text(before), &resolved_text(after));
    let stages = Stage::ALL.into_iter().filter_map(|stage| {
        let of_stage: Vec<Change> = changes.iter().filter(|change| Stage::of(&change.key) == stage).cloned().collect();
        Some((stage, of_stage)).filter(|(_, changes)| !changes.is_empty())
    });
    let consequence = |configuration: ConfigurationName| {
        let costs = |plan: &Plan| plan.configurations.contains_key(&configuration).then(|| cost(plan, configuration));
        let (from_cost, to_cost) = (costs(before), costs(after));
        let both = from_cost.is_some() && to_cost.is_some();
        let from = both.then(|| first_stale(before, after, configuration)).flatten();
        (from_cost.is_some() || to_cost.is_some()).then_some(Consequence {
            configuration,
            from,
            before: from_cost,
            after: to_cost,
        })
    };
    PlanDiff {
        renamed: before.name != after.name,
        stages: stages.collect(),
        consequences: ConfigurationName::ALL.into_iter().filter_map(consequence).collect(),
    }
}

fn first_stale(before: &Plan, after: &Plan, name: ConfigurationName) -> Option<Stage> {
    let (before, after) = (stage_digests(before, name), stage_digests(after, name));
    if before.preprocess != after.preprocess {
        Some(Stage::Preprocess)
    } else if before.train != after.train {
        Some(Stage::Train)
    } else if before.predict != after.predict {
        Some(Stage::Predict)
    } else {
        (before.evaluate != after.evaluate).then_some(Stage::Evaluate)
    }
}

#[cfg(test)]
mod tests;
