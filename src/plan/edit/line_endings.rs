//! Line endings: a line that is added to a file ends like the lines around it.

/// The ending of the line before a position of a text, or else of the first line.
pub(super) fn line_ending(text: &str, position: usize) -> &'static str {
    let at = text[..position].rfind('\n').or_else(|| text.find('\n'));
    match at {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        Some(_) | None => "\n",
    }
}

/// A text with line feeds, with these endings instead.
pub(super) fn with_endings(text: &str, ending: &str) -> String {
    if ending == "\n" { text.to_owned() } else { text.replace('\n', ending) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_like_the_one_before_it() {
        let mixed = "one\ntwo\r\nthree";
        assert_eq!([0, 4, 9, mixed.len()].map(|position| line_ending(mixed, position)), ["\n", "\n", "\r\n", "\r\n"]);
        assert_eq!((line_ending("", 0), line_ending("one", 3)), ("\n", "\n"));
        assert_eq!(with_endings("a\nb\n", "\r\n"), "a\r\nb\r\n");
    }
}
