//! Shared parts of the tests of the program: a temporary folder, the real binary in it, processes that are stopped, and runs that are
//! compared.

#![allow(dead_code, reason = "each test file uses a part of this")]
#![allow(unreachable_pub, reason = "each test file is a crate of its own")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use segplan::run::folder::RunFolder;
use segplan::run::log::read_epochs;
use serde_json::Value;

/// How long a file may take to appear.
const PATIENCE: Duration = Duration::from_mins(3);

/// A folder in which the program runs; removed at the end.
pub struct Workplace {
    folder: tempfile::TempDir,
}

impl Workplace {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A folder with `plan.toml`, which extends a plan of `experiments/`.
    pub fn with_plan(base: &str, text: &str) -> Self {
        let workplace = Self::new();
        let text = format!("extends = {:?}\n{text}", experiment(base).display().to_string());
        fs::write(workplace.path("plan.toml"), text).unwrap();
        workplace
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of a run in `runs/`.
    pub fn run_folder(&self, name: &str) -> RunFolder {
        RunFolder::new(&self.path("runs"), name)
    }

    /// The program with some arguments.
    pub fn segplan(&self, arguments: &[&str]) -> Command {
        segplan_in(self.root(), arguments)
    }

    /// `segplan run` of a plan of `experiments/` under a name, with some values set.
    pub fn run(&self, plan: &str, name: &str, set: &[&str]) -> Command {
        let mut command = self.segplan(&["run"]);
        command.arg(experiment(plan)).args(["--set", &format!("name={name}")]).args(set_arguments(set));
        command
    }

    /// What `status --format json` reports about `plan.toml`.
    pub fn status(&self, arguments: &[&str]) -> Value {
        let all = [&["status", "plan.toml", "--format", "json"], arguments].concat();
        serde_json::from_str(&succeed(&mut self.segplan(&all)).out).unwrap()
    }
}

/// A plan of `experiments/`.
pub fn experiment(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments").join(name)
}

/// The program in a folder.
pub fn segplan_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segplan"));
    command.current_dir(folder).env("NO_COLOR", "1").args(arguments);
    command
}

/// `--set` before each value.
pub fn set_arguments<'a>(values: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    values.iter().flat_map(|value| ["--set", value])
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub error: String,
}

impl Ended {
    /// Standard output and standard error.
    pub fn text(&self) -> String {
        format!("{}{}", self.out, self.error)
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), error: text(output.stderr) }
    }
}

/// Runs a command to its end.
pub fn finish(command: &mut Command) -> Ended {
    command.output().unwrap().into()
}

/// Runs a command that has to succeed.
pub fn succeed(command: &mut Command) -> Ended {
    let ended = finish(command);
    assert_eq!(ended.code, Some(0), "{command:?}\n{}", ended.text());
    ended
}

/// Runs a command that has to fail with an exit code.
pub fn fail(command: &mut Command, code: i32) -> Ended {
    let ended = finish(command);
    assert_eq!(ended.code, Some(code), "{command:?}\n{}", ended.text());
    ended
}

/// Starts a command whose output nobody reads.
pub fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until a condition holds.
pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "{what} did not happen");
        sleep(Duration::from_millis(1));
    }
}

/// Waits until a file exists.
pub fn wait_for(path: &Path) {
    wait_until(&format!("`{}`", path.display()), || path.exists());
}

/// Waits until a folder, or one in it, contains a file with this ending.
pub fn wait_for_one_in(folder: &Path, ending: &str) {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let contains = |folder: &Path| {
        let mut names = entries(folder).map(|entry| entry.file_name());
        names.any(|name| name.to_str().is_some_and(|name| name.ends_with(ending) && !name.starts_with('.')))
    };
    wait_until(&format!("a file `*{ending}` in `{}`", folder.display()), || {
        contains(folder) || entries(folder).any(|inner| contains(&inner.path()))
    });
}

/// Kills a process, which must not have ended by itself.
pub fn kill(mut child: Child) {
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "it ended before it could be killed");
}

/// Sends a signal to a process.
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success(), "signal {name}");
}

/// Interrupts a process, which must not have ended by itself, and must have saved its progress.
pub fn interrupt(mut child: Child, name: &str) {
    signal(&child, name);
    assert_eq!(child.wait().unwrap().code(), Some(4), "it ended before it could be interrupted, or in another way");
}

/// The results by which two runs are compared, by path: weights, predictions and losses to the last bit; no times.
pub fn results(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(folder).unwrap().to_owned();
        if path.is_dir() {
            found.extend(results(&path).into_iter().map(|(inner, bytes)| (name.join(inner), bytes)));
        } else if path.ends_with("epochs.parquet") {
            found.insert(name, losses(&path).into_bytes());
        } else if [".safetensors", ".nii.gz"].iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    assert!(!found.is_empty(), "`{}` contains no result", folder.display());
    found
}

/// Compares the results of two runs, file by file.
pub fn assert_same_results(found: &BTreeMap<PathBuf, Vec<u8>>, expected: &BTreeMap<PathBuf, Vec<u8>>, what: &str) {
    let paths = |results: &BTreeMap<PathBuf, Vec<u8>>| results.keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(found), paths(expected), "{what}");
    for (path, bytes) in expected {
        assert!(found[path] == *bytes, "{what}: `{}` differs", path.display());
    }
}

/// Losses of each epoch to the last bit.
pub fn losses(path: &Path) -> String {
    let rows = read_epochs(path).unwrap();
    assert!(!rows.is_empty(), "`{}` has no epoch", path.display());
    let bits = rows.iter().map(|row| (row.epoch, row.train_loss.to_bits(), row.validation_loss.to_bits()));
    format!("{:x?}", bits.collect::<Vec<_>>())
}
