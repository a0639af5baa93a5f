//! The values of the rules and the recipe for the measurements in a plan, to find those that were changed by hand.

use toml::{Table, Value};

use crate::plan::edit::write::{as_table, declared_comment, recipe_of, value_at};
use crate::plan::rules::assemble::{Planned, assemble};
use crate::plan::schema::key::DecidedBy;
use crate::plan::schema::lookup::find;
use crate::plan::schema::{Plan, Rules};

/// The source of a value that was not changed by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Giver {
    /// The rules of the planner.
    Rules,
    /// The recipe.
    Recipe,
}

impl Giver {
    /// As a comment calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rules => "the rules",
            Self::Recipe => "the recipe",
        }
    }
}

/// The values of the rules and the recipe.
#[derive(Clone, Debug)]
pub struct Baseline {
    planned: Planned,
    rules: Table,
    recipe: Table,
}

impl Baseline {
    /// The values that these rules, and the recipe, give for the measurements of a plan.
    pub fn new(plan: &Plan, rules: &Rules) -> Self {
        let planned = assemble(&plan.name, plan.data.clone(), plan.preprocess.intensities.clone(), rules);
        Self { rules: as_table(&planned.plan), planned, recipe: recipe_of(&as_table(plan)) }
    }

    /// The value of a key and its source; `None` for measurements, names and the description of the data set.
    pub fn value(&self, path: &str) -> Option<(Giver, &Value)> {
        match find(path)?.decided_by {
            DecidedBy::Planner => Some((Giver::Rules, value_at(&self.rules, path)?)),
            DecidedBy::Recipe => Some((Giver::Recipe, value_at(&self.recipe, path)?)),
            DecidedBy::Measurement | DecidedBy::Person => None,
        }
    }

    /// The comment above a key that has this value: the reason of the rules or the recipe, or that it was changed by hand.
    pub fn comment(&self, path: &str, value: &Value) -> Option<String> {
        let key = find(path)?;
        match self.value(path) {
            Some((giver, given)) if given != value => Some(key.changed_comment(giver.name(), &given.to_string())),
            Some(_) | None => Some(self.reason(path).unwrap_or_else(|| declared_comment(path, value, &self.recipe))),
        }
    }

    /// The plan of the rules.
    pub fn planned(&self) -> &Planned {
        &self.planned
    }

    /// The reason of a planned value.
    pub fn reason(&self, path: &str) -> Option<String> {
        self.planned.reasons.get(path).cloned()
    }
}
