//! Why a run folder could not be read.

use std::path::PathBuf;

use thiserror::Error;

use crate::plan::read::PlanError;
use crate::run::RunFileError;
use crate::store::StoreError;
use crate::store::table::TableError;

/// A run folder could not be read.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the messages describe the fields")]
pub enum RecordError {
    #[error("`{}` is not a run: it has no `plan.toml`; create one with `segplan run PLAN`", .0.display())]
    NoRun(PathBuf),
    #[error("two of the runs are named `{0}`; list each run once, and give runs that are compared different names")]
    SameName(String),
    #[error(
        "`{}` has changed since these results were computed: {}; restore the file, or run the plan again, which explains the \
         alternatives",
        path.display(),
        networks.join(", ")
    )]
    EditedSplit { path: PathBuf, networks: Vec<String> },
    #[error("the saved plan: {0}")]
    Plan(#[from] Box<PlanError>),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    File(#[from] RunFileError),
}
