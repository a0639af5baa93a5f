//! The form of a plan: which keys there are, and what may be written for each. Faults of content are `validate`'s.
//!
//! A fault of form does not hide the faults of content: what is misspelt is taken for what it is nearest to, and what
//! cannot be read is replaced by the example's, so that the rest of the plan is checked in the same go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize as _;
use toml::{Table, Value};

use crate::plan::fault::Fault;
use crate::plan::layer::join;
use crate::plan::load::Layers;
use crate::plan::schema::{ConfigurationName, Plan};

mod words;

pub(super) use words::nearest;

/// A whole plan: every key, with a value that is right.
static EXAMPLE: LazyLock<Table> = LazyLock::new(|| {
    let mut example: Table = toml::from_str(include_str!("example.toml")).expect("a test reads this file");
    // Not written where it is empty: plans of before there was such a key stay the same.
    if let Some(data) = example.get_mut("data").and_then(Value::as_table_mut) {
        data.insert("exclude".to_owned(), Value::Array(Vec::new()));
    }
    example
});

/// Keys of a configuration that may be missing, with values that are right.
static OPTIONAL: LazyLock<Table> =
    LazyLock::new(|| Table::from_iter([("augmentation_axis".to_owned(), Value::Integer(0))]));

/// A plan's values as far as they can be read, and what is wrong with the others.
#[derive(Debug, Default)]
pub(super) struct Form {
    /// Every fault of form.
    pub(super) faults: Vec<Fault>,
    /// A whole plan.
    pub(super) values: Table,
    /// Paths of what is the example's, since the plan's own cannot be read. Nothing is to be said of their content.
    replaced: BTreeSet<String>,
    /// Paths of misspelt keys, by the paths that they are taken for.
    written: BTreeMap<String, String>,
}

impl Form {
    /// Whether the value of a key, and all inside of it, is the plan's own.
    pub(super) fn is_own(&self, path: &str) -> bool {
        let within = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
        !self.replaced.iter().any(|one| one == path || within(one, path) || within(path, one))
    }

    /// The path of a key as the plan has it.
    pub(super) fn as_written(&self, path: &str) -> String {
        let mut outer = path;
        loop {
            if let Some(written) = self.written.get(outer) {
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
pub(super) fn read(merged: &Table, layers: &Layers) -> Form {
    let mut reader = Reader { layers, form: Form::default(), missing: Vec::new() };
    let values = reader.table(merged, &EXAMPLE, Place::top());
    let Reader { mut form, missing, .. } = reader;
    form.values = values;
    if !missing.is_empty() {
        let fault = Fault::nowhere(format!("the plan lacks {}", missing.join(", ")));
        let help = "`segplan plan DATASET` writes whole plans; a plan with `extends = \"FILE\"` needs its changes only";
        form.faults.push(fault.help(help));
    }
    form
}

/// The path of a table or value: as it is meant, and as it is written.
#[derive(Clone)]
struct Place {
    meant: String,
    written: String,
}

impl Place {
    fn top() -> Self {
        Self { meant: String::new(), written: String::new() }
    }

    fn inside(&self, meant: &str, written: &str) -> Self {
        Self { meant: join(&self.meant, meant), written: join(&self.written, written) }
    }
}

struct Reader<'a> {
    layers: &'a Layers,
    form: Form,
    missing: Vec<String>,
}

impl Reader<'_> {
    /// A table of the plan, whole: unreadable and missing values are the example's.
    fn table(&mut self, merged: &Table, example: &Table, place: Place) -> Table {
        let mut whole = Table::new();
        if place.meant == "data.labels" {
            for (key, value) in merged {
                let inner = place.inside(key, key);
                if self.value(key, value, &inner) {
                    whole.insert(key.clone(), value.clone());
                } else {
                    self.form.replaced.insert(place.meant.clone());
                }
            }
            return whole;
        }
        for (key, value) in merged {
            match example_of(example, &place.meant, key) {
                Some(example) => self.entry(key, value, example, &place.inside(key, key), &mut whole),
                None => self.unknown(key, value, merged, example, &place, &mut whole),
            }
        }
        self.fill(example, &place, &mut whole);
        whole
    }

    /// A key that there is.
    fn entry(&mut self, name: &str, value: &Value, example: &Value, place: &Place, whole: &mut Table) {
        let read = match (example, value) {
            (Value::Table(example), Value::Table(table)) => Value::Table(self.table(table, example, place.clone())),
            (example, value) => {
                if self.value(name, value, place) {
                    value.clone()
                } else {
                    self.form.replaced.insert(place.meant.clone());
                    example.clone()
                }
            }
        };
        whole.insert(name.to_owned(), read);
    }

    /// A key that there is not; taken for the one that it is nearest to, unless that one is written, too.
    fn unknown(&mut self, key: &str, value: &Value, merged: &Table, example: &Table, place: &Place, whole: &mut Table) {
        let names = names_in(example, &place.meant);
        let written = join(&place.written, key);
        let near = nearest(key, &names);
        let fault = unknown(&written, key, place, &names, near, self.layers);
        self.form.faults.push(fault);
        let Some(near) = near else { return };
        let meant = place.inside(near, key);
        let said = merged.contains_key(near) && !self.layers.is_default(&join(&place.written, near));
        let Some(example) = example_of(example, &place.meant, near).filter(|_| !said) else { return };
        // A table of some changes does not replace what the defaults say of the others.
        let value = match (value, merged.get(near)) {
            (Value::Table(changes), Some(Value::Table(defaults))) => {
                let mut both = defaults.clone();
                both.extend(changes.clone());
                Value::Table(both)
            }
            (value, _) => value.clone(),
        };
        self.form.written.insert(meant.meant.clone(), meant.written.clone());
        self.entry(near, &value, example, &meant, whole);
    }

    /// What a table lacks, from the example.
    fn fill(&mut self, example: &Table, place: &Place, whole: &mut Table) {
        if place.meant == "configurations" {
            return;
        }
        for (key, example) in example {
            if !whole.contains_key(key) {
                let path = join(&place.meant, key);
                self.missing.extend(absent(example, &path));
                self.form.replaced.insert(path);
                whole.insert(key.clone(), example.clone());
            }
        }
    }

    /// Whether a value can be what it is written for: put into the example, do the plan's types object to it?
    fn value(&mut self, key: &str, value: &Value, place: &Place) -> bool {
        let Some(reason) = objection(value, &place.meant) else { return true };
        // Of a list, the entry at fault alone is pointed at, where it is one.
        let at_fault = |(at, entry): (usize, &Value)| {
            let alone = Value::Array(vec![entry.clone()]);
            objection(&alone, &place.meant).filter(|inner| *inner == reason).map(|_| (at, entry.clone()))
        };
        let entry = value.as_array().and_then(|entries| entries.iter().enumerate().find_map(at_fault));
        let (path, shown) = match &entry {
            Some((at, entry)) => (join(&place.written, &at.to_string()), entry),
            None => (place.written.clone(), value),
        };
        let message = match entry {
            Some(_) => format!("an entry of `{key}` cannot be {}", words::shown(shown)),
            None => format!("`{key}` cannot be {}", words::shown(shown)),
        };
        let reason = words::plain(&reason);
        let fault = self.layers.fault_at_value(&path, message, &reason);
        self.form.faults.push(match words::instead(key, shown, &reason) {
            Some(help) => fault.help(help),
            None => fault,
        });
        false
    }
}

/// The keys that are missing with a table or value of the example.
fn absent(example: &Value, path: &str) -> Vec<String> {
    match example {
        Value::Table(table) if path != "configurations" && path != "data.labels" => {
            table.iter().flat_map(|(key, value)| absent(value, &join(path, key))).collect()
        }
        _ => vec![format!("`{path}`")],
    }
}

/// What the example has in a table's place; configurations are all alike.
fn example_of<'a>(example: &'a Table, path: &str, key: &str) -> Option<&'a Value> {
    if path == "configurations" {
        let known = ConfigurationName::ALL.iter().any(|name| name.as_str() == key);
        return example.get("3d_fullres").filter(|_| known);
    }
    example.get(key).or_else(|| OPTIONAL.get(key).filter(|_| is_configuration(path)))
}

