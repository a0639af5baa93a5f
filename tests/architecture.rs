//! The dependency rule of `src/lib.rs`: a module may name only modules declared above it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Rooms that a source names by `crate::room`.
fn named<'a>(text: &'a str, rooms: &'a [String]) -> impl Iterator<Item = &'a String> {
    let names = text.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| {
        line.match_indices("crate::").map(|(at, matched)| {
            let rest = &line[at + matched.len()..];
            &rest[..rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len())]
        })
    });
    names.filter_map(|name| rooms.iter().find(|room| *room == name))
}

#[test]
fn a_module_names_only_modules_declared_above_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let index = fs::read_to_string(src.join("lib.rs")).unwrap();
    let rooms: Vec<String> =
        index.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).map(str::to_owned).collect();
    assert!(rooms.len() > 10, "the rooms are read from lib.rs: {rooms:?}");
    let place = |room: &str| rooms.iter().position(|known| known == room).unwrap();

    let mut wrong = Vec::new();
    for (position, room) in rooms.iter().enumerate() {
        let mut files = Vec::new();
        if src.join(room).is_dir() {
            sources(&src.join(room), &mut files);
        }
        if src.join(format!("{room}.rs")).is_file() {
            files.push(src.join(format!("{room}.rs")));
        }
        assert!(!files.is_empty(), "room `{room}` has no source");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let below = named(&text, &rooms).filter(|name| place(name) > position);
            wrong.extend(below.map(|name| format!("{} names `{name}`", file.strip_prefix(&src).unwrap().display())));
        }
    }
    assert!(wrong.is_empty(), "modules that name a module declared below them:\n{}", wrong.join("\n"));
}
