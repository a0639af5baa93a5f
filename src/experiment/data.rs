//! Where the data set of a plan is, and the built-in one when it is absent.

use std::path::PathBuf;

use thiserror::Error;

use crate::dataset::phantom::{self, PhantomConfig};
use crate::dataset::{DESCRIPTION, Dataset, DatasetError, scan};
use crate::experiment::events::Events;
use crate::plan::published::archive;
use crate::plan::schema::{Generator, Plan};

/// The data set of a plan cannot be used.
#[derive(Debug, Error)]
pub enum DataError {
    /// It is in none of the folders.
    #[error(
        "data set `{name}` is not in {}; {}, or name the folder that holds it: `--set 'runtime.data=[\"FOLDER\"]'`",
        folders.iter().map(|folder| format!("`{}`", folder.display())).collect::<Vec<_>>().join(" nor in "),
        way_to(name, folders)
    )]
    Absent {
        /// Name of the data set.
        name: String,
        /// Where it was looked for.
        folders: Vec<PathBuf>,
    },
    /// There is no folder to look in.
    #[error("`runtime.data` names no folder; expected at least one, such as `[\"data\"]`")]
    NoFolder,
    /// The folder is not a data set.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
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

/// The data set of a plan, found in one of the folders of `runtime.data`; made, where it is the phantom and absent.
///
/// # Errors
///
/// When it is nowhere, cannot be understood, or has other channels or labels than the plan.
pub fn find(plan: &Plan, events: &dyn Events) -> Result<Dataset, DataError> {
    fitting(plan, locate(plan, events)?)
}

/// The data set of a plan where it is on disk; nothing is made.
///
/// # Errors
///
/// When it cannot be understood, or has other channels or labels than the plan.
pub fn present(plan: &Plan) -> Result<Option<Dataset>, DataError> {
    place(plan).map(|folder| fitting(plan, scan(&folder)?)).transpose()
}

/// The folder of a plan's data set: the first of `runtime.data` that has it; none where it is in none of them.
///
/// A phantom whose making was stopped has no description yet, and is made anew.
fn place(plan: &Plan) -> Option<PathBuf> {
    let is_whole = |folder: &PathBuf| match plan.data.generator {
        Generator::None => folder.is_dir(),
        Generator::Phantom => folder.join(DESCRIPTION).is_file(),
    };
    plan.runtime.data.iter().map(|folder| folder.join(&plan.data.dataset)).find(is_whole)
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

/// The same, whatever its channels and labels are.
///
/// # Errors
///
/// When it is nowhere, or cannot be understood.
pub fn locate(plan: &Plan, events: &dyn Events) -> Result<Dataset, DataError> {
    let folder = place(plan).map_or_else(|| make(plan, events), Ok)?;
    Ok(scan(&folder)?)
}

fn make(plan: &Plan, events: &dyn Events) -> Result<PathBuf, DataError> {
    let folder = plan.runtime.data.first().ok_or(DataError::NoFolder)?.join(&plan.data.dataset);
    match plan.data.generator {
        Generator::None => {
            Err(DataError::Absent { name: plan.data.dataset.clone(), folders: plan.runtime.data.clone() })
        }
        Generator::Phantom => {
            let config = PhantomConfig { cases: plan.data.cases, ..PhantomConfig::default() };
            events.begin("making the phantom", config.cases);
            let made = phantom::make(&folder, &config, false, &|| events.advance());
            events.end();
            made?;
            Ok(folder)
        }
    }
}
