//! The plan of a run as it is handed on.

use std::path::Path;

use serde::Deserialize as _;

use crate::plan::schema::{Plan, Runtime, recipe};

/// A plan without what belongs to a machine or to patients: `[runtime]` has the recipe's values, no excluded case is named, and the data
/// set is the name of its folder.
pub(super) fn portable(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    let runtime = recipe::value("runtime").expect("the recipe has a table `runtime`");
    plan.runtime = Runtime::deserialize(runtime).expect("a test reads the recipe");
    plan.data.exclude.clear();
    let name = Path::new(&plan.data.dataset).file_name().map(|name| name.to_string_lossy().into_owned());
    plan.data.dataset = name.unwrap_or_default();
    plan
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::plan::edit::resolved_text;
    use crate::plan::testing::example;

    #[test]
    fn a_portable_plan_has_no_path_and_no_case() {
        let mut plan = example();
        plan.runtime.data = vec![PathBuf::from("/home/someone/data")];
        plan.runtime.runs = PathBuf::from("/scratch/runs");
        plan.runtime.device = "cuda:3".to_owned();
        plan.data.dataset = "/home/someone/data/Task04_Hippocampus".to_owned();
        plan.data.exclude = vec!["patient_17".to_owned()];
        let text = resolved_text(&portable(&plan));
        for private in ["/home", "/scratch", "someone", "patient_17", "cuda:3"] {
            assert!(!text.contains(private), "{private} in {text}");
        }
        assert!(text.contains("dataset = \"Task04_Hippocampus\""), "{text}");
    }
}
