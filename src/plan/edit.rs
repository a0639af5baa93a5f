//! Edits of a plan file that leave every other byte as it is: comments, order and spaces are a person's.

use std::path::Path;

use miette::Diagnostic;
use thiserror::Error;
use toml::{Table, Value};

use crate::plan::fault::PlanError;
use crate::plan::layer::{Layer, Source};
use crate::plan::lines::line_end;
use crate::plan::load::{self, load_from};

/// A plan that cannot be edited as asked.
#[derive(Debug, Error, Diagnostic)]
pub enum EditError {
    /// What was asked for is no `key=value`.
    #[error("`{text}` sets nothing")]
    #[diagnostic(help("expected a key, an equals sign and a value, such as `train.max_epochs=50`"))]
    Malformed {
        /// The text.
        text: String,
    },
    /// The plan has faults, before the edit or by it. The file is as it was.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Plan(#[from] PlanError),
    /// The table is written in a form to which no line can be added.
    #[error("`{key}` cannot be added to the plan: its table has no lines of its own")]
    #[diagnostic(help("write the table as `[{table}]`, with a line for each key"))]
    NoPlace {
        /// The key.
        key: String,
        /// Its table.
        table: String,
    },
}

/// What an edit did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The key.
    pub key: String,
    /// What the file said before; none where it did not have the key.
    pub from: Option<String>,
    /// What it says now.
    pub to: String,
}

/// The text of a plan file after each `key=value` has been set in it, checked as a whole plan with what it extends.
///
/// A value that is there is replaced, byte for byte; a key that is not is added behind the last one of its table.
///
/// # Errors
///
/// When a pair is malformed, or the plan has faults after all edits.
pub fn set(path: &Path, text: &str, pairs: &[String]) -> Result<(String, Vec<Edited>), EditError> {
    let mut text = text.to_owned();
    let mut done = Vec::new();
    for pair in pairs {
        let (edited, what) = set_one(path, &text, pair)?;
        text = edited;
        done.push(what);
    }
    load_from(path, &|file| if file == path { Ok(text.clone()) } else { load::read(file) })?;
    Ok((text, done))
}

fn set_one(path: &Path, text: &str, pair: &str) -> Result<(String, Edited), EditError> {
    let malformed = || EditError::Malformed { text: pair.to_owned() };
    let (key, value) = pair.split_once('=').map(|(key, value)| (key.trim(), value.trim())).ok_or_else(malformed)?;
    let wanted = Layer::of_pair(Source::Set, pair, key).ok_or_else(malformed)?;
    let value = as_written(value);
    let raw = |text: &str| load::file(path, text.to_owned());
    let layer = raw(text)?;
    let (edited, from) = match layer.places.get(key) {
        Some(place) => {
            let before = &text[place.value.clone()];
            let (head, tail) = (&text[..place.value.start], &text[place.value.end..]);
            (format!("{head}{value}{tail}"), Some(before.to_owned()))
        }
        None => (within(&layer, key, &value).unwrap_or_else(|| added(&layer, key, &value)), None),
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

/// A value as TOML: as it was given where it is that, in quotes where it is not.
fn as_written(value: &str) -> String {
    let toml = toml::from_str::<Table>(&format!("value = {value}")).is_ok_and(|table| table.len() == 1);
    if toml { value.to_owned() } else { Value::String(value.to_owned()).to_string() }
}

/// The text with a key added inside of the braces of its table, where that is written as `{ … }`.
fn within(layer: &Layer, key: &str, value: &str) -> Option<String> {
    let (table, name) = key.rsplit_once('.')?;
    let place = layer.places.get(table)?;
    let inside = layer.text[place.value.clone()].strip_prefix('{')?.strip_suffix('}')?;
    let entries = inside.trim_end();
    let gap = match entries {
        "" => " ",
        entries if entries.ends_with(',') => " ",
        _ => ", ",
    };
    let end = place.value.start + 1 + entries.len();
    Some(format!("{}{gap}{name} = {value} {}", &layer.text[..end], &layer.text[place.value.end - 1..]))
}

/// The text with a new line for a key, behind its table's last one, or in a new table at the end.
fn added(layer: &Layer, key: &str, value: &str) -> String {
    let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
    let line = format!("{name} = {value}");
    let beside = |path: &str| path.rsplit_once('.').map_or("", |(table, _)| table) == table;
    let lines = layer.places.iter().filter(|(path, place)| beside(path) && place.key.end <= place.value.start);
    let last = lines.map(|(_, place)| place.value.end).max();
    let heading = layer.places.get(table).map(|place| place.key.end);
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
            let end = line_end(text, text.len());
            format!("{}{end}{end}[{table}]{end}{line}{end}", text.trim_end_matches(['\r', '\n']))
        }
    }
}

/// The text with a line at a place where one begins, ended as the lines around it are.
fn added_at(text: &str, at: usize, line: &str) -> String {
    let end = line_end(text, at);
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
mod tests;
