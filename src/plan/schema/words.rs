//! Keys and types of values in words: for comments, error messages and `explain`.

use std::fmt;

use crate::plan::schema::key::{Choice, Key, Kind};

impl Key {
    /// The comment of a plan above this key: meaning, unit and source, then a line per choice.
    pub fn comment(&self) -> String {
        let source = if self.source.is_empty() { String::new() } else { format!(" ({})", self.source) };
        let choices = self.kind.choices();
        let lines = choices.iter().map(|choice| format!("\n\"{}\": {}", choice.name, choice.meaning()));
        std::iter::once(format!("{}{source}.", self.sentence())).chain(lines).collect()
    }

    /// The comment without the source, for a value that need not come from there.
    pub fn comment_without_source(&self) -> String {
        format!("{}.", self.sentence())
    }

    /// The comment above a value that differs from the one of the rules or the recipe.
    pub fn changed_comment(&self, from: &str, value: &str) -> String {
        format!("{}. Changed by hand; {from}: {value}.", self.sentence())
    }

    /// Meaning and unit, without a full stop at the end.
    fn sentence(&self) -> String {
        let meaning = self.meaning();
        let (first, rest) = meaning.split_once(". ").unwrap_or((meaning.trim_end_matches('.'), ""));
        let unit = if self.unit.is_empty() { String::new() } else { format!(", {}", self.unit) };
        let rest = if rest.is_empty() { String::new() } else { format!(". {}", rest.trim_end_matches('.')) };
        format!("{first}{unit}{rest}")
    }
}

impl Kind {
    /// The strings that it may be; empty for any other kind.
    pub fn choices(&self) -> Vec<Choice> {
        match self {
            Self::Choice(choices) => choices.to_vec(),
            Self::VariantName(variants) => variants.iter().map(|variant| variant.choice).collect(),
            Self::List(entry) | Self::Array(entry, _) => entry.choices(),
            Self::Integer
            | Self::Number
            | Self::Switch
            | Self::Text
            | Self::Folders
            | Self::Interval
            | Self::Labels
            | Self::Table(_)
            | Self::Named(..)
            | Self::Variants(_) => Vec::new(),
        }
    }

    /// Whether its value is a table.
    pub fn is_table(&self) -> bool {
        matches!(self, Self::Table(_) | Self::Named(..) | Self::Variants(_))
    }

    /// The plural of its words, for lists.
    fn plural(&self) -> String {
        match self {
            Self::Integer => "non-negative integers".to_owned(),
            Self::Number => "numbers".to_owned(),
            Self::Text => "strings in quotes".to_owned(),
            Self::Table(keys) => {
                let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
                format!("tables with {}", names.join(", "))
            }
            other => format!("entries, each {other}"),
        }
    }
}

/// The kind in words, for "expected …" in error messages: `a list of 3 non-negative integers`.
impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer => out.write_str("a non-negative integer"),
            Self::Number => out.write_str("a number"),
            Self::Switch => out.write_str("`true` or `false`"),
            Self::Text => out.write_str("a string in quotes"),
            Self::Folders => out.write_str("a folder in quotes, or a list of folders"),
            Self::Interval => out.write_str("a list of 2 numbers, the smaller first"),
            Self::List(entry) => write!(out, "a list of {}", entry.plural()),
            Self::Array(entry, count) => write!(out, "a list of {count} {}", entry.plural()),
            Self::Choice(_) | Self::VariantName(_) => {
                let names: Vec<String> = self.choices().iter().map(|choice| format!("\"{}\"", choice.name)).collect();
                match names.as_slice() {
                    [only] => write!(out, "{only}"),
                    names => write!(out, "one of {}", names.join(", ")),
                }
            }
            Self::Labels => out.write_str("a table of labels, from 1 to 255, with the names of their classes"),
            Self::Table(_) | Self::Named(..) | Self::Variants(_) => out.write_str("a table of keys"),
        }
    }
}

/// Maximum width of a comment, letters.
const WIDTH: usize = 118;

/// A text as the lines of a TOML comment, broken between words.
pub fn comment_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().flat_map(wrapped).map(|line| format!("# {line}\n")).collect();
    lines.concat()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_comments_are_broken_between_words() {
        let lines = wrapped(&"word ".repeat(40));
        assert!(lines.len() == 2 && lines.iter().all(|line| line.len() <= WIDTH), "{lines:?}");
    }
}
