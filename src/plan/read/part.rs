//! Whether a value that is no table has the type and the range of its key.

use toml::Value;

use crate::plan::schema::key::{Key, Kind};

/// A part of a value that is wrong.
pub(in crate::plan) struct WrongPart {
    /// Index of the entry, if the value is a list of which an entry is wrong.
    pub(in crate::plan) entry: Option<usize>,
    /// The value, or the entry.
    pub(in crate::plan) value: Value,
    /// The expected type or range.
    pub(in crate::plan) expected: String,
}

/// The wrong parts of a value: the value itself, or some of its entries.
pub(super) fn wrong_parts(value: &Value, key: &Key) -> Vec<WrongPart> {
    let whole = |expected: String| vec![WrongPart { entry: None, value: value.clone(), expected }];
    let entries = |entry: &Kind, values: &[Value]| -> Vec<WrongPart> {
        let wrong = |(at, value): (usize, &Value)| {
            let expected = expected_scalar(value, entry, key)?;
            Some(WrongPart { entry: Some(at), value: value.clone(), expected })
        };
        values.iter().enumerate().filter_map(wrong).collect()
    };
    match (key.kind, value) {
        (Kind::List(entry), Value::Array(values)) => entries(entry, values),
        (Kind::Array(entry, count), Value::Array(values)) if values.len() == count => entries(entry, values),
        (Kind::Interval, Value::Array(values)) if values.len() == 2 => {
            let wrong = entries(&Kind::Number, values);
            let numbers: Vec<f64> = values.iter().filter_map(number).collect();
            match numbers.as_slice() {
                [low, high] if wrong.is_empty() && low > high => {
                    whole(format!("the smaller number first, such as `[{high:?}, {low:?}]`"))
                }
                _ => wrong,
            }
        }
        (Kind::Folders, Value::Array(values)) if !values.is_empty() => entries(&Kind::Text, values),
        (Kind::Folders, Value::Array(_)) => whole("at least one folder, such as [\"data\"]".to_owned()),
        (kind, value) => expected_scalar(value, &kind, key).map(whole).unwrap_or_default(),
    }
}

/// The expected type or range of a value that is no list, or of an entry of a list; `None` if it is right.
fn expected_scalar(value: &Value, kind: &Kind, key: &Key) -> Option<String> {
    let in_range = |value: f64| if key.range.contains(value) { None } else { Some(key.range.to_string()) };
    let finite = |value: f64| if value.is_finite() { in_range(value) } else { Some("a finite number".to_owned()) };
    match (kind, value) {
        (Kind::Integer, Value::Integer(value)) if *value >= 0 => in_range(*value as f64),
        (Kind::Number, Value::Integer(value)) => in_range(*value as f64),
        (Kind::Number, Value::Float(value)) => finite(*value),
        (Kind::Switch, Value::Boolean(_)) | (Kind::Text | Kind::Folders, Value::String(_)) => None,
        (Kind::Choice(_) | Kind::VariantName(_), Value::String(text))
            if kind.choices().iter().any(|choice| choice.name == text) =>
        {
            None
        }
        // An entry of a list of lists.
        (Kind::Array(entry, count), Value::Array(values)) if values.len() == *count => {
            values.iter().find_map(|value| expected_scalar(value, entry, key))
        }
        _ => Some(kind.to_string()),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        Value::String(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::schema::lookup::find;

    #[test]
    fn entries_of_lists_of_lists_are_checked() {
        let key = find("configurations.3d_fullres.kernel_sizes").unwrap();
        let wrong = |text: &str| -> Vec<(Option<usize>, String)> {
            let table: toml::Table = text.parse().unwrap();
            wrong_parts(&table["x"], &key).into_iter().map(|part| (part.entry, part.expected)).collect()
        };
        assert_eq!(wrong("x = [[1, 3, 3], [3, 3, 3]]"), []);
        let expected = (Some(1), "1, 3, 5 or 7".to_owned());
        assert_eq!(wrong("x = [[1, 3, 3], [3, 2, 3]]"), [expected]);
        assert_eq!(wrong("x = [[1, 3]]").len(), 1);
    }
}