fn is_configuration(path: &str) -> bool {
    path.strip_prefix("configurations.").is_some_and(|name| !name.contains('.'))
}

fn names_in<'a>(example: &'a Table, path: &str) -> Vec<&'a str> {
    if path == "configurations" {
        ConfigurationName::ALL.iter().map(|name| name.as_str()).collect()
    } else {
        let optional = OPTIONAL.keys().filter(|_| is_configuration(path));
        example.keys().chain(optional).map(String::as_str).collect()
    }
}

fn unknown(path: &str, key: &str, table: &Place, names: &[&str], near: Option<&str>, layers: &Layers) -> Fault {
    let place =
        if table.meant.is_empty() { "at the top of a plan".to_owned() } else { format!("in `[{}]`", table.meant) };
    let fault = layers.fault_at_key(path, format!("there is no key `{key}` {place}"), "not known");
    fault.help(match (near, home(key)) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Some(table)) => format!("`{key}` belongs into `[{table}]`"),
        (None, None) => format!("known there: {}", names.join(", ")),
    })
}

/// The table that a key belongs into.
fn home(key: &str) -> Option<&'static str> {
    let holds = |value: &Value| value.as_table().is_some_and(|table| table.contains_key(key));
    if EXAMPLE["configurations"].get("3d_fullres").is_some_and(holds) {
        return Some("configurations.3d_fullres");
    }
    EXAMPLE.iter().find(|(_, value)| holds(value)).map(|(table, _)| table.as_str())
}

/// What the plan's types say against a value.
fn objection(value: &Value, path: &str) -> Option<String> {
    let mut whole = EXAMPLE.clone();
    let mut inner = &mut whole;
    let parts: Vec<&str> = path.split('.').collect();
    let (last, tables) = parts.split_last()?;
    for (depth, table) in tables.iter().enumerate() {
        let name = if depth == 1 && tables[0] == "configurations" { "3d_fullres" } else { table };
        inner = inner.get_mut(name)?.as_table_mut()?;
    }
    inner.insert((*last).to_owned(), value.clone());
    Plan::deserialize(whole).err().map(|error| error.message().trim_end().to_owned())
}

/// The faults in the order in which they are read: layer by layer from the lowest, and down each text.
pub(super) fn in_order(faults: &mut [Fault], layers: &Layers) {
    let place = |fault: &Fault| match fault.place() {
        Some((source, byte)) => (layers.position(source), byte),
        None => (usize::MAX, 0),
    };
    faults.sort_by_key(place);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_whole_plan() {
        let plan: Plan = toml::from_str(include_str!("example.toml")).unwrap();
        let written = Table::try_from(&plan).unwrap();
        let mut example = EXAMPLE.clone();
        example["data"].as_table_mut().unwrap().remove("exclude");
        assert_eq!(written, example);
    }
}
