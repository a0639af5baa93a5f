//! Numbers and names in messages: byte counts, durations, plurals, lists, comparisons with a limit, words of a command
//! line.
//!
//! Deliberately absent: any knowledge of what is counted or named.

/// Bytes of a mebibyte.
pub const MIB: u64 = 1 << 20;
/// Bytes of a gibibyte.
pub const GIB: u64 = 1 << 30;

/// Names in a list before the rest is only counted.
const LISTED_NAMES: usize = 5;
/// Decimals after which two numbers count as equal.
const MAX_DECIMALS: usize = 9;

/// A byte count in GiB.
pub fn to_gib(bytes: u64) -> f64 {
    bytes as f64 / GIB as f64
}

/// A byte count in the largest binary unit that gives at least 1: `2.31 GiB`, `45.2 GiB`, `310 MiB`, `12 KiB`.
pub fn format_bytes(bytes: u64) -> String {
    match bytes {
        _ if bytes >= 10 * GIB => format!("{:.1} GiB", to_gib(bytes)),
        _ if bytes >= GIB => format!("{:.2} GiB", to_gib(bytes)),
        _ if bytes >= MIB => format!("{:.0} MiB", bytes as f64 / MIB as f64),
        _ => format!("{} KiB", bytes.div_ceil(1 << 10)),
    }
}

/// A duration in the unit that suits it: `0.8 s`, `42 s`, `12.5 min`, `3.2 h`, `2.5 days`.
pub fn format_seconds(seconds: f64) -> String {
    const MINUTE: f64 = 60.0;
    const HOUR: f64 = 60.0 * MINUTE;
    const DAY: f64 = 24.0 * HOUR;
    match seconds.max(0.0) {
        seconds if seconds >= 2.0 * DAY => format!("{:.1} days", seconds / DAY),
        seconds if seconds >= 100.0 * MINUTE => format!("{:.1} h", seconds / HOUR),
        seconds if seconds >= 100.0 => format!("{:.1} min", seconds / MINUTE),
        seconds if seconds >= 10.0 => format!("{seconds:.0} s"),
        seconds => format!("{seconds:.1} s"),
    }
}

/// A value of a plan in the shortest form that reads back as the same number: `0.2`, `30`, and below 0.01 `3e-4`.
pub fn format_number(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.01 { format!("{value:e}") } else { value.to_string() }
}

/// A learning rate with at most two significant digits: `3e-4`, `1.2e-5`.
pub fn format_learning_rate(rate: f64) -> String {
    format!("{rate:.1e}").replace(".0e", "e")
}

/// A count and its noun: `1 case`, `2 cases`, `0 classes`.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {}", plural(count, noun))
}

/// The text with a capital letter at its start.
pub fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The form of a noun that agrees with a count.
pub fn plural(count: usize, noun: &str) -> String {
    // "epoch" ends in the sound of a `k`.
    let sibilant = ["s", "x", "z", "ch", "sh"].iter().any(|end| noun.ends_with(end)) && !noun.ends_with("epoch");
    let consonant_y = noun.ends_with('y') && !["ay", "ey", "oy", "uy"].iter().any(|end| noun.ends_with(end));
    match count {
        1 => noun.to_owned(),
        _ if sibilant => format!("{noun}es"),
        _ if consonant_y => format!("{}ies", &noun[..noun.len() - 1]),
        _ => format!("{noun}s"),
    }
}

/// The form of a verb or pronoun that agrees with a count: `agree(1, "is", "are")` is `is`.
pub fn agree<'a>(count: usize, singular: &'a str, plural: &'a str) -> &'a str {
    if count == 1 { singular } else { plural }
}

