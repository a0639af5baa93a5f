//! What a key of a plan means: in words, from the schema, the defaults and the planner's own reasons.

use std::fmt;

use serde_json::Value;

use crate::plan::form::nearest;
use crate::plan::keys::json_schema;
use crate::plan::layer::join;
use crate::plan::make::{assemble, default_rules};
use crate::plan::rules::Measured;
use crate::plan::schema::{ConfigurationName, Plan};

/// What stands for the name of a configuration in the path of a key.
const ANY: &str = "NAME";

/// Where the wrapped lines of an explanation end, letters.
const WIDTH: usize = 100;

/// A key of a plan, explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Its path, such as `train.batches_per_epoch` or `configurations.NAME.patch_size`.
    pub path: String,
    /// What it means, with its unit and source.
    pub meaning: String,
    /// What may be written for it; none for a table.
    pub kind: Option<String>,
    /// What holds where a plan does not say.
    pub default: Option<String>,
    /// How the planner decides on it, with the numbers of the paper's hippocampus.
    pub rule: Option<String>,
    /// The keys of a table, each with its meaning.
    pub keys: Vec<(String, String)>,
}

/// Every key that is meant by a path, by its last name alone, or by none: then the tables of a plan.
///
/// # Errors
///
/// The nearest known keys, where there is no such key.
pub fn explain(asked: Option<&str>) -> Result<Vec<Explained>, Vec<String>> {
    let schema = json_schema();
    let mut known = Vec::new();
    collect(&schema, &schema, "", &mut known);
    let Some(asked) = asked else { return Ok(known.into_iter().filter(|key| key.path.is_empty()).collect()) };
    let parts: Vec<&str> = asked.split('.').collect();
    let is_name = |part: &str| ConfigurationName::ALL.iter().any(|name| name.as_str() == part);
    let path = match parts.as_slice() {
        ["configurations", name, rest @ ..] if is_name(name) => [&["configurations", ANY], rest].concat().join("."),
        _ => asked.to_owned(),
    };
    let named = |key: &&Explained| key.path == path || key.path.rsplit('.').next() == Some(asked);
    let found: Vec<Explained> = known.iter().filter(named).cloned().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let last = parts.last().copied().unwrap_or(asked);
    let names: Vec<&str> = known.iter().filter_map(|key| key.path.rsplit('.').next()).collect();
    let near = nearest(last, &names);
    let close = known.iter().filter(|key| near.is_some() && key.path.rsplit('.').next() == near);
    Err(close.map(|key| key.path.clone()).collect())
}

fn collect(schema: &Value, node: &Value, path: &str, known: &mut Vec<Explained>) {
    let node = match node["$ref"].as_str() {
        Some(reference) => schema.pointer(reference.trim_start_matches('#')).unwrap_or(node),
        None => node,
    };
    let meaning = |node: &Value| node["description"].as_str().unwrap_or_default().replace('\n', " ");
    let mut inner: Vec<(String, &Value)> = Vec::new();
    if path == "configurations" {
        inner.extend(node["properties"].get("3d_fullres").map(|network| (ANY.to_owned(), network)));
    } else if let Some(keys) = node["properties"].as_object() {
        inner.extend(keys.iter().map(|(key, node)| (key.clone(), node)));
    }
    known.push(Explained {
        path: path.to_owned(),
        meaning: meaning(node),
        kind: Some(kind(node)).filter(|_| inner.is_empty()),
        default: node.get("default").map(Value::to_string),
        rule: rule(path),
        keys: inner.iter().map(|(key, node)| (key.clone(), meaning(node))).collect(),
    });
    for (key, node) in inner {
        collect(schema, node, &join(path, &key), known);
    }
}

/// What may be written, in words.
fn kind(node: &Value) -> String {
    let choices = node["oneOf"].as_array().or_else(|| node["anyOf"].as_array()).into_iter().flatten();
    let choices: Vec<String> = choices
        .filter_map(|choice| {
            let value = choice.get("const").or_else(|| choice["enum"].get(0))?;
            Some(format!("{value} ({})", choice["description"].as_str().unwrap_or_default().trim_end_matches('.')))
        })
        .collect();
    if !choices.is_empty() {
        return choices.join(", or ");
    }
    if let Some(kinds) = node["anyOf"].as_array() {
        return kinds.iter().map(kind).collect::<Vec<_>>().join(", or ");
    }
    let entries = |count: Option<u64>| match count {
        Some(count) => format!("{count} of: {}", kind(&node["items"])),
        None => format!("a list of: {}", kind(&node["items"])),
    };
    match node["type"].as_str() {
        Some("integer") => format!("a whole number{}", range(node)),
        Some("number") => format!("a number{}", range(node)),
        Some("boolean") => "true or false".to_owned(),
        Some("array") => entries(node["maxItems"].as_u64()),
        Some("object") => "a table".to_owned(),
        _ => "a text".to_owned(),
    }
}

