//! Which keys a plan has, and whether each value has the type and the range of its key. Whether values fit each other is checked
//! by `plan/check`.
//!
//! A value that cannot be used does not hide other errors: a misspelt key counts as the one that it is nearest to, and a wrong value
//! is replaced by one that is right, so that the rest of the plan is checked as well.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::plan::read::diagnostic::Diagnostic;
use crate::plan::read::example::example;
use crate::plan::read::layers::Layers;
use crate::plan::read::messages;
use crate::plan::read::part::wrong_parts;
use crate::plan::schema::key::{Choice, Key, Kind, Variant};
use crate::plan::schema::lookup::{join, kind_of, top_keys};
use crate::plan::schema::stage::Stage;

/// The values of a plan as far as they can be used, and the errors of the others.
#[derive(Debug, Default)]
pub(in crate::plan) struct Structure {
    /// Errors of keys, types and ranges.
    pub(in crate::plan) errors: Vec<Diagnostic>,
    /// A whole plan.
    pub(in crate::plan) values: Table,
    /// Paths of values that stand in for the plan's own, which cannot be used.
    replaced: BTreeSet<String>,
    /// Paths of misspelt keys, by the paths of the keys that they count as.
    misspelt: BTreeMap<String, String>,
}

impl Structure {
    /// Whether the value of a key, and everything in it, is the plan's own.
    pub(in crate::plan) fn is_own(&self, path: &str) -> bool {
        let within = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
        !self.replaced.iter().any(|one| one == path || within(one, path) || within(path, one))
    }

    /// The path of a key as the plan spells it.
    pub(in crate::plan) fn as_written(&self, path: &str) -> String {
        let mut outer = path;
        loop {
            if let Some(written) = self.misspelt.get(outer) {
                return format!("{written}{}", &path[outer.len()..]);
            }
            match outer.rsplit_once('.') {
                Some((table, _)) => outer = table,
                None => return path.to_owned(),
            }
        }
    }
}

/// Reads the merged values of some layers.
pub(in crate::plan) fn read_structure(layers: &Layers) -> Structure {
    let mut reader = Reader { layers, structure: Structure::default(), missing: Vec::new() };
    let values = reader.table(&layers.merged(), top_keys(), &Path::default());
    let Reader { mut structure, missing, .. } = reader;
    structure.values = values;
    if !missing.is_empty() {
        structure.errors.push(messages::missing(&missing));
    }
    structure
}

/// The path of a table or value: as it is meant, and as it is written.
#[derive(Clone, Default)]
struct Path {
    meant: String,
    written: String,
}

impl Path {
    fn inside(&self, meant: &str, written: &str) -> Self {
        Self { meant: join(&self.meant, meant), written: join(&self.written, written) }
    }
}

struct Reader<'a> {
    layers: &'a Layers,
    structure: Structure,
    missing: Vec<String>,
}

