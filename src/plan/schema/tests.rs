//! The declarations of keys, and what follows from them.

use std::path::Path;

use toml::{Table, Value};

use crate::plan::edit::{EditError, set};
use crate::plan::read::PlanError;
use crate::plan::schema::json_schema::{json_schema, json_schema_text};
use crate::plan::schema::key::{DecidedBy, Key, Kind};
use crate::plan::schema::lookup::{Declared, declared, find};
use crate::plan::schema::{Plan, recipe};
use crate::plan::testing::{example, example_text};

/// Keys that are no tables, with `3d_fullres` for the name of a configuration.
fn leaves() -> Vec<Declared> {
    let mut all = declared();
    all.retain(|one| !one.key.kind.is_table() && !matches!(one.key.kind, Kind::List(Kind::Table(_))));
    for one in &mut all {
        one.path = one
            .path
            .replace("NAME", "3d_fullres")
            .replace("intensities.", "intensities.0.")
            .replace("regions.", "regions.0.");
    }
    all
}

/// Keys that are no tables, of the variants that the recipe chooses. The example has no regions.
fn recipe_leaves() -> Vec<Declared> {
    let is_chosen = |one: &Declared| {
        let table = one.path.rsplit_once('.').map_or("", |(table, _)| table);
        one.variant.is_none_or(|kind| recipe::value(&format!("{table}.kind")) == Some(kind.into()))
    };
    let is_in_example = |one: &Declared| !one.path.starts_with("data.regions.");
    leaves().into_iter().filter(is_chosen).filter(is_in_example).collect()
}

fn is_number(key: &Key) -> bool {
    match key.kind {
        Kind::Integer | Kind::Number | Kind::Interval => true,
        Kind::List(entry) | Kind::Array(entry, _) => matches!(entry, Kind::Integer | Kind::Number),
        _ => false,
    }
}

#[test]
fn every_declaration_is_complete() {
    // Any number will do as an intensity.
    let unbounded = ["schema", "mean", "p00_5", "p99_5"];
    for Declared { path, key, .. } in declared() {
        assert!(key.meaning().len() > 4 && key.meaning().ends_with('.'), "`{path}` has no meaning");
        for choice in key.kind.choices() {
            assert!(choice.meaning().ends_with('.'), "`{path}`: `{}` has no meaning", choice.name);
        }
        if key.kind.is_table() {
            continue;
        }
        let needs_default = key.decided_by == DecidedBy::Recipe && !path.starts_with("preprocess.intensities.");
        assert!(!needs_default || key.default.is_some(), "`{path}` has no default");
        let has_range = !key.range.to_string().is_empty() || unbounded.contains(&key.name);
        assert!(!is_number(&key) || has_range, "`{path}` has no range");
        let unit = ["_mm", "_voxels", "_gib"].iter().any(|unit| key.name.ends_with(unit));
        assert!(!unit || !key.unit.is_empty(), "`{path}` has no unit");
    }
}

#[test]
fn the_recipe_has_every_default_and_its_values_are_valid() {
    let recipe = recipe::values();
    let whole = Table::try_from(example()).unwrap();
    for Declared { path, key, .. } in recipe_leaves().iter().filter(|one| one.key.default.is_some()) {
        let value = recipe::value(path).unwrap_or_else(|| panic!("`{path}` is not in the recipe"));
        let default: Table = toml::from_str(&format!("value = {}", key.default.unwrap())).unwrap();
        assert_eq!(value, default["value"], "{path}");
    }
    for table in ["rules", "network", "loss", "train", "augment", "predict", "postprocess", "evaluate", "runtime"] {
        assert_eq!(recipe[table], whole[table], "[{table}]");
    }
}

/// Whether a plan in which a key has this value has no error about the key.
fn is_accepted(path: &str, value: &str) -> bool {
    match set(Path::new("plan.toml"), &example_text(), &[format!("{path}={value}")]) {
        Ok(_) => true,
        Err(EditError::Plan(PlanError::Invalid { diagnostics })) => {
            let about_key = |text: String| text.contains(&format!("`{path}`"));
            !diagnostics.iter().any(|one| !one.is_warning() && about_key(one.to_string()))
        }
        Err(error) => panic!("{path}: {error}"),
    }
}

