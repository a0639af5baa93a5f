//! Values that are given when a plan is made: constants of the rules, which change what is planned, and all other keys, which
//! stand in the file in place of what is planned.

use std::path::Path;

use toml::{Table, Value};

use crate::plan::edit::{EditError, set};
use crate::plan::fault::PlanError;
use crate::plan::layer::Source;
use crate::plan::load::{LoadedPlan, load_text};
use crate::plan::make::{Planned, default_rules};
use crate::plan::write::default_comments;

/// Tables whose values are known when the data set has been measured.
const PLANNED: [&str; 4] = ["data.", "configurations.", "run.", "preprocess."];
/// The table whose values change the planning.
const RULES: &str = "rules.";
/// The table that a planned file leaves to the defaults.
const RUNTIME: &str = "runtime.";

/// `KEY=VALUE`s, those of `[rules]` first.
pub fn sorted(pairs: &[String]) -> (Vec<String>, Vec<String>) {
    pairs.iter().cloned().partition(|pair| key(pair).starts_with(RULES) || key(pair) == "rules")
}

fn key(pair: &str) -> &str {
    pair.split('=').next().unwrap_or(pair).trim()
}

/// Checks the form of what is to be set, before anything is measured: a misspelt key is not found out an hour later.
///
/// # Errors
///
/// All faults that do not depend on what is planned.
pub fn check(pairs: &[String]) -> Result<(), PlanError> {
    let early = |pair: &&String| !PLANNED.iter().any(|table| key(pair).starts_with(table));
    let early: Vec<String> = pairs.iter().filter(early).cloned().collect();
    let Err(error) = load_text(Path::new("plan.toml"), include_str!("example.toml"), &early) else { return Ok(()) };
    match error {
        PlanError::Faults { mut faults } => {
            faults.retain(|fault| !fault.is_warning() && fault.is_of(&Source::Set));
            if faults.is_empty() { Ok(()) } else { Err(PlanError::Faults { faults }) }
        }
        error => Err(error),
    }
}

impl Planned {
    /// The text of the plan with these values set, and the plan as `run` will load it from there.
    ///
    /// # Errors
    ///
    /// When a pair is malformed, or what is written would have a fault: pointed at in the pair that brings it.
    pub fn applied(mut self, file: &Path, pairs: &[String]) -> Result<(String, LoadedPlan), EditError> {
        self.explain_rules();
        let pairs = with_folds(pairs);
        if !pairs.is_empty() {
            let mut loaded = load_text(file, &self.text(), &pairs)?;
            // Where a run takes place is no part of a planned file, unless it is asked for.
            loaded.plan.runtime = self.plan.runtime.clone();
            let planned = Table::try_from(&self.plan).map_err(|_| no_table())?;
            self.plan = loaded.plan;
            for pair in &pairs {
                self.explain_pair(key(pair), &planned);
            }
        }
        let mut text = self.text();
        let runtime: Vec<String> = pairs.into_iter().filter(|pair| key(pair).starts_with(RUNTIME)).collect();
        if !runtime.is_empty() {
            text = set(file, &text, &runtime)?.0;
        }
        let loaded = load_text(file, &text, &[])?;
        Ok((text, loaded))
    }

    /// Names the rules that are not the defaults'.
    fn explain_rules(&mut self) {
        let table = |rules| Table::try_from(rules).unwrap_or_default();
        let (own, defaults, comments) = (table(&self.plan.rules), table(&default_rules()), default_comments());
        for (name, value) in own.iter().filter(|(name, value)| defaults.get(*name) != Some(value)) {
            let path = format!("{RULES}{name}");
            let (Some(default), Some(comment)) = (defaults.get(name), comments.get(&path)) else { continue };
            if *value != *default {
                self.reasons
                    .entry(path)
                    .or_insert_with(|| format!("{comment} Changed for this plan: the default is {default}."));
            }
        }
    }

