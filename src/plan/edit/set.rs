//! Edits of a plan file that keep every other byte: comments, order and spaces. Only a generated comment above a
//! changed value is replaced, because it gives the reason of another value.

use std::path::Path;

use miette::Diagnostic;
use thiserror::Error;
use toml::{Table, Value};

use crate::plan::edit::comments::{comment_above, is_generated};
use crate::plan::edit::line_endings::{line_ending, with_endings};
use crate::plan::read::diagnostic::PlanError;
use crate::plan::read::layer::{Layer, Source};
use crate::plan::read::layers::EXTENDS;
use crate::plan::read::load::{file_layer, load_from, read_file};
use crate::plan::read::loaded::LoadedPlan;
use crate::plan::rules::baseline::Baseline;
use crate::plan::schema::recipe;
use crate::plan::schema::words::comment_lines;

/// A plan that cannot be edited as asked.
#[derive(Debug, Error, Diagnostic)]
pub enum EditError {
    /// The text is not `KEY=VALUE`.
    #[error("`{text}` is not `KEY=VALUE`")]
    #[diagnostic(help("such as `train.max_epochs=50`"))]
    Malformed {
        /// The text.
        text: String,
    },
    /// The plan has errors, before or after the edit. The file is unchanged.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Plan(#[from] PlanError),
    /// The table is written in a form that takes no new line.
    #[error("cannot add `{key}` to the plan: its table is written with dotted keys")]
    #[diagnostic(help("write the table as `[{table}]`, with a line per key"))]
    NoPlace {
        /// The key.
        key: String,
        /// Its table.
        table: String,
    },
}

/// A value that was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The key.
    pub key: String,
    /// The value in the file before; `None` if the file did not have the key.
    pub from: Option<String>,
    /// The value in the file now.
    pub to: String,
}

/// The text of a plan file after each `key=value` has been set in it, checked as a whole plan with what it extends.
///
/// The value of an existing key is replaced; a new key is added behind the last one of its table. A generated comment above a value
/// then names the value of the rules or the recipe.
///
/// # Errors
///
/// When a pair is malformed, or the plan has errors after all edits.
pub fn set(path: &Path, text: &str, pairs: &[String]) -> Result<(String, Vec<Edited>), EditError> {
    let mut text = text.to_owned();
    let mut done = Vec::new();
    for pair in pairs {
        let (edited, what) = set_one(path, &text, pair)?;
        text = edited;
        done.push(what);
    }
    let loaded = load_from(path, &|file| if file == path { Ok(text.clone()) } else { read_file(file) })?;
    for edited in &done {
        text = with_comment(path, &text, &edited.key, &loaded)?;
    }
    Ok((text, done))
}

fn set_one(path: &Path, text: &str, pair: &str) -> Result<(String, Edited), EditError> {
    let malformed = || EditError::Malformed { text: pair.to_owned() };
    let (key, value) = pair.split_once('=').map(|(key, value)| (key.trim(), value.trim())).ok_or_else(malformed)?;
    let wanted = Layer::of_pair(Source::Set, pair, key).ok_or_else(malformed)?;
    let value = as_written(value);
    let raw = |text: &str| file_layer(path, text.to_owned());
    let layer = raw(text)?;
    let (edited, from) = match layer.positions.get(key) {
        Some(position) => {
            let before = &text[position.value.clone()];
            let (head, tail) = (&text[..position.value.start], &text[position.value.end..]);
            (format!("{head}{value}{tail}"), Some(before.to_owned()))
        }
        None => (added_in_braces(&layer, key, &value).unwrap_or_else(|| added(&layer, key, &value)), None),
    };
    let mut expected = layer.values.clone();
    overlay(&mut expected, &wanted.values);
    // A table that is written by dotted keys does not take a new line.
    if raw(&edited).ok().is_none_or(|edited| edited.values != expected) {
        let table = key.rsplit_once('.').map_or("", |(table, _)| table).to_owned();
        return Err(EditError::NoPlace { key: key.to_owned(), table });
    }
    Ok((edited, Edited { key: key.to_owned(), from, to: value }))
}

