//! How a text ends its lines: what is added to a person's file ends as the lines around it do.

/// The end of the line before a place in a text; of the first line where there is none before it.
pub(super) fn line_end(text: &str, place: usize) -> &'static str {
    let at = text[..place].rfind('\n').or_else(|| text.find('\n'));
    match at {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        Some(_) | None => "\n",
    }
}

/// A text of our own, whose lines end in line feeds, with other ends.
pub(super) fn with_ends(text: &str, end: &str) -> String {
    if end == "\n" { text.to_owned() } else { text.replace('\n', end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_as_the_one_before_it() {
        let mixed = "one\ntwo\r\nthree";
        assert_eq!([0, 4, 9, mixed.len()].map(|place| line_end(mixed, place)), ["\n", "\n", "\r\n", "\r\n"]);
        assert_eq!((line_end("", 0), line_end("one", 3)), ("\n", "\n"));
        assert_eq!(with_ends("a\nb\n", "\r\n"), "a\r\nb\r\n");
    }
}
