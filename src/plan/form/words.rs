//! What is said of a wrong key or value.

use toml::Value;

/// How many letters a misspelt key may be off, as a share of its length.
const NEAR: f64 = 0.5;
/// How the plan's types end their objection to a label.
const NO_LABEL: &str = "expected a whole number from 1 to 255";

/// What serde says of a wrong value, without what the fault says already and without the names of Rust's types.
pub(super) fn plain(reason: &str) -> String {
    let types = [
        ("expected usize", "expected a whole number, 0 or more"),
        ("expected u64", "expected a whole number, 0 or more"),
        ("expected u32", "expected a whole number, 0 or more"),
        ("expected u8", "expected a whole number from 0 to 255"),
        ("expected f64", "expected a number"),
        ("expected a boolean", "expected `true` or `false`, without quotes"),
        ("expected a sequence", "expected a list, such as `[1, 2]`"),
        ("expected a string", "expected a text in quotes"),
        ("expected path string", "expected a text in quotes"),
        ("expected struct", "expected a table of keys"),
        ("expected an array of length 3", "expected three entries: z, y, x"),
        ("expected an array of length 2", "expected two entries"),
    ];
    // "invalid type: string "many", expected usize": the value stands in the fault's own message.
    let said = reason.find("expected ").map_or(reason, |at| &reason[at..]);
    let plain = types.into_iter().find(|(rust, _)| said.starts_with(rust)).map_or(said, |(_, words)| words);
    // What the plan's own types say is in words already.
    if reason.starts_with('`') { reason.to_owned() } else { plain.to_owned() }
}

/// What to write instead of a wrong value, where that can be told.
pub(super) fn instead(key: &str, value: &Value, reason: &str) -> Option<String> {
    // What is expected of a choice stands in backquotes.
    let choices: Vec<&str> = reason.split('`').skip(1).step_by(2).collect();
    let listed = value.as_array().into_iter().flatten();
    let mut given = value.as_str().into_iter().chain(listed.filter_map(Value::as_str));
    if let Some(near) = given.find(|given| !choices.contains(given)).and_then(|given| nearest(given, &choices)) {
        return Some(format!("did you mean `{near}`?"));
    }
    let text = value.as_str()?;
    if reason.ends_with(NO_LABEL) {
        return text.parse::<u8>().is_ok().then(|| format!("the number stands first: `{text} = \"{key}\"`"));
    }
    let number = text.parse::<f64>().is_ok() && reason.contains("number");
    let switch = matches!(text.to_lowercase().as_str(), "yes" | "on" | "true" | "no" | "off" | "false");
    if number {
        Some(format!("without quotes: `{text}`"))
    } else if switch && reason.contains("`true` or `false`") {
        let on = matches!(text.to_lowercase().as_str(), "yes" | "on" | "true");
        Some(format!("write `{on}`"))
    } else {
        None
    }
}

/// The name that a misspelt one is nearest to, if it is near: by its letters, or else since it alone has all of them in a row.
pub(in crate::plan) fn nearest<'a>(given: &str, names: &[&'a str]) -> Option<&'a str> {
    let off = |name: &str| strsim::damerau_levenshtein(name, given);
    let near = names.iter().min_by_key(|name| off(name))?;
    if off(near) as f64 <= NEAR * near.chars().count() as f64 {
        return Some(near);
    }
    // `epochs` is `max_epochs`.
    let mut holding = names.iter().filter(|name| name.split('_').any(|word| word == given));
    holding.next().copied().filter(|_| holding.next().is_none())
}

pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Table(_) => "a table".to_owned(),
        Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Array(_) => format!("`{value}`"),
    }
}
