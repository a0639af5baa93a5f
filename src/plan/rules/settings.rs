//! Values that are given when a plan is made: constants of the rules, which change what is planned, and other keys, which replace
//! what is planned.

use std::path::Path;

use serde::Deserialize as _;
use toml::{Table, Value};

use crate::plan::edit::set::EditError;
use crate::plan::edit::write::{Scope, as_table, resolved_text, value_at};
use crate::plan::read::diagnostic::PlanError;
use crate::plan::read::layer::{Layer, Source};
use crate::plan::read::load::load_text;
use crate::plan::read::loaded::LoadedPlan;
use crate::plan::rules::assemble::Planned;
use crate::plan::rules::published::tasks;
use crate::plan::schema::key::DecidedBy;
use crate::plan::schema::lookup::find;
use crate::plan::schema::{Rules, recipe};
use crate::units::shell_word;

/// The table whose values change the planning.
const RULES: &str = "rules";

/// `KEY=VALUE`s: those of `[rules]`, and the others.
pub fn split_rules(pairs: &[String]) -> (Vec<String>, Vec<String>) {
    pairs.iter().cloned().partition(|pair| key(pair).split('.').next() == Some(RULES))
}

fn key(pair: &str) -> &str {
    pair.split('=').next().unwrap_or(pair).trim()
}

/// The recipe's constants of the rules, with some of them changed by texts such as `rules.cascade_threshold=2`.
///
/// # Errors
///
/// When a text is malformed, or its key or value is wrong.
pub fn changed_rules(texts: &[String]) -> Result<Rules, PlanError> {
    check(texts)?;
    let mut rules = Table::try_from(recipe::rules()).expect("rules are numbers, strings and lists");
    for text in texts {
        let layer = Layer::of_pair(Source::Set, text, key(text));
        let change = layer.and_then(|mut layer| layer.values.remove(RULES));
        if let Some(Value::Table(change)) = change {
            rules.extend(change);
        }
    }
    Ok(Rules::deserialize(rules).expect("the values were checked"))
}

/// Checks what is to be set as far as it does not depend on measurements, so that a misspelt key is reported before they begin.
///
/// # Errors
///
/// All errors that do not depend on what is planned.
pub fn check(pairs: &[String]) -> Result<(), PlanError> {
    let is_early = |pair: &&String| {
        let is_measured = |key: crate::plan::schema::key::Key| key.decided_by != DecidedBy::Recipe;
        !find(key(pair)).is_some_and(is_measured)
    };
    let early: Vec<String> = pairs.iter().filter(is_early).cloned().collect();
    // Any plan will do: one of the paper's tasks.
    let text = tasks().remove("task04").map(|task| resolved_text(&task.plan("example", &recipe::rules()).plan));
    let Some(text) = text else { return Ok(()) };
    match load_text(Path::new("plan.toml"), &text, &early) {
        Ok(_) => Ok(()),
        Err(PlanError::Invalid { mut diagnostics }) => {
            diagnostics.retain(|one| !one.is_warning() && one.is_of(&Source::Set));
            if diagnostics.is_empty() { Ok(()) } else { Err(PlanError::invalid(diagnostics)) }
        }
        Err(error) => Err(error),
    }
}

impl Planned {
    /// The text of the plan with these values set, and the plan as `run` will load it.
    ///
    /// # Errors
    ///
    /// When a pair is malformed, or the plan would have an error: at the position of the pair that causes it.
    pub fn with_settings(
        mut self,
        file: &Path,
        pairs: &[String],
        scope: Scope,
    ) -> Result<(String, LoadedPlan), EditError> {
        let pairs = with_folds(pairs);
        self.header = self.header.replace("FILE", &shell_word(&file.display().to_string()));
        if !pairs.is_empty() {
            let loaded = load_text(file, &self.text(Scope::Full), &pairs)?;
            let planned = as_table(&self.plan);
            self.plan = loaded.plan;
            for pair in &pairs {
                self.give_reason(key(pair), &planned);
            }
        }
        let text = self.text(scope);
        let loaded = load_text(file, &text, &[])?;
        Ok((text, loaded))
    }

