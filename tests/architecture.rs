//! The dependency rules of the crate: a room names only rooms declared above it in `src/lib.rs`, and the files of a room form no
//! circle.
//!
//! The first rule covers all code. The second leaves tests out: a test may use whatever it needs.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

#[path = "architecture/modules.rs"]
mod modules;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use modules::{Modules, Reference};
use source::rust_files;

/// All sources by their path relative to `src`, but those of the binary, which is a crate of its own.
fn sources() -> BTreeMap<String, String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let relative = |path: &Path| path.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/");
    let read = |path: &std::path::PathBuf| (relative(path), fs::read_to_string(path).unwrap());
    rust_files(&src).iter().map(read).filter(|(file, _)| file != "main.rs").collect()
}

/// The rooms in the order of their declaration.
fn rooms(lib: &str) -> Vec<String> {
    let declared = lib.lines().filter_map(|line| line.strip_suffix(';')?.split_once("mod "));
    let at_line_start = declared.filter(|(visibility, _)| matches!(visibility.trim(), "" | "pub" | "pub(crate)"));
    at_line_start.map(|(_, name)| name.to_owned()).collect()
}

/// The room of a file.
fn room(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

/// References to rooms that are declared below the file's own.
fn upward(references: &[Reference], rooms: &[String]) -> Vec<String> {
    let index = |file: &str| rooms.iter().position(|known| known == room(file));
    let is_upward = |reference: &&Reference| match (index(&reference.from), index(&reference.to)) {
        (Some(from), Some(to)) => to > from,
        // `lib.rs` itself declares no items that a room could need.
        _ => reference.to == "lib.rs",
    };
    let named =
        |Reference { from, to, line }: &Reference| format!("src/{from}:{line} names `{}`", to.trim_end_matches(".rs"));
    references.iter().filter(is_upward).map(named).collect()
}

/// The circles of each room: sets of files each of which leads to all others of its set, with the references among them.
fn circles(references: &[Reference]) -> Vec<(BTreeSet<String>, Vec<Reference>)> {
    let inside: Vec<&Reference> =
        references.iter().filter(|reference| room(&reference.from) == room(&reference.to)).collect();
    let mut reach = BTreeMap::<&str, BTreeSet<&str>>::new();
    for reference in &inside {
        reach.entry(&reference.from).or_default().insert(&reference.to);
    }
    // A room has tens of files: the closure by repetition is fast enough.
    loop {
        let next: BTreeMap<&str, BTreeSet<&str>> = reach
            .iter()
            .map(|(&from, direct)| {
                let further = direct.iter().filter_map(|to| reach.get(to)).flatten();
                (from, direct.iter().chain(further).copied().collect())
            })
            .collect();
        if next == reach {
            break;
        }
        reach = next;
    }
    let leads = |from: &str, to: &str| reach.get(from).is_some_and(|reached| reached.contains(to));
    let mut found: Vec<(BTreeSet<String>, Vec<Reference>)> = Vec::new();
    for &file in reach.keys().filter(|file| leads(file, file)) {
        if found.iter().any(|(files, _)| files.contains(file)) {
            continue;
        }
        let files: BTreeSet<String> = reach
            .keys()
            .filter(|other| leads(file, other) && leads(other, file))
            .map(|other| (*other).to_owned())
            .collect();
        let among = inside.iter().filter(|one| files.contains(&one.from) && files.contains(&one.to));
        let among = among.map(|one| (*one).clone()).collect();
        found.push((files, among));
    }
    found
}

/// Circles as text, one reference per line.
fn listed(circles: &[(BTreeSet<String>, Vec<Reference>)]) -> String {
    let mut text = String::new();
    for (files, references) in circles {
        let names: Vec<&str> = files.iter().map(String::as_str).collect();
        let _ = writeln!(text, "{} files of `{}`: {}", files.len(), room(names[0]), names.join(", "));
        for Reference { from, to, line } in references {
            let _ = writeln!(text, "    src/{from}:{line} names {to}");
        }
    }
    text
}

#[test]
fn a_room_names_only_rooms_declared_above_it() {
    let sources = sources();
    let rooms = rooms(&sources["lib.rs"]);
    assert!(rooms.len() > 10, "the rooms are read from lib.rs: {rooms:?}");
    for file in sources.keys().filter(|file| *file != "lib.rs") {
        assert!(rooms.iter().any(|known| known == room(file)), "src/{file} is in no room that lib.rs declares");
    }
    let wrong = upward(&Modules::read(&sources, true).references(), &rooms);
    assert!(wrong.is_empty(), "rooms that name a room declared below them:\n{}", wrong.join("\n"));
}

#[test]
fn the_files_of_a_room_form_no_circle() {
    let found = circles(&Modules::read(&sources(), false).references());
    assert!(found.is_empty(), "files that name each other:\n{}", listed(&found));
}

/// References among files given as text, without tests.
fn references(files: &[(&str, &str)]) -> Vec<(String, String)> {
    let files = files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
    Modules::read(&files, false).references().into_iter().map(|found| (found.from, found.to)).collect()
}

fn pair(from: &str, to: &str) -> (String, String) {
    (from.to_owned(), to.to_owned())
}

#[test]
fn all_forms_of_use_and_inline_paths_are_seen() {
    let lib = ("lib.rs", "pub mod low;\npub mod room;\nmod other;\n");
    let low = ("low.rs", "pub struct Thing;\npub fn make() {}\n");
    let other = ("other.rs", "pub fn help() {}\n");
    let room = ("room/mod.rs", "mod child;\nmod sister;\n");
    for source in [
        "use crate::low::Thing;",
        "use {crate::low::{self, make}, std::fmt};",
        "use crate::{\n    low::{\n        Thing as Other,\n        make,\n    },\n};",
        "pub(crate) use crate::low::*;",
        "use super::super::low::Thing;",
        "fn f() { crate::low::make(); }",
        "fn f() { super::super::low::make() }",
        "fn f() -> Vec<crate::low::Thing> { Vec::new() }",
        "mod inner { use super::super::super::low::make; }",
        "fn f() { println!(\"{}\", crate::low::make()); }",
    ] {
        let found = references(&[lib, low, other, room, ("room/child.rs", source), ("room/sister.rs", "")]);
        assert_eq!(found, [pair("room/child.rs", "low.rs")], "{source}");
    }
    for source in ["use super::sister::S;", "use crate::room::sister;", "fn f() { super::sister::g() }"] {
        let found =
            references(&[lib, low, other, room, ("room/child.rs", source), ("room/sister.rs", "pub struct S;")]);
        assert_eq!(found, [pair("room/child.rs", "room/sister.rs")], "{source}");
    }
    for source in [
        "// use crate::low::Thing;",
        "pub(in crate::low) fn f() {}",
        "/* crate::low */ /* /* nested */ crate::low */",
        "const S: &str = \"crate::low\";",
        "const S: &str = r#\"\"crate::low\"#;",
        "const C: char = '\"'; const D: char = '\\''; // crate::low::Thing",
        "use std::low::Thing;",
        "#[cfg(test)]\nmod tests { use crate::low::Thing; }",
        "#[cfg(test)]\nuse crate::low::Thing;\nfn f<'a>(text: &'a str) {}",
        "#[test]\nfn f() { crate::low::make() }",
    ] {
        let found = references(&[lib, low, other, room, ("room/child.rs", source), ("room/sister.rs", "")]);
        assert_eq!(found, [], "{source}");
    }
}

#[test]
fn reexports_lead_to_the_file_that_declares_the_item() {
    let found = references(&[
        ("lib.rs", "mod room;"),
        (
            "room/mod.rs",
            "mod leaf;\nmod user;\nmod all;\npub use self::leaf::{Leaf, grow};\npub use all::*;\npub struct Own;",
        ),
        ("room/leaf.rs", "pub struct Leaf;\npub fn grow() {}"),
        ("room/all.rs", "pub fn every() {}"),
        ("room/user.rs", "use crate::room::{Leaf, every};\nfn f() { super::grow() }"),
    ]);
    let expected = [
        pair("room/mod.rs", "room/all.rs"),
        pair("room/mod.rs", "room/leaf.rs"),
        pair("room/user.rs", "room/all.rs"),
        pair("room/user.rs", "room/leaf.rs"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn circles_are_found_through_parents_and_over_several_files() {
    let lib = ("lib.rs", "mod a;\nmod b;");
    let find = |files: &[(&str, &str)]| {
        let files = files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
        circles(&Modules::read(&files, false).references())
            .into_iter()
            .map(|(files, _)| files.into_iter().collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    // A child that names an item of its own `mod.rs`, which calls the child.
    let parent = ("a/mod.rs", "mod one;\npub struct Own;\npub fn f() { one::g() }");
    let child = ("a/one.rs", "use super::Own;\npub fn g() {}");
    assert_eq!(find(&[lib, ("b.rs", ""), parent, child]), [["a/mod.rs", "a/one.rs"]]);
    // The same with the item in a file of its own.
    let parent = ("a/mod.rs", "mod one;\nmod own;\npub use own::Own;\npub fn f() { one::g() }");
    let own = ("a/own.rs", "pub struct Own;");
    assert!(find(&[lib, ("b.rs", ""), parent, child, own]).is_empty());
    // Three files, and a fourth that only uses them.
    let ring = [
        lib,
        ("b/mod.rs", "mod one;\nmod two;\nmod three;\nmod user;"),
        ("b/one.rs", "use super::two::Two;\npub struct One;"),
        ("b/two.rs", "use super::three::Three;\npub struct Two;"),
        ("b/three.rs", "use crate::b::one::One;\npub struct Three;"),
        ("b/user.rs", "use super::{one::One, two::Two};"),
        ("a.rs", ""),
    ];
    assert_eq!(find(&ring), [["b/one.rs", "b/three.rs", "b/two.rs"]]);
    // A file of tests may use its parent.
    let tested = ("a/mod.rs", "#[cfg(test)]\nmod tests;\npub fn f() {}");
    assert!(find(&[lib, ("b.rs", ""), tested, ("a/tests.rs", "use super::f;")]).is_empty());
}

#[test]
fn a_reference_to_a_later_room_is_found() {
    let rooms = rooms("//! pub mod text;\npub mod first;\npub(crate) mod second;\nmod third;\n");
    assert_eq!(rooms, ["first", "second", "third"]);
    let up = Reference { from: "first/deep/file.rs".to_owned(), to: "third.rs".to_owned(), line: 7 };
    let down = Reference { from: "third.rs".to_owned(), to: "first/mod.rs".to_owned(), line: 1 };
    assert_eq!(upward(&[up, down], &rooms), ["src/first/deep/file.rs:7 names `third`"]);
}
