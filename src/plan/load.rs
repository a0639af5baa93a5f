//! From files, environment and command line to one validated plan.
//!
//! Layers, lowest first: the defaults of the program, the files that the plan extends, the plan, `SEGPLAN_TABLE__KEY` in
//! the environment, `--set KEY=VALUE`. Tables are merged key by key; any other value replaces the one below it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use figment::Figment;
use serde::Deserialize as _;
use toml::{Table, Value};

use crate::plan::fault::{Fault, PlanError};
use crate::plan::layer::{Layer, Place, Source};
use crate::plan::schema::Plan;
use crate::plan::{form, sweep, validate};

/// What the names of environment variables that belong to a plan begin with.
const ENVIRONMENT: &str = "SEGPLAN_";

/// A plan that can be run.
#[derive(Clone, Debug)]
pub struct LoadedPlan {
    /// The plan.
    pub plan: Plan,
    /// The text of its file, as it is.
    pub input: String,
    /// Where each value comes from.
    pub layers: Layers,
    /// What may be meant and is worth a look.
    pub warnings: Vec<Fault>,
    /// What a variant of a sweep sets, as `key=value`; nothing for a plan that is none.
    pub swept: Vec<String>,
    /// The variants that the plan's `[[sweep]]` makes of it; none where it has none.
    pub variants: Vec<LoadedPlan>,
}

impl LoadedPlan {
    /// The plan's file; none where it is of a text that is in no file.
    pub fn file(&self) -> Option<&Path> {
        self.layers.0.iter().find_map(|layer| match &layer.source {
            Source::File(path) if layer.text == self.input => Some(path.as_path()),
            Source::Defaults | Source::File(_) | Source::Environment(_) | Source::Set => None,
        })
    }

    /// Name of the experiment, which the name of a variant begins with.
    pub fn base_name(&self) -> String {
        let written = self.layers.0.iter().rev().find_map(|layer| layer.values.get("name")?.as_str());
        written.unwrap_or(&self.plan.name).to_owned()
    }
}

/// All layers of a plan, lowest first.
#[derive(Clone, Debug)]
pub struct Layers(Vec<Layer>);

impl Layers {
    /// The uppermost layer that decides on a key, and where: for an entry of a list, the layer that wrote the list.
    ///
    /// A key that no layer has is looked for in the table that should hold it.
    pub fn origin(&self, path: &str) -> Option<(&Layer, &Place)> {
        let found = self.0.iter().rev().find_map(|layer| Some((layer, layer.decides(path)?)));
        found.or_else(|| self.origin(path.rsplit_once('.')?.0))
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Layer] {
        &self.0
    }

    /// Whether no layer but the defaults has a key.
    pub fn is_default(&self, path: &str) -> bool {
        self.origin(path).is_none_or(|(layer, _)| layer.source == Source::Defaults)
    }

    /// Where a layer of this name stands, from the lowest.
    pub(super) fn position(&self, source: &str) -> usize {
        self.0.iter().position(|layer| layer.source.to_string() == source).unwrap_or(self.0.len())
    }

    /// The values of all layers, the uppermost of each key; without what is no part of a plan itself.
    fn merged(&self) -> Result<Table, Vec<Fault>> {
        let figment = self.0.iter().fold(Figment::new(), |figment, layer| figment.merge(layer.clone()));
        let in_words =
            |error: figment::Error| error.into_iter().map(|one| Fault::nowhere(one.to_string())).collect::<Vec<_>>();
        let mut merged: Table = figment.extract().map_err(in_words)?;
        merged.remove("extends");
        merged.remove(sweep::TABLE);
        Ok(merged)
    }

    /// Puts a layer on top.
    pub(super) fn push(&mut self, layer: Layer) {
        self.0.push(layer);
    }

    /// The axes of a sweep, in the uppermost layer that has any.
    fn sweep(&self) -> Option<Value> {
        self.0.iter().rev().find_map(|layer| layer.values.get(sweep::TABLE)).cloned()
    }

    /// A fault at the value of a key.
    pub fn fault_at_value(&self, path: &str, message: impl Into<String>, label: impl Into<String>) -> Fault {
        match self.origin(path) {
            Some((layer, place)) => Fault::at(layer, place.value.clone(), message, label),
            None => Fault::nowhere(message),
        }
    }