/// The range of a number, in words behind a comma.
fn range(node: &Value) -> String {
    let bound = |key: &str| node[key].as_f64();
    if let Some(choices) = node["enum"].as_array() {
        let choices: Vec<String> = choices.iter().map(Value::to_string).collect();
        return format!(": {}", choices.join(", "));
    }
    let least = match (bound("exclusiveMinimum"), bound("minimum")) {
        (Some(above), _) => Some(format!("more than {above}")),
        (None, least) => least.map(|least| least.to_string()),
    };
    match (least, bound("exclusiveMaximum"), bound("maximum")) {
        (None, None, None) => String::new(),
        (Some(least), Some(below), _) => format!(", {least} and less than {below}"),
        (Some(least), None, Some(most)) if least.starts_with("more") => format!(", {least}, at most {most}"),
        (Some(least), None, Some(most)) => format!(", {least} to {most}"),
        (Some(least), None, None) if least.starts_with("more") => format!(", {least}"),
        (Some(least), None, None) => format!(", {least} or more"),
        (None, Some(below), _) => format!(", less than {below}"),
        (None, None, Some(most)) => format!(", at most {most}"),
    }
}

/// The planner's reason for a key, for the data set of the paper's hippocampus row.
fn rule(path: &str) -> Option<String> {
    let example: Plan = toml::from_str(include_str!("example.toml")).expect("a test reads this file");
    let median = example.data.median_shape;
    let measured = Measured { cases: example.data.cases, spacing: example.data.median_spacing_mm, median };
    let normalization = example.preprocess.normalization_scheme;
    let planned = assemble(&example.name, example.data, &measured, normalization, Vec::new(), &default_rules());
    planned.reasons.get(&path.replace(ANY, ConfigurationName::FullRes.as_str())).cloned()
}

impl fmt::Display for Explained {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = if self.path.is_empty() { "A plan" } else { &self.path };
        writeln!(out, "{title}")?;
        paragraph(out, "", &self.meaning)?;
        if let Some(kind) = &self.kind {
            paragraph(out, "write    ", kind)?;
            let none = "none: `segplan plan` writes it, from the data set";
            paragraph(out, "default  ", self.default.as_deref().unwrap_or(none))?;
        }
        if let Some(rule) = self.rule.as_ref().filter(|rule| **rule != self.meaning) {
            paragraph(out, "planned  ", &format!("for the paper's hippocampus: {rule}"))?;
        }
        for (key, meaning) in &self.keys {
            paragraph(out, &format!("{key:24} "), meaning)?;
        }
        Ok(())
    }
}

/// Words behind a heading, broken so that the heading's column stays free.
fn paragraph(out: &mut fmt::Formatter<'_>, heading: &str, text: &str) -> fmt::Result {
    let indent = 2 + heading.chars().count();
    let mut column = indent;
    write!(out, "  {heading}")?;
    for (at, word) in text.split_whitespace().enumerate() {
        let length = word.chars().count();
        if at > 0 && column + 1 + length > WIDTH {
            write!(out, "\n{:indent$}", "")?;
            column = indent;
        } else if at > 0 {
            write!(out, " ")?;
            column += 1;
        }
        write!(out, "{word}")?;
        column += length;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(asked: &str) -> String {
        explain(Some(asked)).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn keys_tables_and_choices_in_words() {
        let all: Vec<String> =
            ["configurations.2d.batch_size", "patience_epochs", "factor", "batch_dice", "folds", "predict"]
                .map(said)
                .into();
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn a_misspelt_key_has_near_ones() {
        assert_eq!(explain(Some("train.lerning_rate")).unwrap_err(), ["train.learning_rate"]);
        assert_eq!(explain(Some("pach_size")).unwrap_err(), ["configurations.NAME.patch_size"]);
        assert!(explain(Some("zzzzzzzz")).unwrap_err().is_empty());
    }
}
