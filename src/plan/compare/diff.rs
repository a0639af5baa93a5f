//! Two plans compared by their values: which stages have to run again, and the cost of the networks.

use serde::Serialize;

use crate::plan::compare::digest::{Change, changed_keys, stage_digests};
use crate::plan::edit::write::resolved_text;
use crate::plan::schema::lookup::stage_of;
use crate::plan::schema::{ConfigurationName, Plan, Stage};

/// The cost of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Trainable parameters.
    pub parameters: u64,
    /// Voxels of all patches of a training step.
    pub step_voxels: u64,
    /// Receptive field of an output voxel, voxels, `[z, y, x]`.
    pub receptive_field: [usize; 3],
    /// Estimated peak memory of a training step, bytes.
    pub training_bytes: u64,
}

/// The consequence for one configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Consequence {
    /// The configuration.
    pub configuration: ConfigurationName,
    /// The first stage that has to run again; `None` if all results stay valid, or if one of the plans lacks the configuration.
    pub from: Option<Stage>,
    /// Cost in the first plan; `None` if it lacks the configuration.
    pub before: Option<Cost>,
    /// Cost in the second plan; `None` if it lacks the configuration.
    pub after: Option<Cost>,
}

/// The differences of two plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanDiff {
    /// Whether the experiments have different names, and so different run folders.
    pub renamed: bool,
    /// Keys with different values, grouped by stage, in the stages' order.
    pub stages: Vec<(Stage, Vec<Change>)>,
    /// The consequence for each configuration.
    pub consequences: Vec<Consequence>,
}

impl PlanDiff {
    /// Whether the plans have the same values.
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }
}

/// Compares two plans. `cost` computes the cost of a network of a plan.
pub fn compare(before: &Plan, after: &Plan, cost: &dyn Fn(&Plan, ConfigurationName) -> Cost) -> PlanDiff {
    let changes = changed_keys(&resolved_text(before), &resolved_text(after));
    let stages = Stage::ALL.into_iter().filter_map(|stage| {
        let of_stage: Vec<Change> = changes.iter().filter(|change| stage_of(&change.key) == stage).cloned().collect();
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
#[path = "diff_tests.rs"]
mod tests;
