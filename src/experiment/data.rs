//! Where the data set of a plan is, and the built-in one when it is absent. Cases that the plan leaves out are left out here.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::dataset::phantom::{self, PhantomConfig};
use crate::dataset::{DESCRIPTION, Dataset, DatasetError, UnknownCase, scan};
use crate::experiment::events::Events;
use crate::plan::read::LoadedPlan;
use crate::plan::rules::published::archive;
use crate::plan::schema::{Generator, Plan};

/// The data set of a plan cannot be used.
#[derive(Debug, Error)]
pub enum DataError {
    /// It is in none of the folders.
    #[error(
        "data set `{name}` is not in {}{}; {}, or name the folder that holds it: `--set 'runtime.data=[\"FOLDER\"]'`",
        folders.iter().map(|folder| format!("`{}`", folder.display())).collect::<Vec<_>>().join(" nor in "),
        if *beside { ", in the working folder or beside the plan" } else { "" },
        way_to(name, folders)
    )]
    Absent {
        /// Name of the data set.
        name: String,
        /// Where it was looked for.
        folders: Vec<PathBuf>,
        /// Whether it was looked for beside the plan's file, too.
        beside: bool,
    },
    /// There is no folder to look in.
    #[error("`runtime.data` names no folder; expected at least one, such as `[\"data\"]`")]
    NoFolder,
    /// The folder is not a data set.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The plan leaves out a case that the data set does not have.
    #[error("{0}; correct `data.exclude` in the plan")]
    Exclude(#[from] UnknownCase),
    /// The data set is not the one that the plan was made for.
    #[error("data set `{name}` does not fit the plan: {reason}; plan it anew with `segplan plan`")]
    Mismatch {
        /// Name of the data set.
        name: String,
        /// What differs.
        reason: String,
    },
}

/// What to do about a data set that is absent.
fn way_to(name: &str, folders: &[PathBuf]) -> String {
    let Some((archive, folder)) = archive(name).zip(folders.first()) else { return "put its folder there".to_owned() };
    let description = folder.join(name).join("dataset.json");
    format!(
        "it is part of the Medical Segmentation Decathlon: get {archive} and unpack it there, so that `{}` exists",
        description.display()
    )
}

/// The data set of a plan, without the cases that it leaves out; made, where it is the phantom and absent.
///
/// # Errors
///
/// When it is nowhere, cannot be understood, or has other channels or labels than the plan.
pub fn find(loaded: &LoadedPlan, events: &dyn Events) -> Result<Dataset, DataError> {
    fitting(&loaded.plan, locate(loaded, events)?)
}

/// The data set of a plan where it is on disk; nothing is made.
///
/// # Errors
///
/// When it cannot be understood, or has other channels or labels than the plan.
pub fn present(loaded: &LoadedPlan) -> Result<Option<Dataset>, DataError> {
    place(loaded).map(|folder| fitting(&loaded.plan, used(&loaded.plan, &folder)?)).transpose()
}

/// The folder of a plan's data set: the first of those where it is looked for that has it.
///
/// A phantom whose making was stopped has no description yet, and is made anew.
pub fn place(loaded: &LoadedPlan) -> Option<PathBuf> {
    let data = &loaded.plan.data;
    let is_whole = |folder: &PathBuf| match data.generator {
        Generator::None => folder.is_dir(),
        Generator::Phantom => folder.join(DESCRIPTION).is_file(),
    };
    let mut here = loaded.plan.runtime.data.iter().map(|folder| folder.join(&data.dataset));
    here.find(is_whole).or_else(|| place_beside(loaded))
}

/// The same, whatever the working folder is: looked for in the folders of `runtime.data` in the folder of the plan's file and in
/// the one around that, then in the folder of the plan's file itself.
///
/// The built-in data set is made where it is absent, and so is looked for in the working folder alone.
pub fn place_beside(loaded: &LoadedPlan) -> Option<PathBuf> {
    let plan = &loaded.plan;
    let file = loaded.file().and_then(|file| std::path::absolute(file).ok());
    let own = file.as_deref().and_then(Path::parent).filter(|_| plan.data.generator == Generator::None)?;
    let bases = std::iter::once(own).chain(own.parent());
    let in_bases = bases.flat_map(|base| plan.runtime.data.iter().map(move |folder| base.join(folder)));
    let folders = in_bases.chain(std::iter::once(own.to_owned()));
    folders.map(|folder| folder.join(&plan.data.dataset)).find(|folder| folder.join(DESCRIPTION).is_file())
}

/// The data set in a folder, without the cases that a plan leaves out.
fn used(plan: &Plan, folder: &Path) -> Result<Dataset, DataError> {
    Ok(scan(folder)?.without(&plan.data.exclude)?)
}

/// A data set that has the channels and labels of a plan.
fn fitting(plan: &Plan, dataset: Dataset) -> Result<Dataset, DataError> {
    let mismatch = |reason| Err(DataError::Mismatch { name: dataset.name.clone(), reason });
    if dataset.channels != plan.data.channels {
        return mismatch(format!("its channels are {:?}, the plan's are {:?}", dataset.channels, plan.data.channels));
    }
    if !dataset.labels.keys().eq(plan.data.labels.keys()) {
        return mismatch(format!("its labels are {:?}, the plan's are {:?}", dataset.labels, plan.data.labels));
    }
    Ok(dataset)
}

/// The same as [`find`], whatever the channels and labels are.
///
/// # Errors
///
/// When it is nowhere, or cannot be understood.
pub fn locate(loaded: &LoadedPlan, events: &dyn Events) -> Result<Dataset, DataError> {
    let folder = place(loaded).map_or_else(|| make(loaded, events), Ok)?;
    used(&loaded.plan, &folder)
}

fn make(loaded: &LoadedPlan, events: &dyn Events) -> Result<PathBuf, DataError> {
    let plan = &loaded.plan;
    let folder = plan.runtime.data.first().ok_or(DataError::NoFolder)?.join(&plan.data.dataset);
    match plan.data.generator {
        Generator::None => Err(DataError::Absent {
            name: plan.data.dataset.clone(),
            folders: plan.runtime.data.clone(),
            beside: loaded.file().is_some(),
        }),
        Generator::Phantom => {
            // Cases that are left out are not counted in the plan.
            let cases = plan.data.cases + plan.data.exclude.len();
            let config = PhantomConfig { cases, ..PhantomConfig::default() };
            events.begin("making the phantom", config.cases);
            let made = phantom::make(&folder, &config, false, &|| events.advance());
            events.end();
            made?;
            Ok(folder)
        }
    }
}
