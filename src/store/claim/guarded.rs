//! Folders into which no output is written: data sets, runs and prepared cases.

use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::volume::io::format::is_image_name;

/// The description of a data set.
pub const DATASET_FILE: &str = "dataset.json";
/// The folders of a data set, of the Decathlon and of nnU-Net.
pub(super) const DATASET_FOLDERS: [&str; 4] = ["imagesTr", "labelsTr", "imagesTs", "labelsTs"];

/// The absolute path with all links resolved, as far as it exists.
pub(super) fn canonical(path: impl AsRef<Path>) -> PathBuf {
    let path = std::path::absolute(&path).unwrap_or_else(|_| path.as_ref().to_owned());
    for existing in path.ancestors() {
        let (Ok(real), Ok(rest)) = (fs::canonicalize(existing), path.strip_prefix(existing)) else { continue };
        let mut whole = real;
        for part in rest.components() {
            match part {
                Component::ParentDir => _ = whole.pop(),
                part => whole.push(part),
            }
        }
        return whole;
    }
    path
}

/// The run folder, or the folder of prepared cases, that contains a folder. Links must be resolved.
pub(super) fn run_of(folder: &Path) -> Option<PathBuf> {
    let has = |folder: &Path, names: &[&str]| names.iter().all(|name| folder.join(name).is_file());
    let is_run = |folder: &&Path| {
        has(folder, &["plan.toml", "plan.input.toml", "manifest.json"])
            || (folder.file_name().is_some_and(|name| name == "prepared") && has(folder, &["files.json"]))
    };
    folder.ancestors().find(is_run).map(Path::to_owned)
}

/// The data set that contains a folder, or is the folder. Links must be resolved.
pub(super) fn dataset_of(folder: &Path) -> Option<PathBuf> {
    let is_part =
        |folder: &Path| folder.file_name().is_some_and(|name| DATASET_FOLDERS.iter().any(|part| name == *part));
    let is_whole = |folder: &Path| {
        DATASET_FOLDERS.iter().any(|part| folder.join(part).is_dir()) || describes_images(&folder.join(DATASET_FILE))
    };
    let found = folder.ancestors().find(|folder| is_part(folder) || is_whole(folder))?;
    let whole = found.parent().filter(|_| is_part(found)).unwrap_or(found);
    Some(whole.to_owned())
}

/// Whether a description lists an image that exists relative to it; nnU-Net keeps copies of descriptions without
/// images.
fn describes_images(description: &Path) -> bool {
    let text = fs::read_to_string(description).unwrap_or_default();
    let Ok(Value::Object(entries)) = serde_json::from_str(&text) else { return false };
    let listed = ["training", "test", "dataset"].iter().filter_map(|key| first_image(entries.get(*key)?));
    listed.map(|image| description.with_file_name("").join(image)).any(|path| path.exists())
}

fn first_image(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => is_image_name(text).then_some(text),
        Value::Array(values) => values.iter().find_map(first_image),
        Value::Object(values) => values.values().find_map(first_image),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
