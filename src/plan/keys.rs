//! What may be written in a plan, as a JSON Schema: for editors, and for [`crate::plan::explain`].
//!
//! Types and choices come from the schema's own types. What a key means comes from the comments of the defaults, which name
//! their sources, and else from the documentation of its field.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::plan::layer::join;
use crate::plan::schema::{ConfigurationName, Plan};
use crate::plan::write::default_comments;

/// What the schema is called, by which it is known again.
pub const TITLE: &str = "A plan of segplan";

/// The JSON Schema (draft 7, which editors of TOML read) of a plan file.
///
/// No key is required: a plan that extends another has its changes only.
pub fn json_schema() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Plan>().to_value();
    let defaults: toml::Table = toml::from_str(include_str!("defaults.toml")).expect("a test reads the defaults");
    let defaults = serde_json::to_value(defaults).expect("defaults are numbers, texts, lists and tables of them");
    describe(&mut schema, "", Some(&defaults), &default_comments());
    let Some(top) = schema.as_object_mut() else { return schema };
    top.insert("title".to_owned(), json!(TITLE));
    let Some(keys) = top.get_mut("properties").and_then(Value::as_object_mut) else { return schema };
    let about = "A plan file, relative to this one, whose values hold where this file says nothing.";
    keys.insert("extends".to_owned(), json!({ "description": about, "type": "string" }));
    let about = "Axes of a sweep: each names keys with lists of values. The lists of one axis go together, axes are crossed, and \
                 each combination is a variant with a run of its own.";
    let axis = json!({ "description": "Keys with lists of one length.", "type": "object" });
    keys.insert("sweep".to_owned(), json!({ "description": about, "type": "array", "items": axis }));
    let Some(networks) = keys.get_mut("configurations").and_then(Value::as_object_mut) else { return schema };
    let network = networks.remove("additionalProperties").unwrap_or_default();
    networks.remove("propertyNames");
    let reference = json!({ "$ref": "#/definitions/Configuration" });
    let names: Map<String, Value> =
        ConfigurationName::ALL.iter().map(|name| (name.to_string(), reference.clone())).collect();
    networks.insert("properties".to_owned(), Value::Object(names));
    networks.insert("additionalProperties".to_owned(), json!(false));
    top.insert("definitions".to_owned(), json!({ "Configuration": network }));
    schema
}

/// The schema as it is printed and committed.
pub fn json_schema_text() -> String {
    format!("{:#}\n", json_schema())
}

/// Leaves out what says nothing to an editor, and adds meanings and defaults.
fn describe(node: &mut Value, path: &str, defaults: Option<&Value>, comments: &BTreeMap<String, String>) {
    let Some(fields) = node.as_object_mut() else { return };
    for noise in ["required", "title", "format"] {
        fields.remove(noise);
    }
    if let Some(comment) = comments.get(path) {
        fields.insert("description".to_owned(), json!(comment.replace('\n', " ")));
    }
    if let Some(value) = defaults.filter(|value| !value.is_object()) {
        fields.insert("default".to_owned(), value.clone());
    }
    for (key, inner) in fields.iter_mut() {
        match (key.as_str(), inner) {
            ("properties", Value::Object(keys)) => {
                for (key, inner) in keys {
                    let default = defaults.and_then(|defaults| defaults.get(key));
                    describe(inner, &join(path, key), default, comments);
                }
            }
            ("additionalProperties" | "items", inner) => describe(inner, &join(path, "NAME"), None, comments),
            _ => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::plan::edit::{EditError, set};
    use crate::plan::fault::{Fault, PlanError};

    #[test]
    fn the_committed_schema_is_current() {
        let committed = include_str!("../../experiments/plan.schema.json");
        assert!(json_schema_text() == committed, "make it again: segplan schema > experiments/plan.schema.json");
    }

    /// Whether a plan in which a key has this value is without a fault that names the key.
    fn passes(path: &str, value: &str) -> bool {
        let text = include_str!("example.toml");
        match set(Path::new("plan.toml"), text, &[format!("{path}={value}")]) {
            Ok(_) => true,
            Err(EditError::Plan(PlanError::Faults { faults })) => {
                let names = [path, path.rsplit('.').next().unwrap()].map(|name| format!("`{name}`"));
                let named = |fault: &Fault| names.iter().any(|name| fault.to_string().contains(name));
                !faults.iter().any(|fault| !fault.is_warning() && named(fault))
            }
            Err(error) => panic!("{path}: {error}"),
        }
    }

    #[test]
    fn the_ranges_that_editors_check_are_those_that_a_plan_is_checked_by() {
        let schema = json_schema();
        let tables = schema["properties"].as_object().unwrap().iter();
        let mut nodes: Vec<(String, &Value)> = Vec::new();
        for (table, node) in tables.filter_map(|(name, node)| Some((name, node["properties"].as_object()?))) {
            nodes.extend(node.iter().map(|(key, node)| (format!("{table}.{key}"), node)));
        }
        let network = schema["definitions"]["Configuration"]["properties"].as_object().unwrap().iter();
        nodes.extend(network.map(|(key, node)| (format!("configurations.3d_fullres.{key}"), node)));
        let mut checked = 0;
        for (path, node) in nodes {
            let whole = node["type"] == "integer";
            let step = if whole { 1.0 } else { 0.5 };
            let written = |value: f64| if whole { format!("{value:.0}") } else { format!("{value:?}") };
            let bound = |key: &str| node[key].as_f64();
            let outside = [
                bound("minimum").map(|least| least - step),
                bound("exclusiveMinimum"),
                bound("maximum").map(|most| most + step),
                bound("exclusiveMaximum"),
            ];
            for value in outside.into_iter().flatten().filter(|_| node["enum"].is_null()) {
                assert!(!passes(&path, &written(value)), "`{path} = {}` is outside of {node}", written(value));
                checked += 1;
            }
            // What also depends on another key is left out.
            let inside = [bound("minimum"), bound("maximum").filter(|most| *most < 1e3)];
            let free = node["enum"].is_null()
                && !["slice_axis", "max_features_2d", "max_features_3d"].iter().any(|key| path.ends_with(key));
            for value in inside.into_iter().flatten().filter(|_| free) {
                assert!(passes(&path, &written(value)), "`{path} = {}` is inside of {node}", written(value));
            }
        }
        assert!(checked > 40, "{checked}");
    }

    #[test]
    fn every_key_of_a_plan_has_its_meaning_in_the_schema() {
        let schema = json_schema();
        let example: toml::Table = toml::from_str(include_str!("example.toml")).unwrap();
        for (table, keys) in example.iter().filter_map(|(name, value)| Some((name, value.as_table()?))) {
            let keys: Vec<&String> = if table == "configurations" { vec![] } else { keys.keys().collect() };
            for key in keys.into_iter().filter(|_| table != "data" || !table.contains("labels")) {
                let node = &schema["properties"][table]["properties"][key];
                assert!(node["description"].as_str().is_some_and(|text| text.len() > 8), "{table}.{key}: {node}");
            }
        }
        let network = &schema["definitions"]["Configuration"]["properties"];
        assert!(network["patch_size"]["description"].as_str().unwrap().contains("voxels"), "{network}");
        assert_eq!(schema["properties"]["train"]["properties"]["batches_per_epoch"]["default"], 250);
    }
}
