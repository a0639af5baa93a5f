//! Phrases to avoid, read from the glossary in `CONTRIBUTING.md`, and where a text contains them.

/// The glossary begins and ends with these lines.
const MARKERS: [&str; 2] = ["<!-- glossary: start -->", "<!-- glossary: end -->"];

/// A phrase to avoid.
#[derive(Debug)]
pub(crate) struct Phrase {
    /// As it is written in the glossary.
    pub written: String,
    /// What to write instead.
    pub instead: String,
    at_sentence_start: bool,
    /// The alternatives for each word.
    words: Vec<Vec<String>>,
}

/// A word or sign of a text.
#[derive(Clone, Debug)]
pub(crate) struct Word<'a> {
    text: String,
    /// As it stands in the text.
    pub original: &'a str,
    /// Line of the text, counted from 0.
    pub line: usize,
}

/// The phrases of the glossary.
pub(crate) fn glossary(contributing: &str) -> Vec<Phrase> {
    let table = contributing.split(MARKERS[0]).nth(1).expect("a start marker").split(MARKERS[1]).next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    let phrases_of = |row: &str| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let [write, not] = cells.as_slice() else { panic!("a row of the glossary has two cells: {row}") };
        let spans: Vec<&str> = not.split('`').skip(1).step_by(2).collect();
        assert!(!spans.is_empty(), "a row of the glossary has phrases in backquotes: {row}");
        spans.into_iter().map(|span| Phrase::new(span, write.trim())).collect::<Vec<_>>()
    };
    rows.flat_map(phrases_of).collect()
}

/// A text without its glossary, with as many lines.
pub(crate) fn without_glossary(text: &str) -> String {
    let mut inside = false;
    let lines = text.lines().map(|line| {
        inside = (inside || line == MARKERS[0]) && line != MARKERS[1];
        if inside { "" } else { line }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The words and signs of a text; code between backquotes on one line counts as one sign.
pub(crate) fn words(text: &str) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    for (line, content) in text.lines().enumerate() {
        let mut rest = content;
        while let Some(first) = rest.chars().next() {
            let is_letter = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '\'' | '’');
            let length = if first == '`' {
                rest[1..].find('`').map_or(1, |end| end + 2)
            } else if is_letter(first) && first != '-' {
                rest.find(|letter: char| !is_letter(letter)).unwrap_or(rest.len())
            } else {
                first.len_utf8()
            };
            let original = &rest[..length];
            rest = &rest[length..];
            if !first.is_whitespace() {
                found.push(Word { text: original.to_lowercase().replace('’', "'"), original, line });
            }
        }
    }
    found
}

impl Phrase {
    /// Reads a phrase in the notation of the glossary.
    pub(crate) fn new(written: &str, instead: &str) -> Self {
        let at_sentence_start = written.starts_with('^');
        let alternatives = |word: &str| word.split('/').map(str::to_lowercase).collect();
        let words = written.trim_start_matches('^').split_whitespace().map(alternatives).collect();
        Self { written: written.to_owned(), instead: instead.to_owned(), at_sentence_start, words }
    }

    /// Positions in a text at which the phrase begins.
    pub(crate) fn find(&self, text: &[Word<'_>]) -> Vec<usize> {
        let fits = |&at: &usize| {
            let begins = !self.at_sentence_start || at == 0 || ends_sentence(&text[at - 1]);
            begins && self.words.iter().zip(&text[at..]).all(|(known, word)| known.iter().any(|known| is(known, word)))
        };
        (0..(text.len() + 1).saturating_sub(self.words.len())).filter(fits).collect()
    }

    /// Number of words.
    pub(crate) fn len(&self) -> usize {
        self.words.len()
    }
}

/// Whether a word is the given one, in which `*` stands for any letters.
fn is(known: &str, word: &Word<'_>) -> bool {
    match known.split_once('*') {
        None => known == word.text,
        Some((start, end)) => {
            let is_word = word.text.starts_with(char::is_alphanumeric);
            is_word
                && word.text.len() >= start.len() + end.len()
                && word.text.starts_with(start)
                && word.text.ends_with(end)
        }
    }
}

/// Whether the next word starts a sentence, a heading, a cell or an entry of a list.
fn ends_sentence(word: &Word<'_>) -> bool {
    matches!(word.text.as_str(), "." | ":" | "!" | "?" | "|" | "#" | "*" | "-" | "/" | "(" | "\"" | "}")
}