    /// Replaces the reason of a key by what the rules had planned, if its value is another one.
    fn give_reason(&mut self, path: &str, planned: &Table) {
        let Some(before) = value_at(planned, path) else { return };
        let now = as_table(&self.plan);
        let is_planned = find(path).is_some_and(|key| key.decided_by == DecidedBy::Planner);
        if value_at(&now, path) == Some(before) || before.is_table() || !is_planned {
            return;
        }
        if let Some(key) = find(path) {
            self.reasons.insert(path.to_owned(), key.changed_comment("the rules", &before.to_string()));
        }
    }
}

/// The pairs, with all folds to run if only their number is given.
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

    fn applied(rules: &Rules, pairs: &[&str]) -> Result<(String, LoadedPlan), EditError> {
        let pairs: Vec<String> = pairs.iter().map(|&pair| pair.to_owned()).collect();
        tasks()["task04"].plan("task04", rules).with_settings(Path::new("task04.toml"), &pairs, Scope::Decisions)
    }

    #[test]
    fn given_values_are_in_the_file_and_their_comments_name_the_planned_ones() {
        let pairs = [
            "split.patient_pattern=^(.*)_E[DS]$",
            "configurations.3d_fullres.batch_size=4",
            "split.folds=3",
            "runtime.data=x y",
        ];
        let (text, loaded) = applied(&recipe::rules(), &pairs).unwrap();
        assert_eq!(loaded.plan.split.patient_pattern, "^(.*)_E[DS]$");
        assert_eq!((loaded.plan.split.folds, loaded.plan.run.folds), (3, vec![0, 1, 2]));
        assert_eq!(loaded.plan.runtime.data, [Path::new("x y")]);
        assert!(
            text.contains("\n# Batch size: patches per batch. Changed by hand; the rules: 9.\n")
                && text.contains("\nbatch_size = 4\n"),
            "{text}"
        );
        assert!(text.contains("data = [\"x y\"]\n") && !text.contains("threads"), "{text}");
    }

    #[test]
    fn without_settings_the_text_is_the_planned_one() {
        let planned = tasks()["task04"].plan("task04", &recipe::rules());
        let expected = planned.text(Scope::Decisions).replace("FILE", "task04.toml");
        assert_eq!(applied(&recipe::rules(), &[]).unwrap().0, expected);
    }

    #[test]
    fn a_wrong_value_is_an_error_of_its_pair() {
        for pair in ["train.lerning_rate=1", "split.patient_pattern=(", "train.batches_per_epoch=many", "split.folds=1"]
        {
            let Err(EditError::Plan(PlanError::Invalid { diagnostics })) = applied(&recipe::rules(), &[pair]) else {
                panic!("{pair}")
            };
            assert!(
                diagnostics.iter().any(|one| one.position().is_some_and(|(source, _)| source == "--set")),
                "{pair}: {diagnostics:?}"
            );
        }
    }

    #[test]
    fn a_changed_rule_does_not_cite_the_paper() {
        let (text, _) = applied(&Rules { base_features: 16, ..recipe::rules() }, &[]).unwrap();
        let line = text.lines().position(|line| line == "base_features = 16").unwrap();
        assert!(text.lines().nth(line - 1).unwrap().ends_with("Changed by hand; the recipe: 30."), "{text}");
    }

    #[test]
    fn rules_are_changed_one_by_one() {
        let texts = |texts: &[&str]| changed_rules(&texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>());
        let changed = texts(&["rules.cascade_threshold = 2.5", "rules.reference_patch_size_3d=[16, 32, 32]"]).unwrap();
        assert_eq!((changed.cascade_threshold, changed.reference_patch_size_3d.0), (2.5, [16, 32, 32]));
        assert_eq!(Rules { base_features: 8, ..recipe::rules() }, texts(&["rules.base_features=8"]).unwrap());
        assert!(texts(&["rules.cascade_treshold=2"]).unwrap_err().to_string().contains("cascade_treshold"));
        assert!(texts(&["rules.base_features=-1"]).is_err());
    }
}
