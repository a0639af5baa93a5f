//! The program at a shell: help, exit codes, what goes to which stream, colours, and a new user's first plan.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const VERBS: [&str; 17] = [
    "verify",
    "plan",
    "show",
    "set",
    "explain",
    "diff",
    "schema",
    "import",
    "export",
    "run",
    "predict",
    "evaluate",
    "report",
    "bench",
    "phantom",
    "doctor",
    "completions",
];

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

#[test]
fn every_verb_has_examples_in_its_help() {
    let folder = tempfile::tempdir().unwrap();
    let all = text(&segplan(folder.path(), &["--help"]).stdout);
    for verb in VERBS {
        assert!(all.contains(&format!("\n  {verb} ")), "{verb} is not in\n{all}");
        let help = segplan(folder.path(), &[verb, "--help"]);
        let said = text(&help.stdout);
        assert!(said.contains("Example") && said.contains(&format!("segplan {verb}")), "{said}");
        assert!(help.stderr.is_empty() && help.status.success());
    }
    let listed = all.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let listed: Vec<&str> = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    let known = |verb: &&str| !verb.is_empty() && **verb != *"help";
    for verb in listed.iter().filter(|verb| known(verb)) {
        assert!(text(&segplan(folder.path(), &[verb, "--help"]).stdout).contains("Example"), "`{verb}` has no example");
    }
}

#[test]
fn shells_are_completed() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = text(&segplan(folder.path(), &["completions", shell]).stdout);
        assert!(script.contains("segplan") && script.contains("explain"), "{shell}");
    }
}

#[test]
fn a_new_user_reads_of_all_mistakes_at_once_with_what_to_write() {
    let folder = planned();
    let network = fs::read_to_string(folder.path().join("phantom.toml")).unwrap();
    let patch = network.lines().filter(|line| line.starts_with("patch_size = ")).nth(1).unwrap().to_owned();
    let spacing = network.lines().filter(|line| line.starts_with("spacing = ")).nth(1).unwrap().to_owned();
    let axes: Vec<&str> = spacing.trim_start_matches("spacing = [").trim_end_matches(']').split(", ").collect();
    let swapped = format!("spacing = [{}, {}, {}]", axes[2], axes[1], axes[0]);
    assert_ne!(spacing, swapped);
    replace(
        folder.path(),
        &[
            (&format!("\n{spacing}"), &format!("\n{swapped}")),
            (&patch, "patch_size = [41, 48, 48]"),
            ("learning_rate = ", "lerning_rate = "),
            ("max_epochs = ", "max_epoch = "),
            ("\n[predict]", "\n[predct]"),
        ],
    );
    let refused = segplan(folder.path(), &["run", "phantom.toml"]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(refused.stdout.is_empty() && !folder.path().join("runs").exists());
    // Long lines are broken.
    let said = said.replace(['│', '|'], " ").split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in [
        "the plan has 5 faults",
        "did you mean `learning_rate`?",
        "did you mean `max_epochs`?",
        "did you mean `predict`?",
        "cannot be pooled",
        "the nearest are",
        "in another order",
        &format!("such as `{spacing}`"),
    ] {
        assert!(said.contains(expected), "`{expected}` is not in\n{said}");
    }
}

#[test]
fn a_changed_rule_is_updated_and_a_decision_stays() {
    let folder = planned();
    let at = folder.path();
    assert!(at.join("plan.schema.json").exists());
    let unchanged = segplan(at, &["plan", "--update", "phantom.toml"]);
    assert_eq!((unchanged.status.code(), text(&unchanged.stdout)), (Some(0), String::new()), "{unchanged:?}");

    let before = fs::read_to_string(at.join("phantom.toml")).unwrap();
    let set = segplan(at, &["set", "phantom.toml", "rules.max_features_3d=200", "train.batches_per_epoch=7"]);
    assert!(set.status.success(), "{}", text(&set.stderr));
    let written = segplan(at, &["plan", "--update", "phantom.toml", "--write"]);
    let diff = text(&written.stdout);
    assert!(written.status.success() && diff.contains("\n+# Feature maps of each resolution"), "{diff}");
    let after = fs::read_to_string(at.join("phantom.toml")).unwrap();
    assert!(after.contains("\nbatches = 7\n") && after.contains("at most 200."), "{after}");
    assert_eq!(before.lines().count(), after.lines().count());
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plan.toml"), "[trian]\n").unwrap();
    let refused = segplan(folder.path(), &["show", "plan.toml"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(refused.stdout.is_empty() && !text(&refused.stderr).contains('\u{1b}'));
}

#[test]
fn files_that_are_there_are_not_written_over() {
    let folder = planned();
    let exported = ["export", "--nnunet", "phantom.toml", "-o", "exported"];
    assert_eq!(segplan(folder.path(), &exported).status.code(), Some(0));
    let path = folder.path().join("exported/nnUNetPlans.json");
    fs::write(&path, "{}").unwrap();
    for refused in [&exported[..], &["phantom", "data/Phantom"], &["plan", "data/Phantom", "-o", "phantom.toml"]] {
        let refused = segplan(folder.path(), refused);
        assert_eq!(refused.status.code(), Some(2));
        let said = text(&refused.stderr);
        assert!(said.contains("exists already") || said.contains("is not empty"), "{said}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
    assert_eq!(segplan(folder.path(), &[&exported[..], &["--overwrite"]].concat()).status.code(), Some(0));
    assert!(fs::read_to_string(&path).unwrap().len() > 100);
}

#[test]
fn a_phantom_that_was_stopped_while_it_was_made_is_made_anew() {
    let folder = planned();
    fs::remove_file(folder.path().join("data/Phantom/dataset.json")).unwrap();
    let again = ["run", "phantom.toml", "--until", "fingerprint", "--set", "data.generator=phantom"];
    let made = segplan(folder.path(), &again);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    assert!(text(&made.stderr).contains("making the phantom: 6 to do"), "{}", text(&made.stderr));
}