impl Reader<'_> {
    /// A table of these keys, complete: missing and unusable values are replaced.
    fn table(&mut self, values: &Table, keys: &[Key], path: &Path) -> Table {
        let mut whole = Table::new();
        let meant = self.meant_by_misspelt(values, keys, path);
        for (name, value) in values {
            match keys.iter().find(|key| key.name == name) {
                // The misspelt key brings the recipe's values along.
                Some(key) if meant.contains(key.name) => (),
                Some(key) => {
                    let value = self.value(value, key, &path.inside(name, name));
                    whole.insert(name.clone(), value);
                }
                None => self.unknown(name, value, values, keys, path, &mut whole),
            }
        }
        for key in keys {
            if !whole.contains_key(key.name) && !key.is_optional {
                let path = path.inside(key.name, key.name);
                collect_missing(key, &path.meant, &mut self.missing);
                self.structure.replaced.insert(path.meant);
                whole.insert(key.name.to_owned(), example(&key.kind, key));
            }
        }
        whole
    }

    /// The keys that misspelt ones count as: those that no layer but the recipe sets.
    fn meant_by_misspelt(&self, values: &Table, keys: &[Key], path: &Path) -> BTreeSet<&'static str> {
        let names: Vec<&'static str> = keys.iter().map(|key| key.name).collect();
        let unknown = values.keys().filter(|name| !names.contains(&name.as_str()));
        let near = unknown.filter_map(|name| messages::nearest(name, &names));
        near.filter(|near| self.layers.is_default(&join(&path.written, near))).collect()
    }

    /// A key that does not exist. It counts as the one that it is nearest to, unless that one is written, too.
    fn unknown(&mut self, name: &str, value: &Value, values: &Table, keys: &[Key], path: &Path, whole: &mut Table) {
        let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
        let near = messages::nearest(name, &names);
        let table = messages::KeysOf { table: &path.meant, names: &names };
        let error = messages::unknown_key(&join(&path.written, name), name, &table, near, self.layers);
        self.structure.errors.push(error);
        let Some(key) = near.and_then(|near| keys.iter().find(|key| key.name == near)) else { return };
        let is_written = values.contains_key(key.name) && !self.layers.is_default(&join(&path.written, key.name));
        if is_written {
            return;
        }
        // Changes in a misspelt table leave the recipe's other values in place.
        let value = match (value, values.get(key.name)) {
            (Value::Table(changes), Some(Value::Table(defaults))) => {
                let mut both = defaults.clone();
                both.extend(changes.clone());
                Value::Table(both)
            }
            (value, _) => value.clone(),
        };
        let inside = path.inside(key.name, name);
        self.structure.misspelt.insert(inside.meant.clone(), inside.written.clone());
        let value = self.value(&value, key, &inside);
        whole.insert(key.name.to_owned(), value);
    }

    /// A value of a key; a right one if it is wrong.
    fn value(&mut self, value: &Value, key: &Key, path: &Path) -> Value {
        match (key.kind, value) {
            (Kind::Table(keys), Value::Table(table)) => Value::Table(self.table(table, keys, path)),
            (Kind::Named(names, keys), Value::Table(table)) => Value::Table(self.named(table, names, keys, path)),
            (Kind::Variants(variants), Value::Table(table)) => Value::Table(self.variant(table, key, variants, path)),
            (Kind::Labels, Value::Table(table)) => Value::Table(self.labels(table, key, path)),
            (Kind::List(Kind::Table(keys)), Value::Array(entries)) => {
                let entry = |(at, entry): (usize, &Value)| {
                    let key = key.kind(Kind::Table(keys));
                    self.value(entry, &key, &path.inside(&at.to_string(), &at.to_string()))
                };
                Value::Array(entries.iter().enumerate().map(entry).collect())
            }
            _ => self.plain(value, key, path),
        }
    }

    /// A value that is no table.
    fn plain(&mut self, value: &Value, key: &Key, path: &Path) -> Value {
        let wrong = wrong_parts(value, key);
        if wrong.is_empty() {
            return value.clone();
        }
        for part in wrong {
            self.structure.errors.push(messages::wrong_value(&part, key, &path.written, self.layers));
        }
        self.structure.replaced.insert(path.meant.clone());
        example(&key.kind, key)
    }

    /// Tables by name.
    fn named(&mut self, values: &Table, names: &[Choice], keys: &'static [Key], path: &Path) -> Table {
        // The tables that may exist are keys of which none has to.
        let tables: Vec<Key> =
            names.iter().map(|name| TABLE.named(name.name).kind(Kind::Table(keys)).optional(true)).collect();
        self.table(values, &tables, path)
    }

    /// A table whose `kind` decides on its keys.
    fn variant(&mut self, values: &Table, key: &Key, variants: &'static [Variant], path: &Path) -> Table {
        let kind_key = kind_of(key);
        let kind = values.get("kind").map(|kind| self.value(kind, &kind_key, &path.inside("kind", "kind")));
        let kind = kind.unwrap_or_else(|| example(&kind_key.kind, &kind_key));
        let is_own = self.structure.is_own(&join(&path.meant, "kind"));
        let chosen = variants.iter().find(|variant| Some(variant.choice.name) == kind.as_str());
        let mut rest = values.clone();
        rest.remove("kind");
        let Some(chosen) = chosen else { return rest };
        let is_of_another = |name: &str| {
            let own = chosen.keys.iter().any(|key| key.name == name);
            let other = variants.iter().find(|variant| variant.keys.iter().any(|key| key.name == name));
            other.filter(|_| !own)
        };
        let others: Vec<(String, &Variant)> =
            rest.keys().filter_map(|name| Some((name.clone(), is_of_another(name)?))).collect();
        for (name, other) in others {
            if is_own {
                let error = messages::key_of_another_kind(&join(&path.written, &name), other, chosen, self.layers);
                self.structure.errors.push(error);
            }
            rest.remove(&name);
        }
        if !is_own {
            // Which keys are missing depends on the kind.
            let before = self.missing.len();
            let mut whole = self.table(&rest, chosen.keys, path);
            self.missing.truncate(before);
            whole.insert("kind".to_owned(), kind);
            return whole;
        }
        let mut whole = self.table(&rest, chosen.keys, path);
        whole.insert("kind".to_owned(), kind);
        whole
    }

    /// Names of classes by label.
    fn labels(&mut self, values: &Table, key: &Key, path: &Path) -> Table {
        let mut whole = Table::new();
        for (label, name) in values {
            let is_label = label.parse::<u8>().is_ok_and(|label| label > 0);
            if is_label && name.is_str() {
                whole.insert(label.clone(), name.clone());
                continue;
            }
            self.structure.errors.push(messages::wrong_label(label, name, is_label, &path.written, self.layers));
            self.structure.replaced.insert(path.meant.clone());
        }
        if whole.is_empty() && !self.structure.is_own(&path.meant) {
            return match example(&key.kind, key) {
                Value::Table(table) => table,
                _ => whole,
            };
        }
        whole
    }
}

/// A table by name.
const TABLE: Key = Key::new("", "", Kind::Table(&[]), Stage::Nothing);

/// The keys that are missing with a key.
fn collect_missing(key: &Key, path: &str, missing: &mut Vec<String>) {
    match key.kind {
        Kind::Table(keys) => {
            for key in keys.iter().filter(|key| !key.is_optional) {
                collect_missing(key, &join(path, key.name), missing);
            }
        }
        _ => missing.push(path.to_owned()),
    }
}

/// Sorts diagnostics as they are read: layer by layer from the lowest, and down each text.
pub(in crate::plan) fn sort_by_position(diagnostics: &mut [Diagnostic], layers: &Layers) {
    diagnostics.sort_by_key(|one| match one.position() {
        Some((source, byte)) => (layers.index_of(source), byte),
        None => (usize::MAX, 0),
    });
}
