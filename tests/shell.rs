//! The program in a shell: help, exit codes, output streams, colours, and a new user's first plan.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn segplan(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_segplan")).current_dir(folder).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A folder with a small phantom and its plan.
fn planned() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let made = segplan(folder.path(), &["phantom", "data/Phantom", "--cases", "6"]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let planned = segplan(folder.path(), &["plan", "data/Phantom", "-o", "phantom.toml"]);
    assert_eq!(planned.status.code(), Some(0), "{}", text(&planned.stderr));
    assert!(planned.stdout.is_empty());
    folder
}

fn replace(folder: &Path, changes: &[(&str, &str)]) {
    let path = folder.join("phantom.toml");
    let mut plan = fs::read_to_string(&path).unwrap();
    for (from, to) in changes {
        assert!(plan.contains(from), "{from}");
        plan = plan.replacen(from, to, 1);
    }
    fs::write(path, plan).unwrap();
}

/// The verbs that `--help` lists.
fn verbs(folder: &Path) -> Vec<String> {
    let help = text(&segplan(folder, &["--help"]).stdout);
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let verbs: Vec<String> = names.filter(|name| !name.is_empty() && *name != "help").map(str::to_owned).collect();
    assert!(verbs.len() >= 20, "verbs in\n{help}");
    verbs
}

#[test]
fn every_verb_has_examples_in_its_help() {
    let folder = tempfile::tempdir().unwrap();
    for verb in verbs(folder.path()) {
        let help = segplan(folder.path(), &[&verb, "--help"]);
        let printed = text(&help.stdout);
        assert!(printed.contains("Example") && printed.contains(&format!("segplan {verb}")), "{printed}");
        assert!(help.stderr.is_empty() && help.status.success());
        let examples = printed.lines().skip_while(|line| *line != "Examples:").take_while(|line| !line.is_empty());
        for example in examples {
            assert!(example.chars().count() <= 80, "`{example}` is wider than a terminal of 80 columns");
            assert!(
                example.starts_with("Examples:") || example.starts_with("  segplan ") || example.starts_with("  # ")
            );
        }
    }
}

#[test]
fn completion_scripts_exist_for_all_shells() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = text(&segplan(folder.path(), &["completions", shell]).stdout);
        assert!(script.contains("segplan") && script.contains("explain"), "{shell}");
    }
}

#[test]
fn all_mistakes_of_a_plan_are_reported_at_once_with_suggestions() {
    let folder = planned();
    let network = fs::read_to_string(folder.path().join("phantom.toml")).unwrap();
    let patch = network.lines().filter(|line| line.starts_with("patch_size = ")).nth(1).unwrap().to_owned();
    let spacing = network.lines().filter(|line| line.starts_with("spacing_mm = ")).nth(1).unwrap().to_owned();
    let axes: Vec<&str> = spacing.trim_start_matches("spacing_mm = [").trim_end_matches(']').split(", ").collect();
    let swapped = format!("spacing_mm = [{}, {}, {}]", axes[2], axes[1], axes[0]);
    assert_ne!(spacing, swapped);
    replace(
        folder.path(),
        &[
            (&format!("\n{spacing}"), &format!("\n{swapped}")),
            (&patch, "patch_size = [41, 48, 48]"),
            ("learning_rate = ", "lerning_rate = "),
            ("max_epochs = ", "max_epoch = "),
            ("\n[train]", "\n[predct]\n\n[train]"),
        ],
    );
    let refused = segplan(folder.path(), &["run", "phantom.toml"]);
    let message = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{message}");
    assert!(refused.stdout.is_empty() && !folder.path().join("runs").exists());
    // Long lines are broken.
    let message = message.replace(['│', '|'], " ").split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in [
        "the plan has 5 errors",
        "did you mean `learning_rate`?",
        "did you mean `max_epochs`?",
        "did you mean `predict`?",
        "cannot be pooled",
        "the nearest are",
        "in another order",
        &format!("such as `{spacing}`"),
    ] {
        assert!(message.contains(expected), "`{expected}` is not in\n{message}");
    }
}

