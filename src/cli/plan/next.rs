//! The command that runs a plan that was just written, from any folder.

use std::fs;
use std::path::{Path, PathBuf};

use toml::Value;

use crate::plan::read::LoadedPlan;
use crate::run::dataset::{dataset_folder, dataset_folder_beside};
use crate::units::shell_word;

/// The command for the plan `file`; `dataset` is the folder of its data set, if that is known.
pub(super) fn command(file: &Path, loaded: &LoadedPlan, dataset: Option<&Path>) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let run = format!("segplan run {}", shell_word(&absolute(file).display().to_string()));
    let Some(own) = dataset.and_then(|folder| fs::canonicalize(folder).ok()) else { return run };
    let is_own = |found: Option<PathBuf>| found.and_then(|folder| fs::canonicalize(folder).ok()).as_ref() == Some(&own);
    // Both from this folder and from any other.
    if is_own(dataset_folder(loaded)) && is_own(dataset_folder_beside(loaded)) {
        return run;
    }
    let around = own.parent().unwrap_or(&own).display().to_string();
    let data = Value::Array(vec![Value::String(around)]);
    format!("{run} --set {}", shell_word(&format!("runtime.data={data}")))
}