/// The text with the comment above a key that fits its value, if the comment there was generated; a new key of a whole plan gets one.
fn with_comment(path: &Path, text: &str, key: &str, loaded: &LoadedPlan) -> Result<String, PlanError> {
    let layer = file_layer(path, text.to_owned())?;
    let Some(position) = layer.positions.get(key) else { return Ok(text.to_owned()) };
    let (own, recipes) =
        (Baseline::new(&loaded.plan, &loaded.plan.rules), Baseline::new(&loaded.plan, &recipe::rules()));
    // A key inside of braces or of a list has no line of its own.
    let line = text[..position.key.start].rfind('\n').map_or(0, |at| at + 1);
    let has_line = text[line..position.key.start].trim().is_empty() && position.key.end <= position.value.start;
    let above = comment_above(text, position.key.start);
    let is_new_in_whole_plan = above.is_empty() && layer.values.get(EXTENDS).is_none() && has_comments(text);
    if !has_line || !(is_new_in_whole_plan || is_generated(&text[above.clone()], key, &[&own, &recipes])) {
        return Ok(text.to_owned());
    }
    let Some(value) = layer.value(key) else { return Ok(text.to_owned()) };
    let comment = own.comment(key, value).map(|words| with_endings(&comment_lines(&words), line_ending(text, line)));
    Ok(format!("{}{}{}", &text[..above.start], comment.unwrap_or_default(), &text[above.end..]))
}

/// Whether most keys of a text have a comment above them.
fn has_comments(text: &str) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    let is_key = |line: &str| line.contains('=') && !line.starts_with('#');
    let keys = lines.iter().filter(|line| is_key(line)).count();
    let commented = lines.windows(2).filter(|pair| pair[0].starts_with('#') && is_key(pair[1])).count();
    2 * commented > keys
}

/// A value as TOML: as it was given if it is TOML, else in quotes.
fn as_written(value: &str) -> String {
    let toml = toml::from_str::<Table>(&format!("value = {value}")).is_ok_and(|table| table.len() == 1);
    if toml { value.to_owned() } else { Value::String(value.to_owned()).to_string() }
}

/// The text with a key added inside the braces of its table, if that is written as `{ … }`.
fn added_in_braces(layer: &Layer, key: &str, value: &str) -> Option<String> {
    let (table, name) = key.rsplit_once('.')?;
    let position = layer.positions.get(table)?;
    let inside = layer.text[position.value.clone()].strip_prefix('{')?.strip_suffix('}')?;
    let entries = inside.trim_end();
    let gap = match entries {
        "" => " ",
        entries if entries.ends_with(',') => " ",
        _ => ", ",
    };
    let end = position.value.start + 1 + entries.len();
    Some(format!("{}{gap}{name} = {value} {}", &layer.text[..end], &layer.text[position.value.end - 1..]))
}

/// The text with a new line for a key, behind its table's last one, or in a new table at the end.
pub(super) fn added(layer: &Layer, key: &str, value: &str) -> String {
    let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
    let line = format!("{name} = {value}");
    let beside = |path: &str| path.rsplit_once('.').map_or("", |(table, _)| table) == table;
    let lines = layer.positions.iter().filter(|(path, at)| beside(path) && at.key.end <= at.value.start);
    let last = lines.map(|(_, at)| at.value.end).max();
    let heading = layer.positions.get(table).map(|at| at.key.end);
    let text = &layer.text;
    match last.or(heading) {
        Some(end) => {
            let at = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
            added_at(text, at, &line)
        }
        None if table.is_empty() => {
            // Behind the comment at the top, whose first line may name the schema.
            let top: usize = text.split_inclusive('\n').take_while(|line| line.starts_with('#')).map(str::len).sum();
            added_at(text, top, &line)
        }
        None => {
            let end = line_ending(text, text.len());
            format!("{}{end}{end}[{table}]{end}{line}{end}", text.trim_end_matches(['\r', '\n']))
        }
    }
}

/// The text with a new line at the start of a line, with the ending of the lines around it.
fn added_at(text: &str, at: usize, line: &str) -> String {
    let end = line_ending(text, at);
    let gap = if at == 0 || text[..at].ends_with('\n') { "" } else { end };
    format!("{}{gap}{line}{end}{}", &text[..at], &text[at..])
}

fn overlay(values: &mut Table, wanted: &Table) {
    for (key, value) in wanted {
        match (values.get_mut(key), value) {
            (Some(Value::Table(inner)), Value::Table(wanted)) => overlay(inner, wanted),
            (Some(Value::Array(entries)), Value::Table(wanted)) => {
                let numbered = wanted.iter().filter_map(|(at, value)| Some((at.parse::<usize>().ok()?, value)));
                for (at, value) in numbered {
                    match (entries.get_mut(at), value) {
                        (Some(Value::Table(inner)), Value::Table(wanted)) => overlay(inner, wanted),
                        (Some(entry), value) => *entry = value.clone(),
                        (None, _) => (),
                    }
                }
            }
            _ => _ = values.insert(key.clone(), value.clone()),
        }
    }
}

#[cfg(test)]
#[path = "set_tests.rs"]
mod tests;