    /// Says of a key that its value was given, and what the rules had planned.
    fn explain_pair(&mut self, path: &str, planned: &Table) {
        let Some(before) = value_of(planned, path) else { return };
        let Ok(now) = Table::try_from(&self.plan) else { return };
        if value_of(&now, path) == Some(before) || before.is_table() {
            return;
        }
        if let Some(reason) = self.reasons.get_mut(path) {
            *reason = format!("Given by `--set`; planned was {before}. {reason}");
        }
    }
}

/// A plan that cannot be written as a table, which no plan is.
fn no_table() -> EditError {
    PlanError::Faults { faults: Vec::new() }.into()
}

/// The value of a key by its path.
fn value_of<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let mut keys = rest.into_iter().flat_map(|rest| rest.split('.'));
    keys.try_fold(table.get(first)?, |value, key| value.as_table()?.get(key))
}

/// The pairs, with all folds to run where only their number is given.
fn with_folds(pairs: &[String]) -> Vec<String> {
    let mut all = pairs.to_vec();
    let given = |name: &str| pairs.iter().rev().find(|pair| key(pair) == name);
    let folds = given("split.folds").and_then(|pair| pair.split_once('=')?.1.trim().parse::<usize>().ok());
    if let Some(folds) = folds.filter(|_| given("run.folds").is_none()) {
        all.push(format!("run.folds={:?}", (0..folds).collect::<Vec<_>>()));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::published::tasks;
    use crate::plan::schema::Rules;

    fn applied(rules: &Rules, pairs: &[&str]) -> Result<(String, LoadedPlan), EditError> {
        let pairs: Vec<String> = pairs.iter().map(|&pair| pair.to_owned()).collect();
        tasks()["task04"].planned("task04", rules).applied(Path::new("task04.toml"), &pairs)
    }

    #[test]
    fn given_values_stand_in_the_file_and_their_comments_say_so() {
        let pairs = [
            "split.patient_pattern=^(.*)_E[DS]$",
            "configurations.3d_fullres.batch_size=4",
            "split.folds=3",
            "runtime.data=x y",
        ];
        let (text, loaded) = applied(&default_rules(), &pairs).unwrap();
        assert_eq!(loaded.plan.split.patient_pattern, "^(.*)_E[DS]$");
        assert_eq!((loaded.plan.split.folds, loaded.plan.run.folds), (3, vec![0, 1, 2]));
        assert_eq!(loaded.plan.runtime.data, [Path::new("x y")]);
        assert!(
            text.contains("\n# Given by `--set`; planned was 9. At most ") && text.contains("\nbatch_size = 4\n"),
            "{text}"
        );
        assert!(text.contains("\n[runtime]\ndata = \"x y\"\n") && !text.contains("threads"), "{text}");
    }

    #[test]
    fn nothing_given_leaves_the_planned_text() {
        let planned = tasks()["task04"].planned("task04", &default_rules());
        assert_eq!(applied(&default_rules(), &[]).unwrap().0, planned.text());
    }

    #[test]
    fn a_wrong_value_is_a_fault_of_the_pair() {
        for pair in ["train.lerning_rate=1", "split.patient_pattern=(", "train.batches_per_epoch=many", "split.folds=1"]
        {
            let Err(EditError::Plan(PlanError::Faults { faults })) = applied(&default_rules(), &[pair]) else {
                panic!("{pair}")
            };
            assert!(
                faults.iter().any(|fault| fault.place().is_some_and(|(source, _)| source == "--set")),
                "{pair}: {faults:?}"
            );
        }
    }

    #[test]
    fn a_changed_rule_is_no_longer_called_the_papers() {
        let (text, _) = applied(&Rules { base_features: 16, ..default_rules() }, &[]).unwrap();
        let line = text.lines().position(|line| line == "base_features = 16").unwrap();
        assert!(text.lines().nth(line - 1).unwrap().ends_with("the default is 30."), "{text}");
    }
}
