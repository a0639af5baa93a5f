//! Names of experiments: each is the name of a folder.

/// Longest name that file systems take, bytes.
const LONGEST: usize = 255;
/// Longest name that is derived, bytes: the names of variants begin with it.
const LONGEST_DERIVED: usize = 128;

/// Whether an experiment can be called this.
pub fn is_valid(name: &str) -> bool {
    name.chars().all(is_plain) && name.starts_with(char::is_alphanumeric) && name.len() <= LONGEST
}

/// The valid name that is nearest to a text; `None` if nothing of it can stay.
pub fn valid(text: &str) -> Option<String> {
    if is_valid(text) {
        return Some(text.to_owned());
    }
    let plain: String = text.chars().map(|letter| if is_plain(letter) { letter } else { '-' }).collect();
    let mut name = String::new();
    // A row of what cannot stay is one dash.
    for letter in plain.chars().skip_while(|letter| !letter.is_alphanumeric()) {
        if letter != '-' || !name.ends_with('-') {
            name.push(letter);
        }
    }
    while name.len() > LONGEST_DERIVED {
        name.pop();
    }
    let name = name.trim_end_matches('-').to_owned();
    (!name.is_empty()).then_some(name)
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
            assert_eq!(valid(text).as_deref(), expected, "{text}");
            assert!(expected.is_none_or(is_valid), "{text}");
        }
        assert!(is_valid(&valid(&"ä".repeat(300)).unwrap()));
        assert!(!is_valid("a/b") && !is_valid("") && !is_valid(".") && !is_valid("-a") && !is_valid(&"a".repeat(256)));
    }
}
