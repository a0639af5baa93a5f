//! The recipe: the default values of a plan, from the declarations of its keys.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use serde::Deserialize as _;
use toml::{Table, Value};

use crate::plan::schema::key::{Key, Kind};
use crate::plan::schema::lookup::{Declared, join, kind_of};
use crate::plan::schema::rules::Rules;
use crate::plan::schema::{lookup, words::comment_lines};
use crate::units::GIB;

/// Name of the recipe.
pub const NAME: &str = "nnunet-2018";

/// The `kind` that is chosen for a table with variants, by the path of the table; `None` for the recipe's own.
pub type ChosenKind<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The recipe as commented TOML, with the defaults of the chosen variants.
pub fn text(chosen: ChosenKind<'_>) -> String {
    let mut out = format!(
        "# The recipe {NAME}: nnU-Net as published in 2018. \"Paper\" is arXiv:1809.10486; commit 6150f1b0 is nnU-Net's first public\n\
         # code, for what the paper leaves open.\n"
    );
    write_keys(lookup::top_keys(), "", chosen, &mut out);
    out
}

fn write_keys(keys: &[Key], table: &str, chosen: ChosenKind<'_>, out: &mut String) {
    for key in keys {
        if let Some(default) = key.default.filter(|_| !matches!(key.kind, Kind::Variants(_))) {
            write_key(key, default, out);
        }
    }
    for key in keys {
        let path = join(table, key.name);
        let inner = match key.kind {
            Kind::Table(inner) => inner,
            Kind::Variants(variants) => {
                let default = key.default.unwrap_or_default().trim_matches('"');
                let kind = chosen(&path).unwrap_or_else(|| default.to_owned());
                // An unknown kind is reported where it is written; its table has no defaults.
                let variant = variants.iter().find(|variant| variant.choice.name == kind);
                let _ = writeln!(out, "\n[{path}]");
                write_key(&kind_of(key), key.default.unwrap_or_default(), out);
                write_keys(variant.map_or(&[], |variant| variant.keys), &path, chosen, out);
                continue;
            }
            _ => continue,
        };
        if inner.iter().any(|key| key.default.is_some() && !matches!(key.kind, Kind::Variants(_))) {
            let _ = writeln!(out, "\n[{path}]");
        }
        write_keys(inner, &path, chosen, out);
    }
}

fn write_key(key: &Key, default: &str, out: &mut String) {
    out.push_str(&comment_lines(&key.comment()));
    let _ = writeln!(out, "{} = {default}", key.name);
}

/// The recipe's values.
pub fn values() -> Table {
    toml::from_str(&text(&|_| None)).expect("a test reads the recipe")
}

/// The recipe's value of a key.
pub fn value(path: &str) -> Option<Value> {
    let mut value = Value::Table(values());
    for part in path.split('.') {
        value = value.as_table_mut()?.remove(part)?;
    }
    Some(value)
}

/// The default of a key, also of one that only a variant of its table has: `kind` is that of the table.
pub fn default_of(path: &str, kind: Option<&str>) -> Option<&'static Value> {
    static DEFAULTS: LazyLock<BTreeMap<(String, Option<&str>), Value>> = LazyLock::new(|| {
        let default = |one: Declared| {
            let value = toml::from_str::<Table>(&format!("value = {}", one.key.default?)).ok()?.remove("value")?;
            Some(((one.path, one.variant), as_kind(value, &one.key.kind)))
        };
        lookup::declared().into_iter().filter_map(default).collect()
    });
    let of = |kind: Option<&str>| DEFAULTS.iter().find(|((known, of), _)| known == path && *of == kind);
    kind.and_then(|kind| of(Some(kind))).or_else(|| of(None)).map(|(_, value)| value)
}

/// A value as a plan writes it: a whole number that stands for a real one is written with a point.
fn as_kind(value: Value, kind: &Kind) -> Value {
    match (value, kind) {
        (Value::Integer(whole), Kind::Number | Kind::Interval) => Value::Float(whole as f64),
        (Value::Array(values), Kind::Interval) => {
            Value::Array(values.into_iter().map(|value| as_kind(value, kind)).collect())
        }
        (Value::Array(values), Kind::List(inner) | Kind::Array(inner, _)) => {
            Value::Array(values.into_iter().map(|value| as_kind(value, inner)).collect())
        }
        (value, _) => value,
    }
}

/// The recipe's constants of the planning rules.
pub fn rules() -> Rules {
    Rules::deserialize(value("rules").expect("the recipe has rules")).expect("a test reads the recipe")
}

/// Maximum memory of images and probabilities if there is no plan, bytes: the recipe's `runtime.memory_gib`.
pub fn memory_bytes() -> u64 {
    let gib = value("runtime.memory_gib").and_then(|gib| gib.as_integer());
    gib.expect("the recipe has a memory limit").unsigned_abs() * GIB
}
