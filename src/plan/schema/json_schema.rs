//! The JSON Schema of a plan file (draft 7, which editors of TOML read), from the keys' declarations.

use serde_json::{Map, Value, json};

use crate::plan::schema::key::{Choice, Key, Kind};
use crate::plan::schema::lookup::{kind_of, top_keys};
use crate::plan::schema::range::Range;

/// Title of the schema, by which a schema file is recognised.
pub const TITLE: &str = "A plan of segplan";

/// The JSON Schema of a plan file. No key is required: a plan that extends another has only its changes.
pub fn json_schema() -> Value {
    let mut properties = properties(top_keys());
    let extends = "Another plan file, relative to this one, whose values apply unless this file changes them.";
    properties.insert("extends".to_owned(), json!({ "description": extends, "type": "string" }));
    let sweep = "Axes of a sweep: each names keys with lists of values. The lists of one axis vary together, axes form a grid, and \
                 each combination is a variant with a run of its own.";
    let axis = json!({ "description": "Keys with lists of the same length.", "type": "object" });
    properties.insert("sweep".to_owned(), json!({ "description": sweep, "type": "array", "items": axis }));
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": TITLE,
        "description": "All keys of a plan.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if let Some(network) = top_keys().iter().find_map(|key| match key.kind {
        Kind::Named(_, keys) => Some(table(keys)),
        _ => None,
    }) {
        schema["definitions"] = json!({ "Configuration": network });
    }
    schema
}

/// The schema as it is printed and committed.
pub fn json_schema_text() -> String {
    format!("{:#}\n", json_schema())
}

fn properties(keys: &[Key]) -> Map<String, Value> {
    keys.iter().map(|key| (key.name.to_owned(), node(key))).collect()
}

fn table(keys: &[Key]) -> Value {
    json!({ "type": "object", "properties": properties(keys), "additionalProperties": false })
}

/// The schema of a key: type and range, meaning, default.
fn node(key: &Key) -> Value {
    let mut node = typed(key, key.kind);
    node["description"] = json!(key.comment().lines().next().unwrap_or_default());
    let default = key.default.filter(|_| !matches!(key.kind, Kind::Variants(_)));
    let default = default.and_then(|toml| toml::from_str::<toml::Table>(&format!("value = {toml}")).ok());
    if let Some(value) = default.and_then(|mut table| table.remove("value")) {
        node["default"] = json!(value);
    }
    node
}

fn typed(key: &Key, kind: Kind) -> Value {
    match kind {
        Kind::Integer => ranged("integer", &Range { minimum: key.range.minimum.max(0.0), ..key.range }),
        Kind::Number => ranged("number", &key.range),
        Kind::Switch => json!({ "type": "boolean" }),
        Kind::Text => json!({ "type": "string" }),
        Kind::Folders => json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] }),
        Kind::Interval => listed(typed(key, Kind::Number), Some(2)),
        Kind::List(Kind::Table(keys)) => listed(table(keys), None),
        Kind::List(entry) => listed(typed(key, *entry), None),
        Kind::Array(entry, count) => listed(typed(key, *entry), Some(count)),
        Kind::Choice(choices) => chosen(choices.iter().copied()),
        Kind::VariantName(variants) => chosen(variants.iter().map(|variant| variant.choice)),
        Kind::Labels => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Kind::Table(keys) => table(keys),
        Kind::Named(names, _) => {
            let reference = json!({ "$ref": "#/definitions/Configuration" });
            let names: Map<String, Value> =
                names.iter().map(|name| (name.name.to_owned(), reference.clone())).collect();
            json!({ "type": "object", "properties": names, "additionalProperties": false })
        }
        Kind::Variants(variants) => {
            let tables: Vec<Value> = variants
                .iter()
                .map(|variant| {
                    let mut keys = properties(variant.keys);
                    let mut kind = node(&kind_of(key));
                    kind["oneOf"] = chosen(std::iter::once(variant.choice))["oneOf"].clone();
                    keys.insert("kind".to_owned(), kind);
                    json!({ "type": "object", "properties": keys, "additionalProperties": false })
                })
                .collect();
            json!({ "anyOf": tables })
        }
    }
}

fn listed(entry: Value, count: Option<usize>) -> Value {
    match count {
        Some(count) => json!({ "type": "array", "items": entry, "minItems": count, "maxItems": count }),
        None => json!({ "type": "array", "items": entry }),
    }
}

fn chosen(choices: impl Iterator<Item = Choice>) -> Value {
    let choices: Vec<Value> =
        choices.map(|choice| json!({ "const": choice.name, "description": choice.meaning() })).collect();
    json!({ "oneOf": choices })
}

/// A number with its range.
fn ranged(name: &str, range: &Range) -> Value {
    let mut node = json!({ "type": name });
    // Whole bounds are written as whole numbers.
    let number = |value: f64| if value.fract() == 0.0 { json!(value as i64) } else { json!(value) };
    if !range.choices.is_empty() {
        node["enum"] = json!(range.choices);
        return node;
    }
    if range.minimum.is_finite() {
        node[if range.above_minimum { "exclusiveMinimum" } else { "minimum" }] = number(range.minimum);
    }
    if range.maximum.is_finite() {
        node[if range.below_maximum { "exclusiveMaximum" } else { "maximum" }] = number(range.maximum);
    }
    node
}