/// The first five names and the number of the others: `a, b, c, d, e and 3 more`.
pub fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let shown: Vec<&str> = names.iter().take(LISTED_NAMES).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(LISTED_NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// All names, each in backquotes: `` `a`, `b` ``.
pub fn quoted<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// A time in seconds since 1970 as date and time in UTC: `2018-09-27T12:00:00Z`.
///
/// Source: Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
pub fn format_utc(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A number with at least `min_decimals` decimals, and with more if the rounded number would lie on another side of a
/// limit: beside the limit 4, 4.0004 is not shown as 4.00.
pub fn beside_limit(value: f64, limit: f64, min_decimals: usize) -> String {
    let round = |decimals: usize| format!("{value:.decimals$}");
    let same_side =
        |text: &String| text.parse::<f64>().is_ok_and(|shown| shown.partial_cmp(&limit) == value.partial_cmp(&limit));
    (min_decimals..MAX_DECIMALS).map(round).find(same_side).unwrap_or_else(|| round(MAX_DECIMALS))
}

/// A word of a shell command: unchanged if the shell reads it literally, else in single quotes.
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
    fn small_numbers_have_an_exponent() {
        let texts = [0.2, 30.0, 0.0, 3e-4, 5e-3, 1e-6].map(format_number);
        assert_eq!(texts, ["0.2", "30", "0", "3e-4", "5e-3", "1e-6"]);
    }

    #[test]
    fn only_one_is_singular() {
        for (count, noun, expected) in [
            (1, "case", "1 case"),
            (0, "case", "0 cases"),
            (2, "problem", "2 problems"),
            (2, "class", "2 classes"),
            (2, "batch", "2 batches"),
            (2, "epoch", "2 epochs"),
            (3, "study", "3 studies"),
            (2, "array", "2 arrays"),
        ] {
            assert_eq!(counted(count, noun), expected);
        }
        assert_eq!([0, 1, 2].map(|count| agree(count, "is", "are")), ["are", "is", "are"]);
    }

    #[test]
    fn long_lists_are_cut_and_counted() {
        assert_eq!(listed(&["a", "b"]), "a, b");
        assert_eq!(listed(&["a", "b", "c", "d", "e", "f", "g"]), "a, b, c, d, e and 2 more");
        assert_eq!(quoted(["a", "b"]), "`a`, `b`");
    }

    #[test]
    fn bytes_and_seconds_are_shown_in_a_suitable_unit() {
        for (bytes, expected) in [
            (0, "0 KiB"),
            (1, "1 KiB"),
            (3 * MIB / 2, "2 MiB"),
            (GIB, "1.00 GiB"),
            (5 * GIB / 2, "2.50 GiB"),
            (64 * GIB, "64.0 GiB"),
        ] {
            assert_eq!(format_bytes(bytes), expected);
        }
        for (seconds, expected) in [
            (-1.0, "0.0 s"),
            (9.94, "9.9 s"),
            (99.0, "99 s"),
            (150.0, "2.5 min"),
            (9000.0, "2.5 h"),
            (216_000.0, "2.5 days"),
        ] {
            assert_eq!(format_seconds(seconds), expected);
        }
    }

    #[test]
    fn a_rounded_number_stays_on_its_side_of_a_limit() {
        assert_eq!(beside_limit(0.031, 4.0, 2), "0.03");
        assert_eq!(beside_limit(4.0004, 4.0, 2), "4.0004");
        assert_eq!(beside_limit(24.96, 25.0, 1), "24.96");
        assert_eq!(beside_limit(25.0, 25.0, 1), "25.0");
    }

    #[test]
    fn a_shell_reads_every_word_unchanged() {
        for word in ["plan.toml", "", "two words", "it's", "$HOME", "a&b", "grün", "a\"b", "*", "~"] {
            let command = format!("printf %s {}", shell_word(word));
            let output = std::process::Command::new("sh").arg("-c").arg(command).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
        assert_eq!(shell_word("experiments/a-b_1.toml"), "experiments/a-b_1.toml");
    }

    #[test]
    fn times_are_those_of_date() {
        // Printed by `date -u -d @SECONDS +%FT%TZ` (GNU coreutils 9).
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_538_049_600, "2018-09-27T12:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(format_utc(seconds), expected);
        }
    }
}
