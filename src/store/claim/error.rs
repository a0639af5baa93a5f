//! Reasons why files may not be written.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use crate::store::error::StoreError;
use crate::units::{agree, counted};

/// Maximum number of files in a message.
const LISTED_FILES: usize = 3;

/// Files may not or cannot be written.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the message of each variant describes its fields")]
pub enum ClaimError {
    /// Files exist that segplan did not write.
    #[error("{}; choose another path, or replace {} with `--overwrite`", .0, agree(.0.files.len(), "it", "them"))]
    Exists(ForeignFiles),
    /// A folder exists at the path of a file.
    #[error("`{}` is a folder; choose the path of a file", .0.display())]
    Folder(PathBuf),
    /// The files would replace inputs, or be mixed with them.
    #[error("`{}` is an input, or lies in a folder of inputs, and nothing is written into it; choose another path", .0.display())]
    Input(PathBuf),
    /// The files would be mixed with a data set.
    #[error(
        "`{}` is in the data set `{}`, and nothing is written into a data set; choose another path",
        output.display(),
        dataset.display()
    )]
    Dataset { output: PathBuf, dataset: PathBuf },
    /// The files would be mixed with a run, or with its preprocessed cases.
    #[error(
        "`{}` is in `{}`, a folder of `segplan run`, and nothing is written into it by other commands; choose another path",
        output.display(),
        run.display()
    )]
    Run { output: PathBuf, run: PathBuf },
    /// A data set would be mixed with other outputs.
    #[error("`{}` contains other files that segplan wrote; choose an empty folder for the data set", .0.display())]
    Mixed(PathBuf),
    /// Two files would have the same name.
    #[error("two inputs would be written as `{}`; rename one of them", .0.display())]
    Twice(PathBuf),
    /// The folder cannot be read or written.
    #[error("{0}; choose another path, or correct this one")]
    Store(#[from] StoreError),
}

/// Existing files that are not segplan's outputs in their present state.
#[derive(Debug)]
pub struct ForeignFiles {
    pub(super) files: Vec<ForeignFile>,
}

/// One such file.
#[derive(Debug)]
pub(super) struct ForeignFile {
    pub(super) path: PathBuf,
    /// Whether segplan wrote a file of this name once, which was changed since.
    pub(super) was_written: bool,
}

impl fmt::Display for ForeignFiles {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = |ForeignFile { path, was_written }: &ForeignFile| {
            let why = if *was_written { "has been changed since segplan wrote it" } else { "exists already" };
            format!("`{}` {why}", path.display())
        };
        let listed: Vec<String> = self.files.iter().take(LISTED_FILES).map(sentence).collect();
        write!(out, "{}", listed.join(", "))?;
        match self.files.len().saturating_sub(LISTED_FILES) {
            0 => Ok(()),
            more => write!(out, " (and {})", counted(more, "more file")),
        }
    }
}