    /// A fault at a key itself.
    pub fn fault_at_key(&self, path: &str, message: impl Into<String>, label: impl Into<String>) -> Fault {
        match self.origin(path) {
            Some((layer, place)) => Fault::at(layer, place.key.clone(), message, label),
            None => Fault::nowhere(message),
        }
    }
}

/// Loads a plan file with all its layers, and checks it.
///
/// # Errors
///
/// When a file cannot be read, plans extend each other in a circle, or the plan has faults: then with all of them.
pub fn load(path: &Path, overrides: &[String]) -> Result<LoadedPlan, PlanError> {
    load_with(path, variables(), overrides)
}

/// Loads a plan without environment and command line; `text_of` gives the text of the plan and of what it extends.
///
/// This is how a plan is read that is not on disk: an edited text, or a revision of git.
///
/// # Errors
///
/// As [`load`], and whatever `text_of` cannot give.
pub fn load_from(path: &Path, text_of: &TextOf) -> Result<LoadedPlan, PlanError> {
    let mut layers = vec![defaults()];
    layers.extend(files(path, text_of)?);
    merge(layers, text_of(path)?)
}

/// Loads the text of a plan that is not on disk yet as the file `path`, with `--set`s, and without the environment.
///
/// # Errors
///
/// As [`load`].
pub fn load_text(path: &Path, text: &str, overrides: &[String]) -> Result<LoadedPlan, PlanError> {
    let mut layers = vec![defaults()];
    layers.extend(files(path, &|file| if file == path { Ok(text.to_owned()) } else { read(file) })?);
    let mut faults = Vec::new();
    layers.extend(command_line(overrides, &mut faults));
    if !faults.is_empty() {
        return Err(PlanError::Faults { faults });
    }
    merge(layers, text.to_owned())
}

/// Gives the text of a plan file.
pub type TextOf<'a> = dyn Fn(&Path) -> Result<String, PlanError> + 'a;

/// As [`load`], with these variables of the environment.
fn load_with(path: &Path, variables: Vec<(String, String)>, overrides: &[String]) -> Result<LoadedPlan, PlanError> {
    let mut layers = vec![defaults()];
    layers.extend(files(path, &read)?);
    let mut faults = Vec::new();
    layers.extend(environment(variables, &mut faults));
    layers.extend(command_line(overrides, &mut faults));
    if !faults.is_empty() {
        return Err(PlanError::Faults { faults });
    }
    let input = read(path)?;
    merge(layers, input)
}

/// Loads the plan that a run has saved, whatever the environment says now. The defaults stand in for keys that a run of an
/// earlier version did not know.
///
/// # Errors
///
/// As [`load`].
pub fn load_resolved(path: &Path) -> Result<LoadedPlan, PlanError> {
    load_from(path, &read)
}

fn merge(layers: Vec<Layer>, input: String) -> Result<LoadedPlan, PlanError> {
    let layers = Layers(layers);
    let all = |faults| PlanError::Faults { faults };
    let (plan, warnings) = checked(&layers, None).map_err(all)?;
    let mut loaded = LoadedPlan { plan, input, layers, warnings, swept: Vec::new(), variants: Vec::new() };
    if let Some(sweep) = loaded.layers.sweep() {
        loaded.variants = sweep::expand(&loaded, &sweep).map_err(all)?;
    }
    Ok(loaded)
}

/// The plan of some layers, under another name where one is given, and what of it is worth a look.
///
/// # Errors
///
/// All its faults, with what is worth a look among them.
pub(super) fn checked(layers: &Layers, name: Option<&str>) -> Result<(Plan, Vec<Fault>), Vec<Fault>> {
    let mut form = form::read(&layers.merged()?, layers);
    let mut faults = std::mem::take(&mut form.faults);
    let mut plan = match Plan::deserialize(form.values.clone()) {
        Ok(plan) => plan,
        Err(error) => {
            // What cannot be read is among the faults of form already, if it has a place.
            if faults.is_empty() {
                faults.push(Fault::nowhere(error.to_string()));
            }
            return Err(faults);
        }
    };
    if let Some(name) = name {
        name.clone_into(&mut plan.name);
    }
    faults.extend(validate::faults(&plan, layers, &form));
    form::in_order(&mut faults, layers);
    if faults.iter().all(Fault::is_warning) { Ok((plan, faults)) } else { Err(faults) }
}

