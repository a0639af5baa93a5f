//! The data set of a plan: where it is found, and the phantom if it has to be generated. Cases that the plan excludes are left
//! out.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::dataset::phantom::{self, PhantomConfig};
use crate::dataset::{DESCRIPTION, Dataset, DatasetError, UnknownCase, scan};
use crate::plan::read::LoadedPlan;
use crate::plan::rules::published::archive;
use crate::plan::schema::{Generator, Plan};
use crate::run::listener::Listener;

/// The data set of a plan cannot be used.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the message names the data set and the cause")]
pub enum DataError {
    #[error(
        "data set `{name}` is not in {}{}; {}, or name the folder that contains it: `--set 'runtime.data=[\"FOLDER\"]'`",
        folders.iter().map(|folder| format!("`{}`", folder.display())).collect::<Vec<_>>().join(" nor in "),
        if *beside { ", neither in the working directory nor beside the plan" } else { "" },
        how_to_get(name, folders)
    )]
    Missing {
        name: String,
        folders: Vec<PathBuf>,
        /// Whether it was also looked for beside the plan's file.
        beside: bool,
    },
    #[error("`runtime.data` is empty; expected at least one folder, such as `[\"data\"]`")]
    NoFolder,
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    #[error("{0}; correct `data.exclude` in the plan")]
    Exclude(#[from] UnknownCase),
    #[error("data set `{name}` does not match the plan: {reason}; make a new plan with `segplan plan`")]
    Mismatch { name: String, reason: String },
}

/// Where a missing data set comes from.
fn how_to_get(name: &str, folders: &[PathBuf]) -> String {
    let Some((archive, folder)) = archive(name).zip(folders.first()) else { return "put its folder there".to_owned() };
    let description = folder.join(name).join("dataset.json");
    format!(
        "it is part of the Medical Segmentation Decathlon: get {archive} and unpack it there, so that `{}` exists",
        description.display()
    )
}

/// Finds the data set of a plan; generates the phantom if that is missing.
///
/// # Errors
///
/// If it is missing, invalid, or has other channels or labels than the plan.
pub fn find_dataset(loaded: &LoadedPlan, listener: &dyn Listener) -> Result<Dataset, DataError> {
    check_match(&loaded.plan, find_any_dataset(loaded, listener)?)
}

/// Finds the data set of a plan if it exists; generates nothing.
///
/// # Errors
///
/// If it is invalid, or has other channels or labels than the plan.
pub fn find_existing_dataset(loaded: &LoadedPlan) -> Result<Option<Dataset>, DataError> {
    dataset_folder(loaded).map(|folder| check_match(&loaded.plan, scan_included(&loaded.plan, &folder)?)).transpose()
}

/// Like [`find_dataset`], but accepts other channels and labels than the plan's.
///
/// # Errors
///
/// If it is missing or invalid.
pub fn find_any_dataset(loaded: &LoadedPlan, listener: &dyn Listener) -> Result<Dataset, DataError> {
    let folder = dataset_folder(loaded).map_or_else(|| generate(loaded, listener), Ok)?;
    scan_included(&loaded.plan, &folder)
}

/// The folder of a plan's data set: the first folder of `runtime.data` that contains it, else a folder beside the plan.
///
/// A phantom without description was interrupted while it was generated, and does not count.
pub fn dataset_folder(loaded: &LoadedPlan) -> Option<PathBuf> {
    let data = &loaded.plan.data;
    let is_complete = |folder: &PathBuf| match data.generator {
        Generator::None => folder.is_dir(),
        Generator::Phantom => folder.join(DESCRIPTION).is_file(),
    };
    let mut candidates = loaded.plan.runtime.data.iter().map(|folder| folder.join(&data.dataset));
    candidates.find(is_complete).or_else(|| dataset_folder_beside(loaded))
}

/// The folder of a plan's data set relative to the plan's file: in the folders of `runtime.data` within the file's folder or its
/// parent, else in the file's folder itself.
///
/// Returns `None` for a phantom, which is generated in the working directory.
pub fn dataset_folder_beside(loaded: &LoadedPlan) -> Option<PathBuf> {
    let plan = &loaded.plan;
    let file = loaded.file().and_then(|file| std::path::absolute(file).ok());
    let own = file.as_deref().and_then(Path::parent).filter(|_| plan.data.generator == Generator::None)?;
    let bases = std::iter::once(own).chain(own.parent());
    let in_bases = bases.flat_map(|base| plan.runtime.data.iter().map(move |folder| base.join(folder)));
    let folders = in_bases.chain(std::iter::once(own.to_owned()));
    folders.map(|folder| folder.join(&plan.data.dataset)).find(|folder| folder.join(DESCRIPTION).is_file())
}

fn scan_included(plan: &Plan, folder: &Path) -> Result<Dataset, DataError> {
    Ok(scan(folder)?.without(&plan.data.exclude)?)
}

/// Checks that a data set has the channels and labels of a plan.
fn check_match(plan: &Plan, dataset: Dataset) -> Result<Dataset, DataError> {
    let mismatch = |reason| Err(DataError::Mismatch { name: dataset.name.clone(), reason });
    if dataset.channels != plan.data.channels {
        return mismatch(format!("its channels are {:?}, the plan's are {:?}", dataset.channels, plan.data.channels));
    }
    if !dataset.labels.keys().eq(plan.data.labels.keys()) {
        return mismatch(format!("its labels are {:?}, the plan's are {:?}", dataset.labels, plan.data.labels));
    }
    Ok(dataset)
}

fn generate(loaded: &LoadedPlan, listener: &dyn Listener) -> Result<PathBuf, DataError> {
    let plan = &loaded.plan;
    let folder = plan.runtime.data.first().ok_or(DataError::NoFolder)?.join(&plan.data.dataset);
    match plan.data.generator {
        Generator::None => Err(DataError::Missing {
            name: plan.data.dataset.clone(),
            folders: plan.runtime.data.clone(),
            beside: loaded.file().is_some(),
        }),
        Generator::Phantom => {
            // `data.cases` does not count excluded cases.
            let cases = plan.data.cases + plan.data.exclude.len();
            let config = PhantomConfig { cases, ..PhantomConfig::default() };
            listener.begin("generating phantom data", config.cases);
            let generated = phantom::generate(&folder, &config, false, &|| listener.advance());
            listener.end();
            generated?;
            Ok(folder)
        }
    }
}
