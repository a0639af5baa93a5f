//! A plan as text: commented TOML with a fixed order of keys and a fixed number format, made to be compared line by line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use toml::{Table, Value};

use crate::plan::schema::key::DecidedBy;
use crate::plan::schema::lookup::{find, join};
use crate::plan::schema::plan::Plan;
use crate::plan::schema::recipe;
use crate::plan::schema::words::comment_lines;

/// Name of the file beside a plan with its JSON Schema, for editors.
pub const SCHEMA_FILE: &str = "plan.schema.json";
/// Keys and tables that a plan file always has.
const ALWAYS_WRITTEN: [&str; 3] = ["schema", "run", "train"];

/// Which keys are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those that were measured, planned or decided: all but the recipe's values outside of `[run]` and `[train]`.
    Decisions,
    /// All keys but those of `[runtime]`, which differ from machine to machine; of these, only changed ones.
    Full,
    /// All keys.
    Everything,
}

/// A plan as a file to edit. Its first line names the schema, for editors; `header` becomes the comment below that.
///
/// Above each key is its reason, or else the comment of its declaration.
pub fn file_text(plan: &Plan, header: &str, reasons: &BTreeMap<String, String>, scope: Scope) -> String {
    format!("#:schema {SCHEMA_FILE}\n{}", text(plan, header, reasons, scope))
}

/// A plan as a run saves it, with all keys.
pub fn resolved_text(plan: &Plan) -> String {
    let header = "The plan of this run, with all keys.";
    text(plan, header, &BTreeMap::new(), Scope::Everything)
}

fn text(plan: &Plan, header: &str, reasons: &BTreeMap<String, String>, scope: Scope) -> String {
    let table = as_table(plan);
    let recipe = recipe_of(&table);
    let mut out = String::new();
    for line in header.lines() {
        let _ = writeln!(out, "{}", format!("# {line}").trim_end());
    }
    out.push('\n');
    let kept = filtered(&table, "", &|path, value| is_written(path, value, &recipe, scope));
    walk(&kept, "", &mut |entry| match entry {
        Entry::Heading(path) => _ = write!(out, "\n[{path}]\n"),
        Entry::Value { path, key, value } => {
            let words = reasons.get(path).cloned().unwrap_or_else(|| declared_comment(path, value, &recipe));
            let _ = writeln!(out, "{}{key} = {value}", comment_lines(&words));
        }
    });
    out
}

/// A plan as a table.
pub(in crate::plan) fn as_table(plan: &Plan) -> Table {
    Table::try_from(plan).expect("a plan is numbers, strings, lists and tables of them")
}

/// The recipe's values, with those of the variants that a plan chooses.
pub(in crate::plan) fn recipe_of(plan: &Table) -> Table {
    let chosen = |path: &str| value_at(plan, &join(path, "kind"))?.as_str().map(str::to_owned);
    toml::from_str(&recipe::text(&chosen)).expect("a test reads the recipe")
}

/// The value at a path.
pub(in crate::plan) fn value_at<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let mut keys = rest.into_iter().flat_map(|rest| rest.split('.'));
    keys.try_fold(table.get(first)?, |value, key| value.as_table()?.get(key))
}

fn is_written(path: &str, value: &Value, recipe: &Table, scope: Scope) -> bool {
    let top = path.split('.').next().unwrap_or(path);
    let differs = value_at(recipe, path) != Some(value);
    match scope {
        Scope::Decisions => differs || ALWAYS_WRITTEN.contains(&top),
        Scope::Full => differs || top != "runtime",
        Scope::Everything => true,
    }
}

/// The comment of a key without a reason of its own.
pub(in crate::plan) fn declared_comment(path: &str, value: &Value, recipe: &Table) -> String {
    let Some(key) = find(path).filter(|key| !is_label(path, key.kind.is_table())) else { return String::new() };
    match (key.decided_by, value_at(recipe, path)) {
        (DecidedBy::Recipe, Some(default)) if default != value => {
            key.changed_comment("the recipe", &default.to_string())
        }
        (DecidedBy::Planner, default) if default != Some(value) => key.comment_without_source(),
        (DecidedBy::Recipe | DecidedBy::Planner | DecidedBy::Measurement | DecidedBy::Person, _) => key.comment(),
    }
}

/// Labels are their own explanation.
fn is_label(path: &str, is_table: bool) -> bool {
    path.starts_with("data.labels.") && !is_table
}

/// The values that a filter keeps, without empty tables.
pub(in crate::plan) fn filtered(table: &Table, path: &str, keep: &dyn Fn(&str, &Value) -> bool) -> Table {
    let kept = |(key, value): (&String, &Value)| {
        let path = join(path, key);
        match value {
            Value::Table(inner) => {
                let inner = filtered(inner, &path, keep);
                (!inner.is_empty()).then(|| (key.clone(), Value::Table(inner)))
            }
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_) => keep(&path, value).then(|| (key.clone(), value.clone())),
        }
    };
    table.iter().filter_map(kept).collect()
}

/// A line of a plan that is not a comment.
pub(in crate::plan) enum Entry<'a> {
    /// The heading of a table, by its path.
    Heading(&'a str),
    /// A key of a table.
    Value {
        /// Path of the key.
        path: &'a str,
        /// Its name.
        key: &'a str,
        /// Its value.
        value: &'a Value,
    },
}

/// Visits a table and the tables in it in the order in which they are written: values first.
pub(in crate::plan) fn walk(table: &Table, path: &str, visit: &mut dyn FnMut(Entry<'_>)) {
    let (tables, values): (Vec<_>, Vec<_>) = table.iter().partition(|(_, value)| value.is_table());
    for (key, value) in values {
        visit(Entry::Value { path: &join(path, key), key, value });
    }
    for (key, value) in tables {
        let Value::Table(inner) = value else { continue };
        let path = join(path, key);
        // A table that contains only tables needs no heading of its own.
        if inner.values().any(|value| !value.is_table()) {
            visit(Entry::Heading(&path));
        }
        walk(inner, &path, visit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::example;

    #[test]
    fn a_written_plan_is_read_as_the_same_plan_and_written_as_the_same_text() {
        let plan = example();
        let written = resolved_text(&plan);
        let read: Plan = toml::from_str(&written).unwrap();
        assert_eq!(read, plan);
        assert_eq!(resolved_text(&read), written);
    }

    #[test]
    fn a_changed_value_does_not_keep_the_source_of_the_recipe() {
        let mut plan = example();
        plan.train.learning_rate = 0.004;
        let text = resolved_text(&plan);
        let comment = "# Initial learning rate. Changed by hand; the recipe: 0.0003.\nlearning_rate = 0.004\n";
        assert!(text.contains(comment), "{text}");
    }

    #[test]
    fn only_decisions_are_written_into_a_plan_file() {
        let mut plan = example();
        plan.predict.test_time_mirroring = false;
        let text = file_text(&plan, "Mine.", &BTreeMap::new(), Scope::Decisions);
        for absent in ["[rules]", "[network]", "[augment", "[runtime]", "tile_step_fraction", "[loss]"] {
            assert!(!text.contains(absent), "{absent} in {text}");
        }
        for present in ["[run]", "[train.schedule]", "test_time_mirroring = false", "schema = 2"] {
            assert!(text.contains(present), "{present} not in {text}");
        }
    }
}
