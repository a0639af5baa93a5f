//! Trained models: the same parts, from a run folder or from a package.
//!
//! Input: a path, and a choice of configurations, folds and settings. Output: the plan, the networks and everything else that decides
//! a segmentation.

mod chosen;
mod package;
mod run;
mod source;

use std::path::Path;

pub(super) use self::chosen::{Choice, Model};
pub(super) use self::source::{Source, TrainedNetwork};

use crate::run::folder::RunFolder;
use crate::segment::error::SegmentError;
use crate::segment::package::Package;

/// Opens the model at a path: the run in a folder, or the package in a file.
pub(super) fn open_model(path: &Path) -> Result<Box<dyn Source>, SegmentError> {
    if path.is_file() {
        return Ok(Box::new(Package::open(path)?));
    }
    let folder = RunFolder { root: path.to_owned() };
    if !folder.resolved_plan().is_file() {
        return Err(SegmentError::NoModel(path.display().to_string()));
    }
    Ok(Box::new(folder))
}
