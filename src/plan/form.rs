//! The form of a plan: which keys there are, and what may be written for each. Faults of content are `validate`'s.

use std::sync::LazyLock;

use serde::Deserialize as _;
use toml::{Table, Value};

use crate::plan::fault::Fault;
use crate::plan::layer::join;
use crate::plan::load::Layers;
use crate::plan::schema::{ConfigurationName, Plan};

/// A whole plan: every key, with a value that is right.
static EXAMPLE: LazyLock<Table> =
    LazyLock::new(|| toml::from_str(include_str!("example.toml")).expect("a test reads this file"));

/// How many letters a misspelt key may be off, as a share of its length.
const NEAR: f64 = 0.5;

/// Every fault of form in the merged values of some layers.
pub(super) fn faults(merged: &Table, layers: &Layers) -> Vec<Fault> {
    let mut found = Vec::new();
    in_table(merged, &EXAMPLE, "", layers, &mut found);
    let mut missing = Vec::new();
    absent(merged, &EXAMPLE, "", &mut missing);
    if !missing.is_empty() {
        let fault = Fault::nowhere(format!("the plan lacks {}", missing.join(", ")));
        let help = "`segplan plan DATASET` writes whole plans; a plan with `extends = \"FILE\"` needs its changes only";
        found.push(fault.help(help));
    }
    found
}

/// The keys of the example that some values lack, and their tables where all of them are lacking.
fn absent(merged: &Table, example: &Table, path: &str, missing: &mut Vec<String>) {
    if path == "data.labels" {
        return;
    }
    if path == "configurations" {
        for (name, table) in merged.iter().filter_map(|(name, value)| Some((name, value.as_table()?))) {
            if let Some(Value::Table(example)) = example_of(example, path, name) {
                absent(table, example, &join(path, name), missing);
            }
        }
        return;
    }
    for (key, example) in example {
        let inner = join(path, key);
        match (merged.get(key), example) {
            (None, _) => missing.push(format!("`{inner}`")),
            (Some(Value::Table(table)), Value::Table(example)) => absent(table, example, &inner, missing),
            (Some(_), _) => (),
        }
    }
}

/// What the example has in a table's place; configurations are all alike.
fn example_of<'a>(example: &'a Table, path: &str, key: &str) -> Option<&'a Value> {
    if path == "configurations" {
        let known = ConfigurationName::ALL.iter().any(|name| name.as_str() == key);
        return example.get("3d_fullres").filter(|_| known);
    }
    example.get(key)
}

fn in_table(merged: &Table, example: &Table, path: &str, layers: &Layers, found: &mut Vec<Fault>) {
    for (key, value) in merged {
        let inner = join(path, key);
        if path == "data.labels" {
            check_value(&inner, key, value, layers, found);
            continue;
        }
        match (example_of(example, path, key), value) {
            (None, _) => found.push(unknown(&inner, key, path, example, layers)),
            (Some(Value::Table(example)), Value::Table(table)) => in_table(table, example, &inner, layers, found),
            (Some(_), _) => check_value(&inner, key, value, layers, found),
        }
    }
}

fn unknown(path: &str, key: &str, table: &str, example: &Table, layers: &Layers) -> Fault {
    let names: Vec<&str> = if table == "configurations" {
        ConfigurationName::ALL.iter().map(|name| name.as_str()).collect()
    } else {
        example.keys().map(String::as_str).collect()
    };
    let place = if table.is_empty() { "at the top of a plan".to_owned() } else { format!("in `[{table}]`") };
    let fault = layers.fault_at_key(path, format!("there is no key `{key}` {place}"), "not known");
    match nearest(key, &names) {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None => fault.help(format!("known there: {}", names.join(", "))),
    }
}

/// Puts one value into the example; whatever the plan's types then object to is the value's fault.
fn check_value(path: &str, key: &str, value: &Value, layers: &Layers, found: &mut Vec<Fault>) {
    let mut whole = EXAMPLE.clone();
    let mut inner = &mut whole;
    let parts: Vec<&str> = path.split('.').collect();
    let Some((last, tables)) = parts.split_last() else { return };
    for (depth, table) in tables.iter().enumerate() {
        let name = if depth == 1 && tables[0] == "configurations" { "3d_fullres" } else { table };
        match inner.get_mut(name).and_then(Value::as_table_mut) {
            Some(next) => inner = next,
            None => return,
        }
    }
    inner.insert((*last).to_owned(), value.clone());
    let Err(error) = Plan::deserialize(whole) else { return };
    let reason = in_words(error.message().trim_end());
    let fault = layers.fault_at_value(path, format!("`{key}` cannot be {}", shown(value)), &reason);
    // What is expected of a choice stands in backquotes.
    let choices: Vec<&str> = reason.split('`').skip(1).step_by(2).collect();
    let listed = value.as_array().into_iter().flatten();
    let mut given = value.as_str().into_iter().chain(listed.filter_map(Value::as_str));
    let near = given.find(|given| !choices.contains(given)).and_then(|given| nearest(given, &choices));
    found.push(match near {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None => fault,
    });
}

/// What serde says of a wrong value, without what the fault says already and without the names of Rust's types.
fn in_words(reason: &str) -> String {
    let types = [
        ("expected usize", "expected a whole number, 0 or more"),
        ("expected u64", "expected a whole number, 0 or more"),
        ("expected u32", "expected a whole number, 0 or more"),
        ("expected u8", "expected a whole number from 0 to 255"),
        ("expected f64", "expected a number"),
        ("expected a boolean", "expected `true` or `false`, without quotes"),
        ("expected a sequence", "expected a list, such as `[1, 2]`"),
        ("expected a string", "expected a text in quotes"),
        ("expected path string", "expected a text in quotes"),
        ("expected struct", "expected a table of keys"),
        ("expected an array of length 3", "expected three entries: z, y, x"),
        ("expected an array of length 2", "expected two entries"),
    ];
    // "invalid type: string "many", expected usize": the value stands in the fault's own message.
    let said = reason.find("expected ").map_or(reason, |at| &reason[at..]);
    let plain = types.into_iter().find(|(rust, _)| said.starts_with(rust)).map_or(said, |(_, words)| words);
    // What the plan's own types say is in words already.
    if reason.starts_with('`') { reason.to_owned() } else { plain.to_owned() }
}

/// The name that a misspelt one is nearest to, if it is near.
pub(super) fn nearest<'a>(given: &str, names: &[&'a str]) -> Option<&'a str> {
    let off = |name: &str| strsim::damerau_levenshtein(name, given);
    let near = names.iter().min_by_key(|name| off(name))?;
    Some(*near).filter(|near| off(near) as f64 <= NEAR * near.chars().count() as f64)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Table(_) => "a table".to_owned(),
        Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Array(_) => format!("`{value}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_whole_plan() {
        let plan: Plan = toml::from_str(include_str!("example.toml")).unwrap();
        let written = Table::try_from(&plan).unwrap();
        assert_eq!(written, *EXAMPLE);
    }
}
