//! A whole plan for tests: the paper's hippocampus, with a 3D network only.

use crate::plan::edit::write::resolved_text;
use crate::plan::rules::published::tasks;
use crate::plan::schema::{ConfigurationName, Intensities, Plan, recipe};

/// The plan.
pub fn example() -> Plan {
    let mut plan = tasks()["task04"].plan("hippocampus", &recipe::rules()).plan;
    plan.data.single_component_labels = vec![1, 2];
    plan.preprocess.intensities = vec![Intensities { mean: 100.0, sd: 10.0, p00_5: 10.0, p99_5: 200.0 }];
    plan.run.configurations = vec![ConfigurationName::FullRes];
    plan.configurations.retain(|name, _| *name == ConfigurationName::FullRes);
    plan
}

/// Its text with all keys, without comments.
pub fn example_text() -> String {
    let text = resolved_text(&example());
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.collect::<Vec<_>>().join("\n").trim_start().to_owned() + "\n"
}