#[test]
fn values_outside_of_a_range_are_refused_and_its_bounds_are_not() {
    let mut checked = 0;
    let is_plain = |one: &&Declared| matches!(one.key.kind, Kind::Integer | Kind::Number);
    // Another format has an error of its own.
    let is_checked = |one: &&Declared| is_plain(one) && one.path != "schema";
    for Declared { path, key, .. } in recipe_leaves().iter().filter(is_checked) {
        let range = key.range;
        let is_whole = matches!(key.kind, Kind::Integer);
        let step = if is_whole { 1.0 } else { 0.5 };
        let written = |value: f64| if is_whole { format!("{value:.0}") } else { format!("{value:?}") };
        let outside = [range.minimum - step, range.maximum + step];
        for value in outside.into_iter().filter(|value| value.is_finite() && !range.contains(*value)) {
            assert!(!is_accepted(path, &written(value)), "`{path} = {}` is outside of {range}", written(value));
            checked += 1;
        }
        // These depend on other keys.
        let depends = ["slice_axis", "max_features_2d", "max_features_3d", "folds"];
        let inside = [range.minimum, range.maximum].into_iter().filter(|value| value.abs() < 1e3);
        for value in inside.filter(|value| range.contains(*value) && !depends.contains(&key.name)) {
            assert!(is_accepted(path, &written(value)), "`{path} = {}` is inside of {range}", written(value));
        }
    }
    assert!(checked > 40, "{checked}");
}

#[test]
fn values_of_another_type_are_refused() {
    for Declared { path, key, .. } in recipe_leaves() {
        let wrong = match key.kind {
            Kind::Text | Kind::Folders | Kind::Choice(_) | Kind::VariantName(_) => "3",
            _ => "\"text\"",
        };
        let dotted = path.contains("labels");
        assert!(dotted || !is_accepted(&path, wrong), "`{path} = {wrong}`");
    }
}

#[test]
fn the_committed_schema_is_current() {
    let committed = include_str!("../../../experiments/plan.schema.json");
    assert!(json_schema_text() == committed, "outdated: segplan schema > experiments/plan.schema.json");
}

/// The node of a key inside of the node of its table.
fn inside<'a>(table: &'a serde_json::Value, name: &str, variant: Option<&str>) -> &'a serde_json::Value {
    let is_chosen =
        |one: &&serde_json::Value| variant.is_none_or(|kind| one["properties"]["kind"]["oneOf"][0]["const"] == kind);
    let variants = table["anyOf"].as_array();
    let table = variants.and_then(|all| all.iter().find(is_chosen)).unwrap_or(table);
    let table = if table["items"].is_object() { &table["items"] } else { table };
    &table["properties"][name]
}

#[test]
fn the_json_schema_has_every_key_with_its_meaning() {
    let schema = json_schema();
    for Declared { path, key, variant } in leaves() {
        let path = path.replace("intensities.0", "intensities").replace("regions.0", "regions");
        let (top, path) = match path.strip_prefix("configurations.3d_fullres.") {
            Some(rest) => (&schema["definitions"]["Configuration"], rest),
            None => (&schema, path.as_str()),
        };
        let node = path.split('.').fold(top, |node, part| inside(node, part, variant));
        let is_described = node["description"].as_str().is_some_and(|text| key.comment().starts_with(text));
        assert!(is_described, "{path}: {node}");
    }
    assert_eq!(schema["properties"]["train"]["properties"]["batches_per_epoch"]["default"], 250);
}

#[test]
fn keys_are_found_by_path() {
    assert_eq!(find("configurations.2d.patch_size.1").unwrap().name, "patch_size");
    assert_eq!(find("train.schedule.kind").unwrap().name, "kind");
    assert_eq!(find("preprocess.intensities.0.mean").unwrap().name, "mean");
    assert_eq!(find("data.labels.3").unwrap().name, "labels");
    assert!(find("train.batch_size").is_none() && find("configurations.4d").is_none());
    let plan = Value::try_from(example()).unwrap();
    assert!(plan.try_into::<Plan>().is_ok());
}
