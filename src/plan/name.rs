//! Names of experiments and of the variants of a sweep: each is the name of a folder.

use crate::store::digest;

/// Maximum length of a name that file systems take, bytes.
const MAX_LENGTH: usize = 255;
/// Maximum length of a derived name, bytes: the names of variants begin with it.
const MAX_DERIVED: usize = 128;
/// Maximum length of the name of a variant, bytes. A longer one ends with a digest of its values instead.
const MAX_VARIANT: usize = 100;

/// Whether a text can be the name of an experiment.
pub fn is_valid(name: &str) -> bool {
    name.chars().all(is_plain) && name.starts_with(char::is_alphanumeric) && name.len() <= MAX_LENGTH
}

/// The valid name that is nearest to a text; `None` if it has no valid letter.
pub fn nearest_valid(text: &str) -> Option<String> {
    if is_valid(text) {
        return Some(text.to_owned());
    }
    let plain: String = text.chars().map(|letter| if is_plain(letter) { letter } else { '-' }).collect();
    let mut name = String::new();
    // Consecutive invalid letters become one dash.
    for letter in plain.chars().skip_while(|letter| !letter.is_alphanumeric()) {
        if letter != '-' || !name.ends_with('-') {
            name.push(letter);
        }
    }
    while name.len() > MAX_DERIVED {
        name.pop();
    }
    let name = name.trim_end_matches('-').to_owned();
    (!name.is_empty()).then_some(name)
}

/// The shortest suffixes that distinguish some keys: `max_epochs` of `train.max_epochs`.
pub fn short_keys(keys: &[&str]) -> Vec<String> {
    let end = |key: &str, parts: usize| {
        let all: Vec<&str> = key.split('.').collect();
        all[all.len().saturating_sub(parts)..].join(".")
    };
    let shortest = |key: &&str| {
        let alone = |parts: &usize| keys.iter().filter(|other| end(other, *parts) == end(key, *parts)).count() == 1;
        (1..=key.split('.').count()).find(alone).map_or_else(|| (*key).to_owned(), |parts| end(key, parts))
    };
    keys.iter().map(shortest).collect()
}

/// The name of a variant of an experiment: `NAME-key=value-key=value`, valid on every file system.
pub fn variant_name(experiment: &str, pairs: &[String]) -> String {
    let name = format!("{experiment}-{}", pairs.join("-"));
    if name.len() <= MAX_VARIANT { name } else { format!("{experiment}-{}", &digest(name.as_bytes())[..12]) }
}

/// A TOML value as a part of a file name: letters, digits, `-` and `.` stay, everything else becomes `_`.
pub fn in_name(text: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-.".contains(letter);
    text.split(|letter: char| !plain(letter)).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
}

fn is_plain(letter: char) -> bool {
    letter.is_alphanumeric() || "-_.=".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_with_a_letter_becomes_a_valid_name() {
        for (text, expected) in [
            ("hippocampus", Some("hippocampus")),
            ("my hearts & lungs (2)", Some("my-hearts-lungs-2")),
            ("it's \"quoted\"", Some("it-s-quoted")),
            ("Grün_Ärzte", Some("Grün_Ärzte")),
            ("..hidden", Some("hidden")),
            ("a--b", Some("a--b")),
            ("&&& ", None),
        ] {
            assert_eq!(nearest_valid(text).as_deref(), expected, "{text}");
            assert!(expected.is_none_or(is_valid), "{text}");
        }
        assert!(is_valid(&nearest_valid(&"ä".repeat(300)).unwrap()));
        assert!(!is_valid("a/b") && !is_valid("") && !is_valid(".") && !is_valid("-a") && !is_valid(&"a".repeat(256)));
    }
}