#[test]
fn an_update_follows_a_changed_rule_and_keeps_manual_edits() {
    let folder = planned();
    let at = folder.path();
    assert!(at.join("plan.schema.json").exists());
    let unchanged = segplan(at, &["plan", "--update", "phantom.toml"]);
    assert_eq!((unchanged.status.code(), text(&unchanged.stdout)), (Some(0), String::new()), "{unchanged:?}");

    let set = segplan(at, &["set", "phantom.toml", "rules.max_features_3d=200", "train.batches_per_epoch=7"]);
    assert!(set.status.success(), "{}", text(&set.stderr));
    let written = segplan(at, &["plan", "--update", "phantom.toml", "--write"]);
    let diff = text(&written.stdout);
    assert!(written.status.success() && diff.contains("\n+# ") && diff.contains("at most 200"), "{diff}");
    let after = fs::read_to_string(at.join("phantom.toml")).unwrap();
    assert!(after.contains("\nbatches_per_epoch = 7\n"), "{after}");
    assert!(after.contains("max_features_3d = 200"), "{after}");
}

#[test]
fn messages_without_a_terminal_have_no_colours() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plan.toml"), "[trian]\n").unwrap();
    let refused = segplan(folder.path(), &["show", "plan.toml"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(refused.stdout.is_empty() && !text(&refused.stderr).contains('\u{1b}'));
}

/// Runs the same on a terminal that `script` of util-linux emulates.
#[cfg(target_os = "linux")]
#[expect(clippy::print_stderr, reason = "a skipped test reports it")]
#[test]
fn messages_on_a_terminal_have_colours_unless_no_color_is_set() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plan.toml"), "[trian]\n").unwrap();
    let on_terminal = |no_color: &str| {
        let mut script = Command::new("script");
        script.current_dir(folder.path()).env_remove("NO_COLOR").env("TERM", "xterm-256color");
        if !no_color.is_empty() {
            script.env("NO_COLOR", no_color);
        }
        let command = format!("'{}' show plan.toml", env!("CARGO_BIN_EXE_segplan"));
        script.args(["-qec", &command, "/dev/null"]).stdin(std::process::Stdio::null()).output()
    };
    let Ok(coloured) = on_terminal("") else {
        eprintln!("SKIPPED: colours on a terminal; `script` of util-linux is missing");
        return;
    };
    assert_eq!(coloured.status.code(), Some(2));
    assert!(text(&coloured.stdout).contains('\u{1b}'), "{}", text(&coloured.stdout));
    let plain = on_terminal("1").unwrap();
    assert!(
        text(&plain.stdout).contains("trian") && !text(&plain.stdout).contains('\u{1b}'),
        "{}",
        text(&plain.stdout)
    );
}

#[test]
fn existing_files_are_not_overwritten() {
    let folder = planned();
    let exported = ["export", "--nnunet", "phantom.toml", "-o", "exported"];
    assert_eq!(segplan(folder.path(), &exported).status.code(), Some(0));
    let path = folder.path().join("exported/nnUNetPlans.json");
    fs::write(&path, "{}").unwrap();
    for refused in [&exported[..], &["phantom", "data/Phantom"], &["plan", "data/Phantom", "-o", "phantom.toml"]] {
        let refused = segplan(folder.path(), refused);
        assert_eq!(refused.status.code(), Some(2));
        let message = text(&refused.stderr);
        assert!(message.contains("exists already") || message.contains("is not empty"), "{message}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
    assert_eq!(segplan(folder.path(), &[&exported[..], &["--overwrite"]].concat()).status.code(), Some(0));
    assert!(fs::read_to_string(&path).unwrap().len() > 100);
}

#[test]
fn an_incomplete_phantom_is_generated_again() {
    let folder = planned();
    fs::remove_file(folder.path().join("data/Phantom/dataset.json")).unwrap();
    let again = ["run", "phantom.toml", "--until", "fingerprint", "--set", "data.generator=phantom"];
    let made = segplan(folder.path(), &again);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    assert!(text(&made.stderr).contains("generating phantom data (6)"), "{}", text(&made.stderr));
}
