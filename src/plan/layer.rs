//! The layers of a plan: where each value was written.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What a layer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The defaults that are part of the program.
    Defaults,
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
            Self::Defaults => write!(out, "the defaults"),
            Self::File(path) => write!(out, "{}", path.display()),
            Self::Environment(name) => write!(out, "environment variable {name}"),
            Self::Set => write!(out, "--set"),
        }
    }
}

/// Where a key and its value stand in their layer's text, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The key.
    pub key: Range<usize>,
    /// The value.
    pub value: Range<usize>,
}

/// One layer: a text, and the values in it.
#[derive(Clone, Debug)]
pub struct Layer {
    /// What it is.
    pub source: Source,
    /// The text.
    pub text: String,
    /// The values.
    pub values: toml::Table,
    /// Where each key stands, by its path, such as `train.batches_per_epoch`.
    pub places: BTreeMap<String, Place>,
}

impl Layer {
    /// A layer of a TOML text.
    ///
    /// # Errors
    ///
    /// When the text is not TOML.
    pub fn of_toml(source: Source, text: String) -> Result<Self, toml::de::Error> {
        let mut places = BTreeMap::new();
        collect(DeTable::parse(&text)?.get_ref(), "", &mut places);
        let values = toml::from_str(&text)?;
        Ok(Self { source, text, values, places })
    }

    /// A layer of one `key=value`; the value is TOML, or a text where it is not. None without an equals sign or a key.
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
        let place = Place { key: 0..written.trim_end().len(), value: written.len() + 1..text.len() };
        // Tables on the way stand where the key does, so that an unknown one can be pointed at.
        let tables = (1..path.len()).map(|depth| (path[..depth].join("."), place.clone()));
        let mut places: BTreeMap<String, Place> = tables.collect();
        places.insert(key.to_owned(), place);
        entries(value, written.len() + 1, key, &mut places);
        Some(Self { source, text: text.to_owned(), values, places })
    }

    /// Where this layer decides on a key: at the key itself, or at whatever else than a table it has in place of a table or
    /// list around it.
    pub fn decides(&self, path: &str) -> Option<&Place> {
        let mut path = path;
        let mut asked = true;
        loop {
            if let Some(place) = self.places.get(path) {
                return Some(place).filter(|_| asked || !self.is_table(path));
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

    /// A place of this layer in words: `default`, `plan.toml:12`, `--set train.batches_per_epoch=7`.
    pub fn named(&self, place: &Place) -> String {
        match &self.source {
            Source::Defaults => "default".to_owned(),
            Source::File(file) => format!("{}:{}", file.display(), self.line(place.key.start)),
            Source::Environment(name) => name.clone(),
            Source::Set => format!("--set {}", self.text),
        }
    }

    /// Line of a byte of the text, counted from 1.
    pub fn line(&self, byte: usize) -> usize {
        self.text[..byte.min(self.text.len())].matches('\n').count() + 1
    }
}

/// Places of the entries of a list or table that stands at byte `start` of a layer's text.
fn entries(value: &str, start: usize, path: &str, places: &mut BTreeMap<String, Place>) {
    const KEY: &str = "value=";
    let text = format!("{KEY}{value}");
    let Ok(parsed) = DeTable::parse(&text) else { return };
    let mut inner = BTreeMap::new();
    for value in parsed.get_ref().values() {
        inside(value, path, &mut inner);
    }
    let moved = |range: Range<usize>| range.start - KEY.len() + start..range.end - KEY.len() + start;
    places.extend(inner.into_iter().map(|(path, at)| (path, Place { key: moved(at.key), value: moved(at.value) })));
}

fn collect(table: &DeTable<'_>, prefix: &str, places: &mut BTreeMap<String, Place>) {
    for (key, value) in table {
        let path = join(prefix, key.get_ref());
        places.insert(path.clone(), Place { key: key.span(), value: value.span() });
        inside(value, &path, places);
    }
}

fn inside(value: &Spanned<DeValue<'_>>, path: &str, places: &mut BTreeMap<String, Place>) {
    match value.get_ref() {
        DeValue::Table(table) => collect(table, path, places),
        DeValue::Array(array) => {
            for (index, entry) in array.iter().enumerate() {
                let path = join(path, &index.to_string());
                places.insert(path.clone(), Place { key: entry.span(), value: entry.span() });
                inside(entry, &path, places);
            }
        }
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => (),
    }
}

/// Path of a key inside of a table.
pub fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source.to_string())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let dict = Value::serialize(&self.values)?.into_dict().unwrap_or_default();
        Ok(Map::from([(Profile::Default, dict)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_point_at_keys_and_values() {
        let text = "[train]\nbatches = 25\n[a.b]\nc = [1, 22]\n".to_owned();
        let layer = Layer::of_toml(Source::Defaults, text).unwrap();
        let at = |path: &str| {
            let place = &layer.places[path];
            (&layer.text[place.key.clone()], &layer.text[place.value.clone()])
        };
        assert_eq!(at("train.batches_per_epoch"), ("batches_per_epoch", "25"));
        assert_eq!(at("a.b.c"), ("c", "[1, 22]"));
        assert_eq!(at("a.b.c.1").1, "22");
        assert_eq!(layer.line(layer.places["a.b.c"].key.start), 4);
    }

    #[test]
    fn a_list_decides_on_its_entries_and_a_table_does_not() {
        let layer = Layer::of_pair(Source::Set, "a.b = [1, 22]", "a.b").unwrap();
        let at = |path: &str| layer.decides(path).map(|place| &layer.text[place.value.clone()]);
        assert_eq!(at("a.b.1"), Some("22"));
        assert_eq!(at("a.b.2"), Some(" [1, 22]"));
        assert_eq!(at("a.c"), None);
        assert_eq!(at("a"), Some(" [1, 22]"));
    }

    #[test]
    fn a_pair_is_toml_or_else_a_text() {
        let value = |text: &str| Layer::of_pair(Source::Set, text, "a.b").unwrap().values["a"]["b"].clone();
        assert_eq!(value("a.b=3").as_integer(), Some(3));
        assert_eq!(value("a.b = [1, 2]").as_array().unwrap().len(), 2);
        assert_eq!(value("a.b=cuda:0").as_str(), Some("cuda:0"));
        assert_eq!(value("a.b=\"x\"").as_str(), Some("x"));
        assert!(Layer::of_pair(Source::Set, "a.b", "a.b").is_none());
        assert!(Layer::of_pair(Source::Set, "a..b=1", "a..b").is_none());
    }
}
