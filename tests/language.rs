//! Plain language: the phrases that the glossary in `CONTRIBUTING.md` replaces occur nowhere.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

#[path = "language/exceptions.rs"]
mod exceptions;
#[path = "language/phrases.rs"]
mod phrases;
mod source;
#[path = "language/texts.rs"]
mod texts;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use exceptions::EXCEPTIONS;
use phrases::{Phrase, glossary, without_glossary, words};
use texts::Text;

/// Words around a phrase that a finding shows.
const CONTEXT: usize = 7;

fn contributing() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("CONTRIBUTING.md")).unwrap()
}

/// Where a text contains phrases of the glossary, one per line.
fn findings(text: &Text, phrases: &[Phrase], exceptions: &[Phrase]) -> Vec<String> {
    let body = without_glossary(&text.body);
    let words = words(&body);
    let mut allowed = vec![false; words.len()];
    for exception in exceptions {
        for at in exception.find(&words) {
            allowed[at..at + exception.len()].fill(true);
        }
    }
    let mut found = Vec::new();
    for phrase in phrases {
        for at in phrase.find(&words) {
            let end = at + phrase.len();
            if allowed[at..end].iter().all(|&allowed| allowed) {
                continue;
            }
            let show =
                |from: usize, to: usize| words[from..to].iter().map(|word| word.original).collect::<Vec<_>>().join(" ");
            let (before, after) = (show(at.saturating_sub(CONTEXT), at), show(end, (end + CONTEXT).min(words.len())));
            let origin = match text.line {
                Some(line) => format!("{}:{}", text.origin.rsplit_once(':').unwrap().0, line + words[at].line),
                None => text.origin.clone(),
            };
            let shown = show(at, end);
            found.push(format!("{origin}: {before} [{shown}] {after}   → {}", phrase.instead));
        }
    }
    found
}

/// Findings by group.
fn by_group(texts: &[Text]) -> BTreeMap<String, Vec<String>> {
    let phrases = glossary(&contributing());
    let exceptions: Vec<Phrase> = EXCEPTIONS.iter().map(|(phrase, _)| Phrase::new(phrase, "")).collect();
    let mut all = BTreeMap::<String, Vec<String>>::new();
    for text in texts {
        all.entry(text.group.clone()).or_default().extend(findings(text, &phrases, &exceptions));
    }
    all
}

fn listed(found: &BTreeMap<String, Vec<String>>) -> String {
    let total: usize = found.values().map(Vec::len).sum();
    let mut text = format!("{total} phrases that the glossary replaces\n");
    for (group, lines) in found.iter().filter(|(_, lines)| !lines.is_empty()) {
        let _ = writeln!(text, "  {:>5}  {group}", lines.len());
    }
    for (group, lines) in found.iter().filter(|(_, lines)| !lines.is_empty()) {
        let _ = writeln!(text, "\n== {group}: {}\n{}", lines.len(), lines.join("\n"));
    }
    text
}

fn none_found(texts: &[Text]) {
    let found = by_group(texts);
    assert!(found.values().all(Vec::is_empty), "{}", listed(&found));
}

#[test]
fn documentation_and_shipped_plans_use_the_words_of_the_glossary() {
    let texts: Vec<Text> = [texts::pages(), texts::plans_and_recipes()].into_iter().flatten().collect();
    assert!(texts.len() > 25, "{} files", texts.len());
    none_found(&texts);
}

#[test]
fn committed_reports_use_the_words_of_the_glossary() {
    none_found(&texts::reports());
}

#[test]
fn help_explanations_and_a_planned_file_use_the_words_of_the_glossary() {
    let folder = tempfile::tempdir().unwrap();
    let texts = texts::output(folder.path());
    assert!(texts.iter().filter(|text| text.group == "--help").count() > 15, "the help of every verb");
    none_found(&texts);
}

