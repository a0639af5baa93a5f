//! Results folders of nnU-Net v2.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::nnunet::checkpoint::Checkpoint;
use crate::nnunet::dataset_file::DatasetFile;
use crate::nnunet::model::error::ModelError;
use crate::store::read_text;

/// Name of the checkpoint after the last epoch.
pub const FINAL_CHECKPOINT: &str = "checkpoint_final.pth";
pub(super) const PLANS: &str = "plans.json";
pub(super) const DATASET: &str = "dataset.json";
const FOLD: &str = "fold_";
/// Folders that are searched in each other: data sets, and models in them.
const DEPTH: usize = 2;

/// One trained configuration: a folder such as `nnUNetTrainer__nnUNetPlans__3d_fullres`.
#[derive(Clone, Debug)]
pub(super) struct ModelFolder {
    pub(super) path: PathBuf,
    pub(super) plans: Value,
    pub(super) dataset: DatasetFile,
    /// Checkpoints by fold; at least one.
    pub(super) folds: BTreeMap<usize, PathBuf>,
    /// nnU-Net's name of the configuration.
    pub(super) configuration: String,
    /// Class that trained it.
    pub(super) trainer: String,
    /// Axes along which predictions may be mirrored, in nnU-Net's order of the patch's axes.
    pub(super) mirror_axes: Vec<usize>,
    /// Notes for the user.
    pub(super) notes: Vec<String>,
}

impl ModelFolder {
    /// Reads a folder, and the first of its checkpoints of this name.
    pub(super) fn read(path: &Path, checkpoint: &str) -> Result<Self, ModelError> {
        let mut notes = Vec::new();
        let folds = find_folds(path, checkpoint, &mut notes)?;
        let Some(first) = folds.values().next() else {
            return Err(ModelError::NoModel(path.to_owned()));
        };
        // nnU-Net, too, takes these from the first fold.
        let Checkpoint { configuration, trainer, mirror_axes, .. } = Checkpoint::read(first)?;
        let (plans, dataset) = (read_json(&path.join(PLANS))?, read_json(&path.join(DATASET))?);
        let mirror_axes = mirror_axes.unwrap_or_default();
        Ok(Self { path: path.to_owned(), plans, dataset, folds, configuration, trainer, mirror_axes, notes })
    }
}

/// All results folders in a folder, sorted: the folder itself, or folders in it.
pub(super) fn find_model_folders(path: &Path) -> Result<Vec<PathBuf>, ModelError> {
    let mut found = Vec::new();
    search(path, DEPTH, &mut found);
    found.sort();
    if found.is_empty() { Err(ModelError::NoModel(path.to_owned())) } else { Ok(found) }
}

/// Whether a path is a results folder, contains some, or is an archive of some.
pub fn is_model(path: &Path) -> bool {
    is_archive(path) || find_model_folders(path).is_ok()
}

/// Whether a path is a file that a model may be packed in.
pub(super) fn is_archive(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip"))
}

fn search(path: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let folders = subfolders(path);
    let has_folds = folders.iter().any(|folder| folder_name(folder).starts_with(FOLD));
    if has_folds && path.join(PLANS).is_file() && path.join(DATASET).is_file() {
        found.push(path.to_owned());
    } else if depth > 0 {
        for folder in &folders {
            search(folder, depth - 1, found);
        }
    }
}

fn subfolders(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn folder_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Checkpoints by fold. Notes folds without one.
fn find_folds(path: &Path, checkpoint: &str, notes: &mut Vec<String>) -> Result<BTreeMap<usize, PathBuf>, ModelError> {
    let mut folds = BTreeMap::new();
    let mut without = Vec::new();
    let mut has_all = false;
    for folder in subfolders(path) {
        let name = folder_name(&folder);
        let Some(fold) = name.strip_prefix(FOLD) else { continue };
        match fold.parse::<usize>() {
            Ok(fold) if folder.join(checkpoint).is_file() => _ = folds.insert(fold, folder.join(checkpoint)),
            Ok(_) => without.push(name),
            Err(_) => has_all |= fold == "all",
        }
    }
    if folds.is_empty() {
        let reason = match (without.as_slice(), has_all) {
            ([], true) => {
                "has only `fold_all`, which was trained on all cases, and segplan's folds are numbered; rename it to \
                           `fold_0` to import it"
                    .to_owned()
            }
            ([], false) => "has no folder `fold_0`".to_owned(),
            (names, _) => format!(
                "has no `{checkpoint}` in {}; `--checkpoint checkpoint_best.pth` imports the best one, if it exists",
                names.join(", ")
            ),
        };
        return Err(ModelError::File { path: path.to_owned(), reason });
    }
    notes.extend(without.into_iter().map(|name| format!("`{name}` has no `{checkpoint}`, and is left out")));
    let missing: Vec<String> = (0..=*folds.keys().max().unwrap_or(&0))
        .filter(|fold| !folds.contains_key(fold) && !path.join(format!("{FOLD}{fold}")).exists())
        .map(|fold| format!("`{FOLD}{fold}`"))
        .collect();
    if !missing.is_empty() {
        notes.push(format!("{} missing", missing.join(", ")));
    }
    if has_all {
        notes.push("`fold_all` is left out: the numbered folds are imported".to_owned());
    }
    Ok(folds)
}

/// Reads a JSON file of a model.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, ModelError> {
    let text = read_text(path)?;
    serde_json::from_str(&text)
        .map_err(|error| ModelError::File { path: path.to_owned(), reason: format!("is damaged: {error}") })
}
