//! A layer of a plan: a text, its values, and the position of each.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::plan::schema::lookup::join;
use crate::plan::schema::recipe;

/// Where a layer comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The recipe, which is part of the program.
    Recipe,
    /// A plan file, or one that it extends.
    File(PathBuf),
    /// `SEGPLAN_TABLE__KEY` in the environment.
    Environment(String),
    /// `--set` on the command line.
    Set,
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recipe => write!(out, "the recipe {}", recipe::NAME),
            Self::File(path) => write!(out, "{}", path.display()),
            Self::Environment(name) => write!(out, "environment variable {name}"),
            Self::Set => write!(out, "--set"),
        }
    }
}

/// Positions of a key and its value in the text of their layer, bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The key.
    pub key: Range<usize>,
    /// The value.
    pub value: Range<usize>,
}

/// One layer: a text, and the values in it.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Where it comes from.
    pub source: Source,
    /// The text, which all diagnostics about it share.
    pub text: Arc<str>,
    /// The values.
    pub values: toml::Table,
    /// Positions of the keys, by path, such as `train.batches_per_epoch`.
    pub positions: BTreeMap<String, Position>,
}

impl Layer {
    /// The layer of a TOML text.
    ///
    /// # Errors
    ///
    /// When the text is not TOML.
    pub fn of_toml(source: Source, text: String) -> Result<Self, toml::de::Error> {
        let mut positions = BTreeMap::new();
        collect(DeTable::parse(&text)?.get_ref(), "", &mut positions);
        let values = toml::from_str(&text)?;
        Ok(Self { source, text: text.into(), values, positions })
    }

    /// The layer of one `key=value`. A value that is not TOML is a string. `None` without an equals sign or a key.
    pub fn of_pair(source: Source, text: &str, key: &str) -> Option<Self> {
        let (written, value) = text.split_once('=')?;
        let path: Vec<&str> = key.split('.').collect();
        if path.iter().any(|part| part.is_empty()) {
            return None;
        }
        let parsed = toml::from_str::<toml::Table>(&format!("value = {}", value.trim()))
            .ok()
            .filter(|table| table.len() == 1)
            .and_then(|mut table| table.remove("value"))
            .unwrap_or_else(|| toml::Value::String(value.trim().to_owned()));
        let mut values = toml::Table::new();
        let mut inner = &mut values;
        let (last, tables) = path.split_last()?;
        for table in tables {
            inner = inner
                .entry((*table).to_owned())
                .or_insert_with(|| toml::Value::Table(toml::Table::new()))
                .as_table_mut()?;
        }
        inner.insert((*last).to_owned(), parsed);
        let position = Position { key: 0..written.trim_end().len(), value: written.len() + 1..text.len() };
        // The tables around the key get its position, so that an unknown one can be pointed at.
        let tables = (1..path.len()).map(|depth| (path[..depth].join("."), position.clone()));
        let mut positions: BTreeMap<String, Position> = tables.collect();
        positions.insert(key.to_owned(), position);
        entries(value, written.len() + 1, key, &mut positions);
        Some(Self { source, text: text.into(), values, positions })
    }

    /// Position at which this layer sets a key. A value that replaces a table or list sets all keys in it.
    pub fn decides(&self, path: &str) -> Option<&Position> {
        let mut path = path;
        let mut asked = true;
        loop {
            if let Some(position) = self.positions.get(path) {
                return Some(position).filter(|_| asked || !self.is_table(path));
            }
            path = path.rsplit_once('.')?.0;
            asked = false;
        }
    }

    fn is_table(&self, path: &str) -> bool {
        self.value(path).is_some_and(toml::Value::is_table)
    }