#[test]
fn messages_comments_and_names_use_the_words_of_the_glossary() {
    let texts = texts::sources();
    for kind in ["messages", "comments", "names"] {
        assert!(texts.iter().filter(|text| text.group.ends_with(kind)).count() > 500, "{kind}");
    }
    none_found(&texts);
}

/// A sentence that contains each phrase of the glossary.
fn sample(phrase: &Phrase) -> String {
    let words = phrase.written.trim_start_matches('^').split_whitespace();
    let words: Vec<String> = words.map(|word| word.split('/').next_back().unwrap().replace('*', "thing")).collect();
    let sentence = words.join(" ");
    if phrase.written.starts_with('^') {
        format!("It ended. {sentence} and more")
    } else {
        format!("It is so, {sentence} and more.")
    }
}

#[test]
fn every_phrase_of_the_glossary_is_found_in_all_kinds_of_text() {
    let phrases = glossary(&contributing());
    assert!(phrases.len() > 100, "{} phrases", phrases.len());
    for phrase in &phrases {
        let sentence = sample(phrase);
        let (first, second) = sentence.split_at(sentence.rfind(' ').unwrap());
        let message = format!("fn f() {{ format!(\"{first} \\\n    {second}\"); }}");
        let comment = format!("/// {first}\n/// {second}\nfn f() {{}}");
        let plain = Text { group: String::new(), origin: "x:1".to_owned(), line: Some(1), body: sentence.clone() };
        let sources = [&message, &comment].map(|source| texts::of_source("src/a.rs", source));
        let texts: Vec<Text> = std::iter::once(plain).chain(sources.into_iter().flatten()).collect();
        for text in texts.iter().filter(|text| !text.group.ends_with("names")) {
            let found = phrase.find(&words(&text.body));
            assert!(!found.is_empty(), "`{}` is not found in `{}`", phrase.written, text.body);
        }
    }
}

#[test]
fn phrases_respect_words_sentences_code_and_exceptions() {
    let find = |phrase: &str, text: &str| Phrase::new(phrase, "").find(&words(text)).len();
    assert_eq!(find("card/cards", "Two cards, a Card and a cardinal; discard it."), 2);
    assert_eq!(find("goes on", "it goes\n    on, then goes, on"), 1);
    assert_eq!(find("^what *", "What is done. It shows what is done. (What stays)"), 2);
    assert_eq!(find("says", "a key `says` and `it says` nothing"), 0);
    assert_eq!(find("row/rows a/an *", "one row an epoch, two rows a case, a row and"), 2);
    let text =
        |body: &str| Text { group: String::new(), origin: "x:5".to_owned(), line: Some(5), body: body.to_owned() };
    let (phrases, exceptions) = ([Phrase::new("window/windows", "tile")], [Phrase::new("sliding window", "")]);
    assert!(findings(&text("a sliding window"), &phrases, &exceptions).is_empty());
    let found = findings(&text("a sliding window\nand another window"), &phrases, &exceptions);
    assert_eq!(found, ["x:6: a sliding window and another [window]    → tile"]);
    let test = "const A: &str = \"it says so\";\n#[cfg(test)]\nmod tests { const B: &str = \"it says so\"; }";
    let messages = texts::of_source("src/a.rs", test);
    assert_eq!(messages.iter().filter(|text| text.group.ends_with("messages")).count(), 1);
    assert_eq!(texts::of_source("tests/a.rs", test).len(), 0, "texts in tests are data");
    assert_eq!(texts::of_source("tests/a.rs", "fn it_goes_on() {}")[0].body, "it goes on");
}

#[test]
fn exceptions_have_a_reason_and_are_needed() {
    for (phrase, reason) in EXCEPTIONS {
        assert!(!reason.is_empty() && *phrase == phrase.to_lowercase(), "{phrase}");
        let found = glossary(&contributing()).iter().any(|known| !known.find(&words(phrase)).is_empty());
        assert!(found, "the glossary does not find `{phrase}`: the exception can go");
    }
}
