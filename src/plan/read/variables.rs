//! Layers of the environment and the command line.

use std::env;

use crate::plan::read::diagnostic::Diagnostic;
use crate::plan::read::layer::{Layer, Source};
use crate::plan::read::messages::nearest;
use crate::plan::schema::lookup::{declared, find};

/// Prefix of the environment variables that set a key of a plan: `SEGPLAN_TABLE__KEY`.
const PREFIX: &str = "SEGPLAN_";
/// Read by tests, and inherited by the programs that they start.
const OF_TESTS: [&str; 2] = ["SEGPLAN_TEST_DATA", "SEGPLAN_FUZZ_INPUTS"];

/// The variables with the prefix, sorted by name.
#[expect(clippy::disallowed_methods, reason = "the environment is read here and nowhere else")]
pub(super) fn read_variables() -> Vec<(String, String)> {
    let all = env::vars_os().map(|(name, value)| (name.to_string_lossy().into_owned(), value));
    let mut found: Vec<(String, String)> = all
        .filter(|(name, _)| name.starts_with(PREFIX) && !OF_TESTS.contains(&name.as_str()))
        .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
        .collect();
    found.sort();
    found
}

/// A layer per variable.
pub(super) fn environment(variables: Vec<(String, String)>, errors: &mut Vec<Diagnostic>) -> Vec<Layer> {
    let layer = |(name, value): (String, String)| {
        let key = key_of(&name);
        let has_table = name[PREFIX.len()..].contains("__") || find(&key).is_some();
        let layer = Layer::of_pair(Source::Environment(name.clone()), &format!("{name}={value}"), &key);
        if has_table && layer.is_some() {
            return layer;
        }
        let error = Diagnostic::without_position(format!("environment variable `{name}` sets no key of a plan"));
        errors.push(error.help(match variable_like(&name) {
            Some(near) => format!("did you mean `{near}`? Table and key are separated by two underscores"),
            None => "expected `SEGPLAN_TABLE__KEY`, such as `SEGPLAN_TRAIN__MAX_EPOCHS=50`; or unset it".to_owned(),
        }));
        None
    };
    variables.into_iter().filter_map(layer).collect()
}

fn key_of(variable: &str) -> String {
    variable[PREFIX.len()..].to_lowercase().replace("__", ".")
}

/// The variable of a key that differs from this one in its underscores only, or else that is near to it.
fn variable_like(name: &str) -> Option<String> {
    let known: Vec<String> = declared()
        .iter()
        .filter(|one| one.path.contains('.') && !one.path.starts_with("configurations"))
        .map(|one| format!("{PREFIX}{}", one.path.replace('.', "__").to_uppercase()))
        .collect();
    let flat = |name: &str| name.replace("__", "_");
    if let Some(same) = known.iter().find(|known| flat(known) == flat(name)) {
        return Some(same.clone());
    }
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    let near = nearest(name, &names)?;
    // Variables of other programs' making are far from any key.
    (strsim::damerau_levenshtein(near, name) <= 4).then(|| near.to_owned())
}

/// A layer per `--set`.
pub(super) fn command_line(settings: &[String], errors: &mut Vec<Diagnostic>) -> Vec<Layer> {
    let layer = |text: &String| {
        let key = text.split_once('=').map_or(text.as_str(), |(key, _)| key).trim();
        let layer = Layer::of_pair(Source::Set, text, key);
        if layer.is_none() {
            let message = if key.is_empty() {
                format!("`--set {text}` has no key")
            } else {
                format!("`--set {text}` has no value")
            };
            let error = Diagnostic::without_position(message);
            errors.push(error.help("expected `KEY=VALUE`, such as `--set train.max_epochs=50`"));
        }
        layer
    };
    settings.iter().filter_map(layer).collect()
}
