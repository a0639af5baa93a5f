//! Numbers and names as they stand in sentences and on command lines: plurals, lists, limits, words of a shell.
//!
//! Deliberately absent: anything that knows what the numbers are of.

/// Names that a sentence lists before it says how many more there are.
const LISTED: usize = 5;
/// Decimals after which two numbers count as equal.
const MOST_DECIMALS: usize = 9;

/// A number and its noun: `1 case`, `2 cases`, `0 classes`.
pub fn counted(number: usize, noun: &str) -> String {
    format!("{number} {}", plural(number, noun))
}

/// The form of a noun that goes with a number.
pub fn plural(number: usize, noun: &str) -> String {
    // The end of `epoch` sounds like a `k`.
    let sibilant = ["s", "x", "z", "ch", "sh"].iter().any(|end| noun.ends_with(end)) && !noun.ends_with("epoch");
    let consonant_y = noun.ends_with('y') && !["ay", "ey", "oy", "uy"].iter().any(|end| noun.ends_with(end));
    match number {
        1 => noun.to_owned(),
        _ if sibilant => format!("{noun}es"),
        _ if consonant_y => format!("{}ies", &noun[..noun.len() - 1]),
        _ => format!("{noun}s"),
    }
}

/// Some names, and how many more there are: `a, b, c, d, e and 3 more`.
pub fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let shown: Vec<&str> = names.iter().take(LISTED).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(LISTED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A number with as many decimals, at least `least`, as show on which side of a limit it is: 4.0004 is above 4, and 4.00 is not.
pub fn beside_limit(value: f64, limit: f64, least: usize) -> String {
    let shown = |decimals: usize| format!("{value:.decimals$}");
    let same_side =
        |text: &String| text.parse::<f64>().is_ok_and(|shown| shown.partial_cmp(&limit) == value.partial_cmp(&limit));
    (least..MOST_DECIMALS).map(shown).find(same_side).unwrap_or_else(|| shown(MOST_DECIMALS))
}

/// A word as a shell takes it: as it is, or in single quotes.
pub fn shell_word(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=:,+".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_all_other_numbers_are_plural() {
        for (number, noun, expected) in [
            (1, "case", "1 case"),
            (0, "case", "0 cases"),
            (2, "fault", "2 faults"),
            (2, "class", "2 classes"),
            (2, "batch", "2 batches"),
            (2, "epoch", "2 epochs"),
            (3, "study", "3 studies"),
            (2, "array", "2 arrays"),
        ] {
            assert_eq!(counted(number, noun), expected);
        }
    }

    #[test]
    fn long_lists_say_how_many_more_there_are() {
        assert_eq!(listed(&["a", "b"]), "a, b");
        assert_eq!(listed(&["a", "b", "c", "d", "e", "f", "g"]), "a, b, c, d, e and 2 more");
    }

    #[test]
    fn a_number_is_shown_on_its_side_of_a_limit() {
        assert_eq!(beside_limit(0.031, 4.0, 2), "0.03");
        assert_eq!(beside_limit(4.0004, 4.0, 2), "4.0004");
        assert_eq!(beside_limit(24.96, 25.0, 1), "24.96");
        assert_eq!(beside_limit(25.0, 25.0, 1), "25.0");
    }

    #[test]
    fn a_shell_reads_a_word_as_it_is() {
        for word in ["plan.toml", "", "two words", "it's", "$HOME", "a&b", "grün", "a\"b", "*", "~"] {
            let command = format!("printf %s {}", shell_word(word));
            let said = std::process::Command::new("sh").arg("-c").arg(command).output().unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), word);
        }
        assert_eq!(shell_word("experiments/a-b_1.toml"), "experiments/a-b_1.toml");
    }
}
