//! Error messages about keys and values.

use toml::Value;

use crate::plan::read::diagnostic::Diagnostic;
use crate::plan::read::layer::Source;
use crate::plan::read::layers::Layers;
use crate::plan::read::part::WrongPart;
use crate::plan::schema::key::{Key, Kind, Variant};
use crate::plan::schema::lookup::{ANY_NAME, declared, join};

/// Maximum edit distance between a misspelt key and the key that is meant, as a fraction of its length.
const MAX_DISTANCE: f64 = 0.5;
/// Minimum length of a word that is compared with the first words of keys, letters.
const MIN_WORD: usize = 4;

/// The keys of a table.
pub(in crate::plan) struct KeysOf<'a> {
    /// Path of the table.
    pub(in crate::plan) table: &'a str,
    /// Names of its keys.
    pub(in crate::plan) names: &'a [&'a str],
}

/// Keys that a plan has to have and does not.
pub(super) fn missing(paths: &[String]) -> Diagnostic {
    let paths: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
    let message = match paths.as_slice() {
        [only] => format!("missing key {only}"),
        all => format!("missing keys: {}", all.join(", ")),
    };
    Diagnostic::without_position(message)
        .help("`segplan plan DATASET` writes whole plans; a plan with `extends = \"FILE\"` needs only its changes")
}

/// A key that does not exist.
pub(super) fn unknown_key(path: &str, key: &str, of: &KeysOf<'_>, near: Option<&str>, layers: &Layers) -> Diagnostic {
    let place = if of.table.is_empty() { "at the top level".to_owned() } else { format!("in `[{}]`", of.table) };
    let error = layers.at_key(path, format!("unknown key `{key}` {place}"), "unknown key");
    error.help(match (near, other_table(key)) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Some(path)) => format!("did you mean `{path}`?"),
        (None, None) => format!("known keys: {}", of.names.join(", ")),
    })
}

/// The path of a key of this name in another table; for a configuration, that of `3d_fullres`.
fn other_table(name: &str) -> Option<String> {
    let found = declared().into_iter().find(|one| one.key.name == name && one.path != name)?;
    Some(found.path.replace(ANY_NAME, "3d_fullres"))
}

/// A key that belongs to another `kind` of its table.
pub(super) fn key_of_another_kind(path: &str, other: &Variant, chosen: &Variant, layers: &Layers) -> Diagnostic {
    let (table, name) = path.rsplit_once('.').unwrap_or(("", path));
    let (other, chosen) = (other.choice.name, chosen.choice.name);
    layers
        .at_key(path, format!("`{name}` is not a key of `{table}` with `kind = \"{chosen}\"`"), "key of another kind")
        .help(format!("it is a key of `kind = \"{other}\"`"))
}

/// A value or an entry with the wrong type or outside of the range of its key.
pub(super) fn wrong_value(part: &WrongPart, key: &Key, path: &str, layers: &Layers) -> Diagnostic {
    let shown = shown(&part.value);
    let (position, message) = match part.entry {
        Some(entry) => (join(path, &entry.to_string()), format!("an entry of `{path}` is {shown}")),
        None => (path.to_owned(), format!("`{path}` is {shown}")),
    };
    let error = layers.at_value(&position, message, format!("expected {}", part.expected));
    match instead(&part.value, key, path, layers) {
        Some(help) => error.help(help),
        None => error,
    }
}

/// A label that is not a number from 1 to 255, or whose name is not a string.
pub(super) fn wrong_label(label: &str, name: &Value, is_label: bool, path: &str, layers: &Layers) -> Diagnostic {
    let position = join(path, label);
    if is_label {
        let message = format!("the name of label {label} is {}", shown(name));
        return layers.at_value(&position, message, "expected a string in quotes");
    }
    let error = layers.at_key(&position, format!("`{label}` is not a label"), "expected an integer from 1 to 255");
    match name.as_str().filter(|name| name.parse::<u8>().is_ok()) {
        Some(number) => error.help(format!("the label comes first: `{number} = \"{label}\"`")),
        None => error,
    }
}

/// A suggestion for a wrong value, if there is one.
fn instead(value: &Value, key: &Key, path: &str, layers: &Layers) -> Option<String> {
    let text = value.as_str()?;
    let choices: Vec<&str> = key.kind.choices().iter().map(|choice| choice.name).collect();
    if let Some(near) = nearest_choice(text, &choices) {
        return Some(format!("did you mean `{near}`?"));
    }
    let is_given =
        layers.origin(path).is_some_and(|(layer, _)| matches!(layer.source, Source::Set | Source::Environment(_)));
    if is_given && text.starts_with(['[', '{']) {
        return Some("the value is not TOML: a bracket or a quote is not closed".to_owned());
    }
    let low = text.to_lowercase();
    match key.kind {
        Kind::Integer | Kind::Number if text.parse::<f64>().is_ok() => Some(format!("without quotes: `{text}`")),
        Kind::Switch if ["yes", "on", "true"].contains(&low.as_str()) => Some("write `true`".to_owned()),
        Kind::Switch if ["no", "off", "false"].contains(&low.as_str()) => Some("write `false`".to_owned()),
        _ => None,
    }
}

/// The choice that is nearest to a text; one that begins with it if there are several.
fn nearest_choice<'a>(text: &str, choices: &[&'a str]) -> Option<&'a str> {
    let begin: Vec<&&str> = choices.iter().filter(|choice| choice.starts_with(&format!("{text}_"))).collect();
    begin.first().map(|choice| **choice).or_else(|| nearest(text, choices))
}

/// The name that a misspelt one is nearest to, if it is near: by edit distance, or because it alone contains all of its words.
pub(in crate::plan) fn nearest<'a>(given: &str, names: &[&'a str]) -> Option<&'a str> {
    let distance = |name: &str| strsim::damerau_levenshtein(name, given);
    let near = names.iter().min_by_key(|name| distance(name))?;
    // `epochs` is `max_epochs`, and `batch` is `batches_per_epoch`.
    let contains = |name: &&&str| name.split('_').any(|word| word == given);
    let begins = |name: &&&str| {
        let word = name.split('_').next().unwrap_or(name);
        given.len() >= MIN_WORD && (word.starts_with(given) || distance(word) <= 1)
    };
    let only = |names: Vec<&&'a str>| if let [only] = names.as_slice() { Some(**only) } else { None };
    let by_word = only(names.iter().filter(contains).collect()).or_else(|| only(names.iter().filter(begins).collect()));
    if by_word.is_some() {
        return by_word;
    }
    (distance(near) as f64 <= MAX_DISTANCE * near.chars().count() as f64).then_some(near)
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
