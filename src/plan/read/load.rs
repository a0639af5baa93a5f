//! From files, environment and command line to one valid plan.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::plan::read::diagnostic::{Diagnostic, PlanError};
use crate::plan::read::layer::{Layer, Source};
use crate::plan::read::layers::{EXTENDS, Layers};
use crate::plan::read::loaded::LoadedPlan;
use crate::plan::read::resolve::resolve;
use crate::plan::read::sweep;
use crate::plan::read::variables::{command_line, environment, read_variables};

/// Loads a plan file with all its layers, and checks it.
///
/// # Errors
///
/// When a file cannot be read, plans extend each other in a cycle, or the plan has errors: then with all of them.
pub fn load(path: &Path, overrides: &[String]) -> Result<LoadedPlan, PlanError> {
    load_with(path, read_variables(), overrides)
}

/// Loads a plan without environment and command line; `text_of` gives the text of the plan and of what it extends.
///
/// For plans that are not on disk: an edited text, or a revision of git.
///
/// # Errors
///
/// As [`load`], and whatever `text_of` cannot give.
pub fn load_from(path: &Path, text_of: &TextOf) -> Result<LoadedPlan, PlanError> {
    finish(files(path, text_of)?, text_of(path)?)
}

/// Loads the text of a plan that is not on disk yet as the file `path`, with settings as of `--set`, without the environment.
///
/// # Errors
///
/// As [`load`].
pub fn load_text(path: &Path, text: &str, overrides: &[String]) -> Result<LoadedPlan, PlanError> {
    let mut layers = files(path, &|file| if file == path { Ok(text.to_owned()) } else { read_file(file) })?;
    let mut errors = Vec::new();
    layers.extend(command_line(overrides, &mut errors));
    if !errors.is_empty() {
        return Err(PlanError::invalid(errors));
    }
    finish(layers, text.to_owned())
}

/// Returns the text of a plan file.
pub type TextOf<'a> = dyn Fn(&Path) -> Result<String, PlanError> + 'a;

/// As [`load`], with these variables of the environment.
fn load_with(path: &Path, variables: Vec<(String, String)>, overrides: &[String]) -> Result<LoadedPlan, PlanError> {
    let mut layers = files(path, &read_file)?;
    let mut errors = Vec::new();
    layers.extend(environment(variables, &mut errors));
    layers.extend(command_line(overrides, &mut errors));
    if !errors.is_empty() {
        return Err(PlanError::invalid(errors));
    }
    finish(layers, read_file(path)?)
}

/// Loads the plan that a run has saved, without the environment. Keys that an earlier version did not have get the recipe's values.
///
/// # Errors
///
/// As [`load`].
pub fn load_resolved(path: &Path) -> Result<LoadedPlan, PlanError> {
    load_from(path, &read_file)
}

fn finish(layers: Vec<Layer>, input: String) -> Result<LoadedPlan, PlanError> {
    let layers = Layers::on_recipe(layers);
    let (plan, warnings) = resolve(&layers, None).map_err(PlanError::invalid)?;
    let mut loaded = LoadedPlan { plan, input, layers, warnings, swept: Vec::new(), variants: Vec::new() };
    if let Some(sweep) = loaded.layers.sweep() {
        loaded.variants = sweep::expand(&loaded, &sweep).map_err(PlanError::invalid)?;
    }
    Ok(loaded)
}

/// A plan file and all that it extends, lowest first.
fn files(path: &Path, text_of: &TextOf) -> Result<Vec<Layer>, PlanError> {
    let mut layers = Vec::new();
    let mut chain: Vec<PathBuf> = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let place = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        let is_cycle = chain.contains(&place);
        chain.push(place);
        if is_cycle {
            return Err(PlanError::Cycle { chain });
        }
        let text = text_of(&path).map_err(|error| extended_by(error, &path, layers.first()))?;
        let layer = file_layer(&path, text)?;
        next = match layer.values.get(EXTENDS) {
            None => None,
            Some(Value::String(base)) => Some(path.parent().unwrap_or(Path::new("")).join(base)),
            Some(_) => {
                let position = layer.positions[EXTENDS].value.clone();
                let error =
                    Diagnostic::at(&layer, position, "`extends` is not a file name", "expected a string in quotes")
                        .help("such as `extends = \"hippocampus.toml\"`, relative to this file");
                return Err(PlanError::invalid(vec![error]));
            }
        };
        layers.insert(0, layer);
    }
    Ok(layers)
}

/// Names the plan that extends an unreadable file.
fn extended_by(error: PlanError, path: &Path, extending: Option<&Layer>) -> PlanError {
    match (error, extending.map(|layer| &layer.source)) {
        (PlanError::Unreadable { reason, extended_by: None, .. }, Some(Source::File(plan))) => {
            PlanError::Unreadable { path: path.to_owned(), reason, extended_by: Some(plan.clone()) }
        }
        (error, _) => error,
    }
}

/// The layer of the text of a file.
pub(in crate::plan) fn file_layer(path: &Path, text: String) -> Result<Layer, PlanError> {
    let source = Source::File(path.to_owned());
    Layer::of_toml(source.clone(), text.clone()).map_err(|error| {
        let raw =
            Layer { source, text: text.into(), values: Table::new(), positions: std::collections::BTreeMap::new() };
        let position = error.span().unwrap_or(0..0);
        let message = error.message().trim_end().to_owned();
        PlanError::invalid(vec![Diagnostic::at(&raw, position, "the plan is not valid TOML", message)])
    })
}

/// Text of a file on disk.
///
/// # Errors
///
/// When it cannot be read.
pub fn read_file(path: &Path) -> Result<String, PlanError> {
    fs::read_to_string(path).map_err(|error| {
        let reason = match error.kind() {
            ErrorKind::NotFound => "it does not exist".to_owned(),
            ErrorKind::InvalidData => "it is not UTF-8".to_owned(),
            ErrorKind::IsADirectory => "it is a folder".to_owned(),
            _ => error.to_string(),
        };
        PlanError::Unreadable { path: path.to_owned(), reason, extended_by: None }
    })
}

#[cfg(test)]
#[path = "load_tests/mod.rs"]
mod tests;
