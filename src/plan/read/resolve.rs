//! From layers to one valid plan.

use serde::Deserialize as _;
use toml::Value;

use crate::plan::check::check;
use crate::plan::read::diagnostic::Diagnostic;
use crate::plan::read::layers::Layers;
use crate::plan::read::structure::{read_structure, sort_by_position};
use crate::plan::schema::plan::{Plan, SCHEMA};

/// The plan of some layers, under another name if one is given, and warnings about it.
///
/// # Errors
///
/// All errors of the plan, with the warnings among them, in the order of the layers and their texts.
pub(in crate::plan) fn resolve(
    layers: &Layers,
    name: Option<&str>,
) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    if let Some(error) = other_schema(layers) {
        return Err(vec![error]);
    }
    let mut structure = read_structure(layers);
    let mut diagnostics = std::mem::take(&mut structure.errors);
    let mut plan = match Plan::deserialize(structure.values.clone()) {
        Ok(plan) => plan,
        Err(error) => {
            if diagnostics.is_empty() {
                diagnostics.push(Diagnostic::without_position(error.to_string()));
            }
            return Err(diagnostics);
        }
    };
    if let Some(name) = name {
        name.clone_into(&mut plan.name);
    }
    diagnostics.extend(check(&plan, layers, &structure));
    sort_by_position(&mut diagnostics, layers);
    if diagnostics.iter().all(Diagnostic::is_warning) { Ok((plan, diagnostics)) } else { Err(diagnostics) }
}

/// A plan of another version of the format: its keys have other names, so that nothing else is worth an error.
fn other_schema(layers: &Layers) -> Option<Diagnostic> {
    let merged = layers.merged();
    let version = merged.get("schema").and_then(Value::as_integer).filter(|version| *version != i64::from(SCHEMA))?;
    let message = format!("the plan has format version {version}, and this program reads version {SCHEMA}");
    let help = if version < i64::from(SCHEMA) {
        "most keys have new names; plan the data set again with `segplan plan DATASET -o FILE`"
    } else {
        "the plan was written by a newer version of segplan"
    };
    Some(layers.at_value("schema", message, format!("expected {SCHEMA}")).help(help))
}
