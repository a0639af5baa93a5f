//! A plan as text: commented TOML in a fixed order and a fixed number format, made to be compared line by line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use toml::{Table, Value};

use crate::plan::layer::join;
use crate::plan::schema::Plan;

/// Name of the file beside a plan that tells editors what may be written in it.
pub const SCHEMA_FILE: &str = "plan.schema.json";
/// Where comments are broken, letters.
const WIDTH: usize = 118;

/// A plan as text, each key below its comment: the reason given for it, or else what the defaults say of it.
///
/// `header` becomes the comment at the top. Tables named in `without` are left out, to be filled by the defaults.
pub fn text(plan: &Plan, header: &str, reasons: &BTreeMap<String, String>, without: &[&str]) -> String {
    let table = Table::try_from(plan).expect("a plan is numbers, texts, lists and tables of them");
    let mut comments = default_comments();
    comments.extend(reasons.iter().map(|(key, reason)| (key.clone(), reason.clone())));
    let mut out = String::new();
    for line in header.lines() {
        let _ = writeln!(out, "{}", format!("# {line}").trim_end());
    }
    out.push('\n');
    let kept: Table = table.into_iter().filter(|(key, _)| !without.contains(&key.as_str())).collect();
    walk(&kept, "", &mut |entry| match entry {
        Entry::Heading(path) => _ = write!(out, "\n[{path}]\n"),
        Entry::Value { path, key, value } => {
            out.push_str(&comments.get(path).map(|words| comment(words)).unwrap_or_default());
            let _ = writeln!(out, "{key} = {value}");
        }
    });
    out
}

/// A plan as a file that a person edits: its first line names the schema, for editors; `[runtime]`, which differs from
/// machine to machine, is left to the defaults.
pub fn file_text(plan: &Plan, header: &str, reasons: &BTreeMap<String, String>) -> String {
    format!("#:schema {SCHEMA_FILE}\n{}", text(plan, header, reasons, &["runtime"]))
}

/// Words as the lines of a comment, each with its end.
pub(super) fn comment(words: &str) -> String {
    let lines: Vec<String> = words.lines().flat_map(wrapped).map(|line| format!("# {line}\n")).collect();
    lines.concat()
}

/// A plan as a run saves it: every key of it.
pub fn resolved_text(plan: &Plan) -> String {
    let header = "The plan as the run used it: every key, with its default where the plan file said nothing.";
    text(plan, header, &BTreeMap::new(), &[])
}

/// A line of a plan that is not a comment.
pub(super) enum Entry<'a> {
    /// The heading of a table, by its path.
    Heading(&'a str),
    /// A key of a table.
    Value {
        /// Path of the key.
        path: &'a str,
        /// Its name.
        key: &'a str,
        /// Its value.
        value: &'a Value,
    },
}

/// Visits a table and the tables in it in the order in which they are written: values first.
pub(super) fn walk(table: &Table, path: &str, visit: &mut dyn FnMut(Entry<'_>)) {
    let (tables, values): (Vec<_>, Vec<_>) = table.iter().partition(|(_, value)| value.is_table());
    for (key, value) in values {
        visit(Entry::Value { path: &join(path, key), key, value });
    }
    for (key, value) in tables {
        let Value::Table(inner) = value else { continue };
        let path = join(path, key);
        // A table of nothing but tables needs no heading of its own.
        if inner.values().any(|value| !value.is_table()) {
            visit(Entry::Heading(&path));
        }
        walk(inner, &path, visit);
    }
}

/// A line of a comment, broken between words.
fn wrapped(line: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split_whitespace() {
        let last = lines.last_mut().expect("there is always a last line");
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(word.to_owned());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

/// The comments of the defaults, by key.
pub(super) fn default_comments() -> BTreeMap<String, String> {
    let mut comments = BTreeMap::new();
    let mut table = String::new();
    let mut comment: Vec<&str> = Vec::new();
    for line in include_str!("defaults.toml").lines() {
        if let Some(name) = line.strip_prefix('[') {
            name.trim_end_matches(']').clone_into(&mut table);
            comment.clear();
        } else if let Some(text) = line.strip_prefix('#') {
            comment.push(text.trim());
        } else if let Some((key, _)) = line.split_once(" = ") {
            comments.insert(join(&table, key), comment.join("\n"));
            comment.clear();
        } else {
            comment.clear();
        }
    }
    comments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Plan {
        toml::from_str(include_str!("example.toml")).unwrap()
    }

    #[test]
    fn a_written_plan_is_read_as_the_same_plan_and_written_as_the_same_text() {
        let plan = example();
        let written = resolved_text(&plan);
        let read: Plan = toml::from_str(&written).unwrap();
        assert_eq!(read, plan);
        assert_eq!(resolved_text(&read), written);
    }

    #[test]
    fn every_default_has_a_comment_and_is_a_key_of_a_plan() {
        let comments = default_comments();
        let defaults: Table = toml::from_str(include_str!("defaults.toml")).unwrap();
        let example: Table = toml::from_str(include_str!("example.toml")).unwrap();
        assert!(!comments["schema"].is_empty());
        for (table, keys) in defaults.iter().filter_map(|(name, value)| Some((name, value.as_table()?))) {
            for key in keys.keys() {
                assert!(!comments[&join(table, key)].is_empty(), "`{table}.{key}` has no comment");
                let unwritten = (table.as_str(), key.as_str()) == ("data", "exclude");
                assert!(unwritten || example[table].get(key).is_some(), "`{table}.{key}` is no key of a plan");
            }
        }
    }

    #[test]
    fn the_defaults_are_the_examples_values() {
        let defaults: Table = toml::from_str(include_str!("defaults.toml")).unwrap();
        let example: Table = toml::from_str(include_str!("example.toml")).unwrap();
        for table in
            ["rules", "network", "loss", "train", "augment", "predict", "postprocess", "evaluate", "runtime", "split"]
        {
            assert_eq!(defaults[table], example[table], "[{table}]");
        }
    }

    #[test]
    fn long_comments_are_broken_between_words() {
        let lines = wrapped(&"word ".repeat(40));
        assert!(lines.len() == 2 && lines.iter().all(|line| line.len() <= WIDTH), "{lines:?}");
    }
}
