//! The texts that a person reads: documentation, help, plans, reports, and what is in the sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::source::{Kind, Token, rust_files, tokens, without_tests};

/// A text, and where it is from.
#[derive(Debug)]
pub(crate) struct Text {
    /// What it belongs to: a file, a folder of the sources, or the program's output.
    pub group: String,
    /// A file with the line of the text's first line, or a command.
    pub origin: String,
    /// The first line's number in the file, counted from 1; `None` if it is the output of a command.
    pub line: Option<usize>,
    /// The text.
    pub body: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Markdown pages of the repository.
pub(crate) fn pages() -> Vec<Text> {
    let mut files: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name)).into();
    for folder in ["src/guide", "reports/bench"] {
        files.extend(files_below(&root().join(folder), &["md"]));
    }
    files.iter().map(|file| of_file(file)).collect()
}

/// The committed reports of runs.
pub(crate) fn reports() -> Vec<Text> {
    let folders = ["reports/phantom", "reports/hippocampus-laptop"];
    folders
        .iter()
        .flat_map(|folder| files_below(&root().join(folder), &["md", "tex"]))
        .map(|file| of_file(&file))
        .collect()
}

/// The shipped plans, and the recipes.
pub(crate) fn plans_and_recipes() -> Vec<Text> {
    let mut files = files_below(&root().join("experiments"), &["toml"]);
    files.extend(files_below(&root().join("src"), &["toml", "css", "js"]));
    files.extend(["justfile", ".ci/run", "Cargo.toml", "clippy.toml"].map(|name| root().join(name)));
    files.iter().map(|file| of_file(file)).collect()
}

/// What the program prints: the help of every verb, the explanation of every table, and a plan with all of its keys.
pub(crate) fn output(folder: &Path) -> Vec<Text> {
    let print = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_segplan")).current_dir(folder).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    };
    let text = |group: &str, arguments: &[&str]| Text {
        group: group.to_owned(),
        origin: format!("segplan {}", arguments.join(" ")),
        line: None,
        body: print(arguments),
    };
    let mut all = vec![text("--help", &["--help"])];
    all.extend(verbs(&all[0].body).iter().map(|verb| text("--help", &[verb, "--help"])));
    print(&["phantom", "data/Phantom", "--cases", "5"]);
    all.push(text("a plan", &["plan", "data/Phantom", "-o", "plan.toml"]));
    let path = folder.join("plan.toml");
    let planned = fs::read_to_string(&path).unwrap();
    let origin = "a plan of the phantom".to_owned();
    all.push(Text { group: "a plan".to_owned(), origin, line: None, body: planned.clone() });
    all.push(text("a plan", &["show", "plan.toml", "--resolved"]));
    all.push(text("explain", &["explain"]));
    let tables: toml::Table = planned.parse().unwrap();
    all.extend(tables.keys().map(|table| text("explain", &["explain", table])));
    all
}

/// The verbs that the help lists.
pub(crate) fn verbs(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let verbs = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    verbs.filter(|verb| !verb.is_empty() && *verb != "help").map(str::to_owned).collect()
}

/// Messages, comments, and names of functions and tests in the sources.
pub(crate) fn sources() -> Vec<Text> {
    let mut all = Vec::new();
    for folder in ["src", "tests"] {
        for file in rust_files(&root().join(folder)) {
            let name = relative(&file);
            // The phrases themselves.
            if name.starts_with("tests/language") {
                continue;
            }
            all.extend(of_source(&name, &fs::read_to_string(&file).unwrap()));
        }
    }
    all
}

/// The texts of one source file.
pub(crate) fn of_source(file: &str, source: &str) -> Vec<Text> {
    let all = tokens(source);
    let code = if file.starts_with("tests/") { all.clone() } else { without_tests(&all) };
    let group = group(file);
    let text = |kind: &str, line: usize, body: String| Text {
        group: format!("{group} {kind}"),
        origin: format!("{file}:{line}"),
        line: Some(line),
        body,
    };
    let mut texts: Vec<Text> = comments(&all).into_iter().map(|(line, body)| text("comments", line, body)).collect();
    let is_message = |token: &&Token<'_>| token.kind == Kind::Text && token.text.trim().contains(' ');
    let messages = code.iter().filter(is_message).filter(|_| !file.starts_with("tests/"));
    texts.extend(messages.map(|token| text("messages", token.line, unescaped(token.text))));
    let names = all.windows(2).filter(|pair| pair[0].is("fn")).map(|pair| pair[1]);
    texts.extend(names.map(|name| text("names", name.line, name.text.replace('_', " "))));
    texts
}

/// Comments, those on consecutive lines joined, with the line of the first.
fn comments(tokens: &[Token<'_>]) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, usize, Kind, String)> = Vec::new();
    for token in tokens.iter().filter(|token| matches!(token.kind, Kind::Comment | Kind::DocComment)) {
        match found.last_mut() {
            Some((_, last, kind, body)) if *last + 1 == token.line && *kind == token.kind => {
                *last = token.line;
                body.push('\n');
                body.push_str(token.text);
            }
            _ => found.push((token.line, token.line, token.kind, token.text.to_owned())),
        }
    }
    found.into_iter().map(|(first, _, _, body)| (first, body)).collect()
}

/// A string literal as it is printed, with each escaped line break where it was.
fn unescaped(literal: &str) -> String {
    literal.replace("\\n", ". ").replace("\\\"", "\"").replace("\\\n", "\n")
}

fn of_file(path: &Path) -> Text {
    let body = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let name = relative(path);
    Text { group: group(&name), origin: format!("{name}:1"), line: Some(1), body }
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// The folder that a file is counted in: two levels in `src`, one elsewhere.
fn group(file: &str) -> String {
    let parts: Vec<&str> = file.split('/').collect();
    match parts.as_slice() {
        ["src", room, ..] => format!("src/{}", room.trim_end_matches(".rs")),
        [folder, _, ..] => (*folder).to_owned(),
        _ => file.to_owned(),
    }
}

fn files_below(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            found.extend(files_below(&path, endings));
        } else if path.extension().is_some_and(|ending| endings.iter().any(|known| ending == *known)) {
            found.push(path);
        }
    }
    found
}
