//! A right value of any key, which stands in for a wrong or missing one while the rest of a plan is checked.

use toml::{Table, Value};

use crate::plan::schema::key::{Key, Kind};

/// A right value of a key: its default, or else any.
pub(super) fn example(kind: &Kind, key: &Key) -> Value {
    if let Some(default) = key.default.filter(|_| !matches!(kind, Kind::Variants(_))) {
        let parsed = toml::from_str::<Table>(&format!("value = {default}")).ok();
        return parsed.and_then(|mut table| table.remove("value")).expect("a test reads the recipe");
    }
    match kind {
        Kind::Integer => Value::Integer(key.range.example() as i64),
        Kind::Number => Value::Float(key.range.example()),
        Kind::Switch => Value::Boolean(false),
        Kind::Text => Value::String("example".to_owned()),
        Kind::Folders | Kind::List(_) => Value::Array(Vec::new()),
        Kind::Interval => Value::Array(vec![Value::Float(key.range.example()); 2]),
        Kind::Array(entry, count) => Value::Array(vec![example(entry, key); *count]),
        Kind::Choice(_) | Kind::VariantName(_) => {
            Value::String(kind.choices().first().map_or("", |choice| choice.name).to_owned())
        }
        Kind::Labels => Value::Table(Table::from_iter([("1".to_owned(), Value::String("example".to_owned()))])),
        Kind::Table(keys) => Value::Table(examples(keys)),
        Kind::Named(..) => Value::Table(Table::new()),
        Kind::Variants(variants) => {
            let default = key.default.unwrap_or_default().trim_matches('"');
            let variant = variants.iter().find(|variant| variant.choice.name == default);
            let mut table = variant.map_or_else(Table::new, |variant| examples(variant.keys));
            table.insert("kind".to_owned(), Value::String(default.to_owned()));
            Value::Table(table)
        }
    }
}

fn examples(keys: &[Key]) -> Table {
    let required = keys.iter().filter(|key| !key.is_optional);
    required.map(|key| (key.name.to_owned(), example(&key.kind, key))).collect()
}
