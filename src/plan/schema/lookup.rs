//! Keys by path.

use crate::plan::schema::configuration::ConfigurationName;
use crate::plan::schema::key::{Key, Kind};
use crate::plan::schema::key_type::Table as _;
use crate::plan::schema::plan::Plan;
use crate::plan::schema::stage::Stage;

/// Placeholder for the name of a configuration in the path of a key: `configurations.NAME.patch_size`.
pub const ANY_NAME: &str = "NAME";

/// A key with its path.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Its path, such as `train.batches_per_epoch`.
    pub path: String,
    /// The key.
    pub key: Key,
    /// The `kind` of its table that it belongs to, if its table has variants.
    pub variant: Option<&'static str>,
}

/// The keys at the top of a plan.
pub fn top_keys() -> &'static [Key] {
    Plan::KEYS
}

/// Path of a key inside of a table.
pub fn join(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}

/// All keys of a plan in their order, each table before the keys in it.
pub fn declared() -> Vec<Declared> {
    let mut found = Vec::new();
    collect(Plan::KEYS, "", None, &mut found);
    found
}

fn collect(keys: &[Key], table: &str, variant: Option<&'static str>, found: &mut Vec<Declared>) {
    for key in keys {
        let path = join(table, key.name);
        found.push(Declared { path: path.clone(), key: *key, variant });
        match key.kind {
            Kind::Table(keys) => collect(keys, &path, None, found),
            Kind::List(Kind::Table(keys)) => collect(keys, &path, None, found),
            Kind::Named(_, keys) => {
                let path = join(&path, ANY_NAME);
                found.push(Declared { path: path.clone(), key: network(keys), variant: None });
                collect(keys, &path, None, found);
            }
            Kind::Variants(variants) => {
                found.push(Declared { path: join(&path, "kind"), key: kind_of(key), variant: None });
                for variant in variants {
                    collect(variant.keys, &path, Some(variant.choice.name), found);
                }
            }
            Kind::Integer
            | Kind::Number
            | Kind::Switch
            | Kind::Text
            | Kind::Folders
            | Kind::Interval
            | Kind::List(_)
            | Kind::Array(..)
            | Kind::Choice(_)
            | Kind::VariantName(_)
            | Kind::Labels => (),
        }
    }
}

/// The table of one configuration.
fn network(keys: &'static [Key]) -> Key {
    Key::new(ANY_NAME, "One network, and the grid that it works on.", Kind::Table(keys), Stage::Nothing)
}

/// The key `kind` of a table with variants.
pub fn kind_of(table: &Key) -> Key {
    match table.kind {
        Kind::Variants(variants) => table.named("kind").kind(Kind::VariantName(variants)),
        _ => *table,
    }
}

/// The key at a path. Configurations may be called by their names, and entries of a list by their indices.
pub fn find(path: &str) -> Option<Key> {
    let mut key = Key::new("", "A plan.", Kind::Table(Plan::KEYS), Stage::Nothing);
    for part in path.split('.') {
        key = inside(&key, part)?;
    }
    Some(key)
}

fn inside(table: &Key, part: &str) -> Option<Key> {
    let is_index = part.parse::<usize>().is_ok();
    match table.kind {
        Kind::Table(keys) => keys.iter().find(|key| key.name == part).copied(),
        Kind::Named(_, keys) => is_configuration(part).then(|| network(keys)),
        Kind::Variants(_) if part == "kind" => Some(kind_of(table)),
        Kind::Variants(variants) => {
            variants.iter().flat_map(|variant| variant.keys).find(|key| key.name == part).copied()
        }
        Kind::List(entry) | Kind::Array(entry, _) if is_index => Some(table.kind(*entry)),
        Kind::Interval if is_index => Some(table.kind(Kind::Number)),
        Kind::Folders | Kind::Labels if is_index => Some(table.kind(Kind::Text)),
        Kind::Integer
        | Kind::Number
        | Kind::Switch
        | Kind::Text
        | Kind::Folders
        | Kind::Interval
        | Kind::List(_)
        | Kind::Array(..)
        | Kind::Choice(_)
        | Kind::VariantName(_)
        | Kind::Labels => None,
    }
}

fn is_configuration(name: &str) -> bool {
    name == ANY_NAME || ConfigurationName::ALL.iter().any(|known| known.as_str() == name)
}

/// The first stage whose result depends on the key of a path; `Nothing` for keys that are no part of a plan.
pub fn stage_of(path: &str) -> Stage {
    find(path).map_or(Stage::Nothing, |key| key.stage)
}
