//! The keys of a plan that were changed by hand.

use serde::Serialize;
use toml::{Table, Value};

use crate::plan::edit::write::as_table;
use crate::plan::rules::baseline::{Baseline, Giver};
use crate::plan::schema::lookup::{find, join};
use crate::plan::schema::{Plan, Stage};

/// A key whose value differs from the one that the rules or the recipe give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangedKey {
    /// Path of the key, such as `configurations.3d_fullres.batch_size`.
    pub key: String,
    /// Its value, as TOML.
    pub value: String,
    /// The value that the rules or the recipe give, as TOML.
    pub given: String,
    /// The source of that value.
    pub by: Giver,
    /// The first stage whose result depends on the key; `Nothing` for what is run, and for `[rules]` and `[runtime]`.
    pub stage: Stage,
}

/// The keys whose values differ from those that the rules give for the measurements in the plan, or from the recipe's.
///
/// The plan's own `[rules]` are applied; changes in them are listed as well. Names, measurements and the description of the data set are
/// not.
pub fn changed_by_hand(plan: &Plan) -> Vec<ChangedKey> {
    let baseline = Baseline::new(plan, &plan.rules);
    let mut changed = Vec::new();
    collect(&as_table(plan), "", &baseline, &mut changed);
    changed
}

fn collect(table: &Table, path: &str, baseline: &Baseline, changed: &mut Vec<ChangedKey>) {
    for (name, value) in table {
        let path = join(path, name);
        if let Value::Table(inner) = value {
            collect(inner, &path, baseline, changed);
            continue;
        }
        let Some((by, given)) = baseline.value(&path).filter(|(_, given)| *given != value) else { continue };
        let stage = find(&path).map_or(Stage::Nothing, |key| key.stage);
        changed.push(ChangedKey { key: path, value: value.to_string(), given: given.to_string(), by, stage });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::rules::published::tasks;
    use crate::plan::schema::{ConfigurationName, recipe};

    #[test]
    fn planned_values_are_not_changed_and_values_set_by_hand_are() {
        let mut plan = tasks()["task03"].plan("liver", &recipe::rules()).plan;
        assert_eq!(changed_by_hand(&plan), []);
        plan.train.learning_rate = 0.004;
        plan.runtime.threads = 2;
        plan.configurations.get_mut(&ConfigurationName::FullRes).unwrap().batch_size = 3;
        let changed: Vec<String> = changed_by_hand(&plan)
            .iter()
            .map(|change| format!("{} {} {} {:?} {}", change.key, change.value, change.given, change.by, change.stage))
            .collect();
        assert_eq!(
            changed,
            [
                "configurations.3d_fullres.batch_size 3 2 Rules train",
                "train.learning_rate 0.004 0.0003 Recipe train",
                "runtime.threads 2 0 Recipe changes no result",
            ]
        );
    }
}
