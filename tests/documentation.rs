//! The documentation matches the repository: links lead somewhere, files and verbs exist, and example plans load.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

#[path = "source/files.rs"]
mod files;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use files::rust_files;
use segplan::evaluate::metric::Metric;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages that people read, with their texts.
fn pages() -> Vec<(PathBuf, String)> {
    let mut paths: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name)).into();
    let guide = fs::read_dir(root().join("src/guide")).unwrap().map(|entry| entry.unwrap().path());
    paths.extend(guide.filter(|path| path.extension().is_some_and(|ending| ending == "md")));
    assert!(paths.len() >= 7, "{paths:?}");
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// The targets of Markdown links.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

/// The anchor that a git host gives to a heading.
fn anchor(heading: &str) -> String {
    let kept =
        heading.trim_matches(['#', ' ']).chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn links_lead_to_files_and_headings() {
    for (page, text) in pages() {
        for link in links(&text).filter(|link| !link.contains("://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: `{link}` leads nowhere", page.display());
            if !heading.is_empty() {
                let text = fs::read_to_string(&target).unwrap();
                let mut headings = text.lines().filter(|line| line.starts_with('#')).map(anchor);
                assert!(headings.any(|known| known == heading), "{}: no heading `{link}`", page.display());
            }
        }
    }
}

/// Text between backquotes, line by line.
fn code(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

#[test]
fn files_named_by_the_guide_and_by_the_crate_exist() {
    let mut missing = Vec::new();
    let mut seen = 0;
    let lib = root().join("src/lib.rs");
    for (page, text) in pages().into_iter().chain([(lib.clone(), fs::read_to_string(&lib).unwrap())]) {
        // A file that a contributor creates is marked as new.
        for line in text.lines().filter(|line| !line.contains("(new)")) {
            for name in code(line).filter(|name| {
                name.contains('/')
                    && !name.contains([' ', '*', '{'])
                    && !name.contains("NAME")
                    && !name.contains("VERB")
            }) {
                let base = if page == lib { root().join("src") } else { root().to_owned() };
                let is_source = name.starts_with("src/") || name.starts_with("tests/") || name.starts_with("reports/");
                if page != lib && !is_source {
                    continue;
                }
                seen += 1;
                let path = if is_source { root().join(name) } else { base.join(name) };
                if !path.exists() {
                    missing.push(format!("{}: `{name}`", page.strip_prefix(root()).unwrap().display()));
                }
            }
        }
    }
    assert!(seen > 30, "{seen} names of files");
    assert!(missing.is_empty(), "files that do not exist:\n{}", missing.join("\n"));
}

/// String literals behind a call in a source file, such as `.join("manifest.json")`.
fn literals(file: &str, calls: &[&str]) -> Vec<String> {
    let text = fs::read_to_string(root().join(file)).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap();
    let behind = |call: &&str| {
        text.split(&format!("{call}(\""))
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    calls.iter().flat_map(behind).collect()
}

#[test]
fn the_guide_lists_all_files_and_columns_of_a_run() {
    let guide = fs::read_to_string(root().join("src/guide/architecture.md")).unwrap();
    let files = literals("src/run/folder.rs", &[".join"]);
    assert!(files.len() > 20, "{files:?}");
    for file in files {
        assert!(guide.contains(&file), "the run folder in the guide lacks `{file}`");
    }
    let typed = [".counts", ".numbers", ".optional_numbers", ".texts", ".optional_texts", ".flags"];
    let mut columns = Vec::new();
    for file in ["src/run/log.rs", "src/evaluate/scores.rs", "src/evaluate/confusion.rs"] {
        columns.extend(literals(file, &typed));
    }
    columns.extend(literals("src/evaluate/counts.rs", &["value"]));
    columns.extend(Metric::all().map(|metric| metric.name().to_owned()));
    assert!(columns.len() > 30, "{columns:?}");
    for column in columns {
        assert!(guide.contains(&format!("`{column}`")), "the guide lacks the column `{column}`");
    }
}

/// Sources with a comment that starts with `Differs:`, relative to `src`, without the extension.
fn files_that_differ() -> Vec<String> {
    let src = root().join("src");
    let differs = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        text.lines().any(|line| line.trim_start().trim_start_matches(['/', '!', ' ']).starts_with("Differs:"))
    };
    let name = |path: PathBuf| path.strip_prefix(&src).unwrap().with_extension("").to_string_lossy().replace('\\', "/");
    rust_files(&src).into_iter().filter(differs).map(name).collect()
}

/// Modules that the method page names in its list of deviations, as paths: `train/sampler`.
fn listed_deviations() -> Vec<String> {
    let method = fs::read_to_string(root().join("src/guide/method.md")).unwrap();
    let section = method.split("\n## ").find(|section| section.starts_with("Deviations")).unwrap().to_owned();
    let first_cells = section.lines().filter_map(|line| line.strip_prefix("| ")?.split('|').next().map(str::to_owned));
    first_cells.flat_map(|cell| code(&cell).map(|name| name.replace("::", "/")).collect::<Vec<_>>()).collect()
}

#[test]
fn the_method_page_lists_every_deviation_that_the_sources_mark() {
    let (marked, listed) = (files_that_differ(), listed_deviations());
    assert!(marked.len() > 10 && listed.len() > 20, "{marked:?}\n{listed:?}");
    let covers = |module: &str, file: &str| {
        file == module || file.strip_prefix(module).is_some_and(|rest| rest.starts_with('/'))
    };
    for file in &marked {
        assert!(
            listed.iter().any(|module| covers(module, file)),
            "src/{file}.rs has a deviation that the method page lacks"
        );
    }
    let unmarked: Vec<&String> =
        listed.iter().filter(|module| !marked.iter().any(|file| covers(module, file))).collect();
    assert!(unmarked.is_empty(), "deviations that no source marks with `Differs:`: {unmarked:?}");
}

fn segplan(arguments: &[&str], folder: &Path) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_segplan")).current_dir(folder).args(arguments).output().unwrap()
}

#[test]
fn commands_of_the_documentation_have_known_verbs_and_flags() {
    let mut seen = 0;
    for (page, text) in pages() {
        let lines = text.lines().filter_map(|line| line.strip_prefix("$ segplan "));
        for command in lines.map(|line| line.split(" # ").next().unwrap().trim()) {
            let words: Vec<&str> = command.split_whitespace().collect();
            let help = segplan(&[words[0], "--help"], root());
            assert!(help.status.success(), "{}: no verb `{}`", page.display(), words[0]);
            let help = String::from_utf8(help.stdout).unwrap();
            for flag in words.iter().filter(|word| word.starts_with("--")) {
                assert!(
                    help.contains(&format!("{flag} ")) || help.contains(&format!("{flag}\n")),
                    "{command}: no `{flag}`"
                );
            }
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen} commands");
}

#[test]
fn example_plans_of_the_readme_load() {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(root().join("experiments")).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let blocks: Vec<&str> = readme.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 3, "a plan, a variant and a sweep");
    for block in blocks {
        // A part of a plan is shown as a part of the hippocampus plan.
        let whole = if block.contains("extends") {
            block.to_owned()
        } else {
            format!("extends = \"hippocampus.toml\"\n{block}")
        };
        fs::write(folder.path().join("readme.toml"), whole).unwrap();
        let shown = segplan(&["show", "readme.toml"], folder.path());
        assert!(shown.status.success(), "{block}\n{}", String::from_utf8_lossy(&shown.stderr));
    }
}
