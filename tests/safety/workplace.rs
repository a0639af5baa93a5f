//! A folder in which segplan is run, and checks on its files.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use segplan::run::Split;
use segplan::run::folder::FoldFolder;

use crate::common;

/// Settings of a short run: it learns nothing, but different inputs still give different weights.
pub(crate) const SHORT: [&str; 10] = [
    "data.cases=6",
    "split.folds=3",
    "run.folds=[0]",
    "train.max_epochs=1",
    "train.batches_per_epoch=2",
    "train.validation_batches_per_epoch=1",
    "predict.test_time_mirroring=false",
    "configurations.3d_fullres.batch_size=2",
    "configurations.3d_fullres.features_per_stage=[4, 8, 8, 8]",
    "configurations.2d.features_per_stage=[4, 8, 8, 8]",
];

/// A folder for short runs.
pub(crate) struct Workplace(common::Workplace);

impl Deref for Workplace {
    type Target = common::Workplace;

    fn deref(&self) -> &common::Workplace {
        &self.0
    }
}

impl Workplace {
    pub(crate) fn new() -> Self {
        Self(common::Workplace::new())
    }

    /// A short run of the phantom.
    pub(crate) fn run(&self, name: &str, set: &[&str]) -> Command {
        self.run_plan("phantom.toml", name, set)
    }

    /// A short run of a plan of `experiments/`.
    pub(crate) fn run_plan(&self, plan: &str, name: &str, set: &[&str]) -> Command {
        self.0.run(plan, name, &[&SHORT, set].concat())
    }

    pub(crate) fn fold(&self, run: &str, configuration: &str, fold: usize) -> FoldFolder {
        self.run_folder(run).fold(configuration, 12345, fold)
    }

    pub(crate) fn splits(&self, run: &str) -> Vec<Split> {
        serde_json::from_slice(&fs::read(self.path(&format!("runs/{run}/splits_final.json"))).unwrap()).unwrap()
    }

    /// Exchanges a validation case of fold 0 with one of fold 1 in `splits_final.json`; returns the file's previous content.
    pub(crate) fn edit_splits(&self, run: &str) -> Vec<u8> {
        let path = self.path(&format!("runs/{run}/splits_final.json"));
        let before = fs::read(&path).unwrap();
        let splits = self.splits(run);
        let (first, second) = (&splits[0].val[0].0, &splits[1].val[0].0);
        let text = String::from_utf8(before.clone()).unwrap();
        let quoted = |name: &str| format!("\"{name}\"");
        let text =
            text.replace(&quoted(first), "?").replace(&quoted(second), &quoted(first)).replace('?', &quoted(second));
        fs::write(&path, text).unwrap();
        before
    }
}

pub(crate) fn output_text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Runs a command, checks its exit code, and returns its output with line breaks replaced by spaces.
pub(crate) fn expect_exit(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    let message = output_text(&output);
    assert_eq!(output.status.code(), Some(code), "{command:?}\n{message}");
    message.replace(['│', '×'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All files below a folder with their contents.
pub(crate) fn files_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

/// The files below a folder that are not hidden: results without the record of outputs.
pub(crate) fn visible_files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let is_hidden = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with('.');
    files_below(folder).into_iter().filter(|(path, _)| !is_hidden(path)).collect()
}

/// Changes one bit near the end of a file.
pub(crate) fn flip_bit(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let at = bytes.len() - 5;
    bytes[at] ^= 16;
    fs::write(path, bytes).unwrap();
}

pub(crate) fn copy_images(from: &Path, to: &Path, count: usize) {
    fs::create_dir_all(to).unwrap();
    let mut paths: Vec<PathBuf> = fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in &paths[..count] {
        fs::copy(path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// A folder with the phantom, its plan, a finished run, and nnU-Net's form of the plan.
pub(crate) fn finished_run() -> Workplace {
    let at = Workplace::new();
    expect_exit(&mut at.run("whole", &[]), 0);
    expect_exit(&mut at.segplan(&["plan", "data/Phantom", "-o", "phantom.toml"]), 0);
    expect_exit(&mut at.segplan(&["export", "--nnunet", "phantom.toml", "-o", "nnunet"]), 0);
    at
}