    /// The value that this layer has for a key.
    pub fn value(&self, path: &str) -> Option<&toml::Value> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let mut keys = rest.into_iter().flat_map(|rest| rest.split('.'));
        keys.try_fold(self.values.get(first)?, |value, key| value.as_table()?.get(key))
    }

    /// A position of this layer in words: `recipe`, `plan.toml:12`, `--set train.batches_per_epoch=7`.
    pub fn named(&self, position: &Position) -> String {
        match &self.source {
            Source::Recipe => "recipe".to_owned(),
            Source::File(file) => format!("{}:{}", file.display(), self.line(position.key.start)),
            Source::Environment(name) => name.clone(),
            Source::Set => format!("--set {}", self.text),
        }
    }

    /// Line of a byte of the text, counted from 1.
    pub fn line(&self, byte: usize) -> usize {
        self.text[..byte.min(self.text.len())].matches('\n').count() + 1
    }
}

/// Positions of the entries of a list or table that begins at byte `start` of the text of a layer.
fn entries(value: &str, start: usize, path: &str, positions: &mut BTreeMap<String, Position>) {
    const KEY: &str = "value=";
    let text = format!("{KEY}{value}");
    let Ok(parsed) = DeTable::parse(&text) else { return };
    let mut inner = BTreeMap::new();
    for value in parsed.get_ref().values() {
        inside(value, path, &mut inner);
    }
    let moved = |range: Range<usize>| range.start - KEY.len() + start..range.end - KEY.len() + start;
    positions
        .extend(inner.into_iter().map(|(path, at)| (path, Position { key: moved(at.key), value: moved(at.value) })));
}

fn collect(table: &DeTable<'_>, prefix: &str, positions: &mut BTreeMap<String, Position>) {
    for (key, value) in table {
        let path = join(prefix, key.get_ref());
        positions.insert(path.clone(), Position { key: key.span(), value: value.span() });
        inside(value, &path, positions);
    }
}

fn inside(value: &Spanned<DeValue<'_>>, path: &str, positions: &mut BTreeMap<String, Position>) {
    match value.get_ref() {
        DeValue::Table(table) => collect(table, path, positions),
        DeValue::Array(array) => {
            for (index, entry) in array.iter().enumerate() {
                let path = join(path, &index.to_string());
                positions.insert(path.clone(), Position { key: entry.span(), value: entry.span() });
                inside(entry, &path, positions);
            }
        }
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => (),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_point_at_keys_and_values() {
        let text = "[train]\nbatches_per_epoch = 25\n[a.b]\nc = [1, 22]\n".to_owned();
        let layer = Layer::of_toml(Source::Recipe, text).unwrap();
        let at = |path: &str| {
            let position = &layer.positions[path];
            (&layer.text[position.key.clone()], &layer.text[position.value.clone()])
        };
        assert_eq!(at("train.batches_per_epoch"), ("batches_per_epoch", "25"));
        assert_eq!(at("a.b.c"), ("c", "[1, 22]"));
        assert_eq!(at("a.b.c.1").1, "22");
        assert_eq!(layer.line(layer.positions["a.b.c"].key.start), 4);
    }

    #[test]
    fn a_list_sets_its_entries_and_a_table_does_not() {
        let layer = Layer::of_pair(Source::Set, "a.b = [1, 22]", "a.b").unwrap();
        let at = |path: &str| layer.decides(path).map(|position| &layer.text[position.value.clone()]);
        assert_eq!(at("a.b.1"), Some("22"));
        assert_eq!(at("a.b.2"), Some(" [1, 22]"));
        assert_eq!(at("a.c"), None);
        assert_eq!(at("a"), Some(" [1, 22]"));
    }

    #[test]
    fn a_value_that_is_not_toml_is_a_string() {
        let value = |text: &str| Layer::of_pair(Source::Set, text, "a.b").unwrap().values["a"]["b"].clone();
        assert_eq!(value("a.b=3").as_integer(), Some(3));
        assert_eq!(value("a.b = [1, 2]").as_array().unwrap().len(), 2);
        assert_eq!(value("a.b=cuda:0").as_str(), Some("cuda:0"));
        assert_eq!(value("a.b=\"x\"").as_str(), Some("x"));
        assert!(Layer::of_pair(Source::Set, "a.b", "a.b").is_none());
        assert!(Layer::of_pair(Source::Set, "a..b=1", "a..b").is_none());
    }
}
