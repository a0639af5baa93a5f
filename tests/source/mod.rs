//! Splits Rust source text into tokens: enough to see comments, string literals and paths, without a parser.

mod files;

pub(crate) use files::rust_files;

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `// …` or `/* … */`.
    Comment,
    /// `/// …`, `//! …` or their block forms.
    DocComment,
    /// A string literal of any kind.
    Text,
    /// An identifier or a keyword.
    Word,
    /// Any other character but white space.
    Sign,
}

/// A piece of source text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// Its kind.
    pub kind: Kind,
    /// Its text; without quotes if it is a string literal, without slashes if it is a comment.
    pub text: &'a str,
    /// Line on which it starts, counted from 1.
    pub line: usize,
}

impl Token<'_> {
    /// Whether this is the given word or sign.
    pub(crate) fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Sign) && self.text == text
    }
}

/// The tokens of a source text. Numbers, lifetimes and character literals are left out.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { source, at: 0, line: 1 };
    let mut found = Vec::new();
    while lexer.at < source.len() {
        let (start, line) = (lexer.at, lexer.line);
        let token = lexer.next();
        lexer.line += source[start..lexer.at].matches('\n').count();
        found.extend(token.map(|(kind, text)| Token { kind, text, line }));
    }
    found
}

/// The tokens outside of items marked `#[cfg(test)]` and functions marked `#[test]`.
pub(crate) fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if !tokens[at].is("#") {
            kept.push(tokens[at]);
            at += 1;
            continue;
        }
        let mut end = at;
        let mut is_test = false;
        // All attributes of one item.
        while end < tokens.len() && tokens[end].is("#") {
            let close = end + closing(&tokens[end..]);
            is_test |= is_test_attribute(&tokens[end..=close.min(tokens.len() - 1)]);
            end = close + 1;
        }
        if is_test {
            end += end_of_item(&tokens[end.min(tokens.len())..]);
        } else {
            kept.extend(&tokens[at..end.min(tokens.len())]);
        }
        at = end;
    }
    kept
}

/// Whether an attribute restricts its item to tests: `#[test]`, `#[cfg(test)]`, `#[cfg(all(test, …))]`.
pub(crate) fn is_test_attribute(attribute: &[Token<'_>]) -> bool {
    let words: Vec<&str> = attribute.iter().filter(|token| token.kind == Kind::Word).map(|token| token.text).collect();
    match words.as_slice() {
        ["test"] => true,
        ["cfg", rest @ ..] => rest.contains(&"test") && !rest.contains(&"not"),
        _ => false,
    }
}

/// Position of the bracket that closes the first one.
fn closing(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        if token.kind != Kind::Sign {
            continue;
        }
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    tokens.len() - 1
}

/// Number of tokens of an item: to its semicolon, or to the end of its block.
fn end_of_item(tokens: &[Token<'_>]) -> usize {
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].is(";") {
            return at + 1;
        }
        if tokens[at].is("{") {
            return at + closing(&tokens[at..]) + 1;
        }
        at += if tokens[at].is("(") || tokens[at].is("[") { closing(&tokens[at..]) + 1 } else { 1 };
    }
    at
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Lexer<'a> {
    /// The token at the current position, if it is one that counts; moves behind it.
    fn next(&mut self) -> Option<(Kind, &'a str)> {
        let rest = &self.source[self.at..];
        let first = rest.chars().next()?;
        if rest.starts_with("//") {
            return Some(self.line_comment(rest));
        }
        if rest.starts_with("/*") {
            return Some(self.block_comment(rest));
        }
        if let Some(text) = self.string(rest) {
            return Some((Kind::Text, text));
        }
        if first == '\'' {
            self.at += character_or_lifetime(rest);
            return None;
        }
        if first.is_alphabetic() || first == '_' {
            let length = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
            self.at += length;
            return Some((Kind::Word, &rest[..length]));
        }
        if first.is_ascii_digit() {
            self.at += rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
            return None;
        }
        self.at += first.len_utf8();
        (!first.is_whitespace()).then(|| (Kind::Sign, &rest[..first.len_utf8()]))
    }

    fn line_comment(&mut self, rest: &'a str) -> (Kind, &'a str) {
        let length = rest.find('\n').unwrap_or(rest.len());
        self.at += length;
        let text = &rest[..length];
        match text.strip_prefix("//!").or_else(|| text.strip_prefix("///").filter(|text| !text.starts_with('/'))) {
            Some(text) => (Kind::DocComment, text),
            None => (Kind::Comment, &text[2..]),
        }
    }

    /// Block comments nest.
    fn block_comment(&mut self, rest: &'a str) -> (Kind, &'a str) {
        let (mut depth, mut end) = (0_usize, 0);
        while end < rest.len() {
            if rest[end..].starts_with("/*") {
                depth += 1;
                end += 2;
            } else if rest[end..].starts_with("*/") {
                depth -= 1;
                end += 2;
                if depth == 0 {
                    break;
                }
            } else {
                end += rest[end..].chars().next().map_or(1, char::len_utf8);
            }
        }
        self.at += end;
        let is_doc = rest.starts_with("/**") || rest.starts_with("/*!");
        let text = rest[2..end].trim_end_matches("*/");
        (if is_doc { Kind::DocComment } else { Kind::Comment }, text)
    }

    /// The content of a string literal that starts here.
    fn string(&mut self, rest: &'a str) -> Option<&'a str> {
        let prefix = rest.find(|letter| !matches!(letter, 'b' | 'c' | 'r'))?;
        let is_raw = rest[..prefix].contains('r');
        if prefix > 2 || (prefix > 0 && !["b", "c", "r", "br", "cr"].contains(&&rest[..prefix])) {
            return None;
        }
        let hashes = if is_raw { rest[prefix..].find(|letter| letter != '#')? } else { 0 };
        let open = prefix + hashes;
        if !rest[open..].starts_with('"') {
            return None;
        }
        let content = &rest[open + 1..];
        let length =
            if is_raw { content.find(&format!("\"{}", "#".repeat(hashes)))? } else { unescaped_quote(content) };
        self.at += (open + 1 + length + 1 + hashes).min(rest.len());
        Some(&content[..length])
    }
}

/// Position of the first quotation mark without a backslash.
fn unescaped_quote(content: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in content.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at,
            _ => {}
        }
    }
    content.len()
}

/// Length of `'a'`, `'\n'` or `'lifetime`.
fn character_or_lifetime(rest: &str) -> usize {
    let inner = &rest[1..];
    if let Some(escape) = inner.strip_prefix('\\') {
        // The escaped character itself may be a quotation mark.
        let skipped = escape.chars().next().map_or(0, char::len_utf8);
        return escape[skipped..].find('\'').map_or(rest.len(), |end| 2 + skipped + end + 1);
    }
    let letter = inner.chars().next().map_or(0, char::len_utf8);
    if inner[letter..].starts_with('\'') { 1 + letter + 1 } else { 1 }
}
