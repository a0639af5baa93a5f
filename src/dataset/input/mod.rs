//! The images to predict: a folder, the files of one case, or a list of cases.
//!
//! Input: paths and the channels of a model. Output: cases without labels.

mod error;
mod files;
mod list;

use std::path::{Path, PathBuf};

pub use self::error::InputError;

use self::files::case_of_files;
use self::list::cases_of_list;
use crate::dataset::images::{ImageFolder, find_cases};

/// Images to predict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// All images of a folder.
    Folder(PathBuf),
    /// The files of one case: one per channel in the model's order, or one with all channels.
    Files(Vec<PathBuf>),
    /// A text file with one case per line.
    List(PathBuf),
}

impl Input {
    /// The input that some paths are: a single folder, or files.
    ///
    /// # Errors
    ///
    /// If a path does not exist, or a folder is not the only path.
    pub fn of_paths(paths: &[PathBuf]) -> Result<Self, InputError> {
        if let Some(missing) = paths.iter().find(|path| !path.exists()) {
            return Err(InputError::Missing(missing.clone()));
        }
        match paths {
            [folder] if folder.is_dir() => Ok(Self::Folder(folder.clone())),
            files => match files.iter().find(|path| path.is_dir()) {
                Some(folder) => Err(InputError::FolderAmongFiles(folder.clone())),
                None => Ok(Self::Files(files.to_vec())),
            },
        }
    }

    /// Files and folders that are read, besides the images.
    pub fn paths(&self) -> &[PathBuf] {
        match self {
            Self::Folder(path) | Self::List(path) => std::slice::from_ref(path),
            Self::Files(_) => &[],
        }
    }

    /// Finds the cases. `channels` are the names of the model's channels.
    ///
    /// # Errors
    ///
    /// If there is no image, or the files of a case are not those of the channels.
    pub fn find(&self, channels: &[String]) -> Result<ImageFolder, InputError> {
        let cases = match self {
            Self::Folder(folder) => return Ok(find_cases(folder, channels.len())?),
            Self::Files(files) => vec![case_of_files(files, channels, Path::to_owned)?],
            Self::List(list) => cases_of_list(list, channels)?,
        };
        Ok(ImageFolder { cases, unusable: Vec::new(), others: Vec::new(), notes: Vec::new() })
    }
}