fn defaults() -> Layer {
    let text = include_str!("defaults.toml").to_owned();
    Layer::of_toml(Source::Defaults, text).expect("a test reads the defaults")
}

/// A plan file and all that it extends, lowest first.
fn files(path: &Path, text_of: &TextOf) -> Result<Vec<Layer>, PlanError> {
    let mut layers = Vec::new();
    let mut chain: Vec<PathBuf> = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let place = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        let circle = chain.contains(&place);
        chain.push(place);
        if circle {
            return Err(PlanError::Circle { chain });
        }
        let layer = file(&path, text_of(&path)?)?;
        next = match layer.values.get("extends") {
            None => None,
            Some(Value::String(base)) => Some(path.parent().unwrap_or(Path::new("")).join(base)),
            Some(_) => {
                let place = layer.places["extends"].value.clone();
                let fault = Fault::at(&layer, place, "`extends` is not a file name", "expected a text")
                    .help("such as `extends = \"hippocampus.toml\"`, relative to this file");
                return Err(PlanError::Faults { faults: vec![fault] });
            }
        };
        layers.insert(0, layer);
    }
    Ok(layers)
}

/// The layer of a file's text.
pub(super) fn file(path: &Path, text: String) -> Result<Layer, PlanError> {
    let source = Source::File(path.to_owned());
    Layer::of_toml(source.clone(), text.clone()).map_err(|error| {
        let raw = Layer { source, text, values: Table::new(), places: std::collections::BTreeMap::new() };
        let place = error.span().unwrap_or(0..0);
        let fault = Fault::at(&raw, place, "the plan is not TOML", error.message().trim_end().to_owned());
        PlanError::Faults { faults: vec![fault] }
    })
}

/// Text of a file on disk.
///
/// # Errors
///
/// When it cannot be read.
pub fn read(path: &Path) -> Result<String, PlanError> {
    fs::read_to_string(path).map_err(|error| PlanError::Unreadable { path: path.to_owned(), reason: error.to_string() })
}

/// The variables `SEGPLAN_TABLE__KEY`, sorted. Those without a double underscore are not of a plan.
#[expect(clippy::disallowed_methods, reason = "the environment is read here and nowhere else")]
fn variables() -> Vec<(String, String)> {
    let all = env::vars_os().map(|(name, value)| (name.to_string_lossy().into_owned(), value));
    let mut found: Vec<(String, String)> = all
        .filter(|(name, _)| name.strip_prefix(ENVIRONMENT).is_some_and(|rest| rest.contains("__")))
        .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
        .collect();
    found.sort();
    found
}

/// One layer for each variable.
fn environment(variables: Vec<(String, String)>, faults: &mut Vec<Fault>) -> Vec<Layer> {
    let layer = |(name, value): (String, String)| {
        let key = name.strip_prefix(ENVIRONMENT).unwrap_or(&name).to_lowercase().replace("__", ".");
        let made = Layer::of_pair(Source::Environment(name.clone()), &format!("{name}={value}"), &key);
        if made.is_none() {
            faults.push(
                Fault::nowhere(format!("environment variable `{name}` names no key"))
                    .help("expected a table and a key, such as `SEGPLAN_TRAIN__MAX_EPOCHS=50`; or unset it"),
            );
        }
        made
    };
    variables.into_iter().filter_map(layer).collect()
}

/// One layer for each `--set`.
fn command_line(overrides: &[String], faults: &mut Vec<Fault>) -> Vec<Layer> {
    let layer = |text: &String| {
        let key = text.split_once('=').map_or(text.as_str(), |(key, _)| key).trim();
        let made = Layer::of_pair(Source::Set, text, key);
        if made.is_none() {
            faults.push(
                Fault::nowhere(format!("`--set {text}` sets nothing"))
                    .help("expected a key, an equals sign and a value, such as `--set train.max_epochs=50`"),
            );
        }
        made
    };
    overrides.iter().filter_map(layer).collect()
}

#[cfg(test)]
mod tests;
