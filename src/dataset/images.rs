//! A plain folder of images without labels: what a trained network is asked to segment.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::dataset::{Case, CaseId};

/// A folder of images cannot be used.
#[derive(Debug, Error)]
pub enum ImagesError {
    /// The folder cannot be read.
    #[error("cannot read the folder `{}`: {source}", folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is nothing to segment.
    #[error("`{}` holds no image; expected files that end in `.nii.gz` or `.nii`", folder.display())]
    Empty {
        /// The folder.
        folder: PathBuf,
    },
    /// A case has some of its channels only.
    #[error("case `{case}` in `{}` lacks channel {channel:04}; expected `{case}_{channel:04}.nii.gz`", folder.display())]
    Channel {
        /// The folder.
        folder: PathBuf,
        /// The case.
        case: CaseId,
        /// The first missing channel.
        channel: usize,
    },
}

/// The cases of a folder of images, sorted by name.
///
/// Files are named as nnU-Net does, `CASE_0000.nii.gz` and so on for each channel, or one file a case, which then holds
/// all channels. Files that start with `._` are passed over.
///
/// # Errors
///
/// When the folder cannot be read or is empty, or when a case lacks one of the channels before its last.
pub fn images(folder: &Path) -> Result<Vec<Case>, ImagesError> {
    let fail = |source| ImagesError::Io { folder: folder.to_owned(), source };
    let mut found = BTreeMap::<CaseId, BTreeMap<usize, PathBuf>>::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let Some(stem) = stem(&path) else { continue };
        let (case, channel) = channel_of(stem);
        found.entry(CaseId(case.to_owned())).or_default().insert(channel, path.clone());
    }
    if found.is_empty() {
        return Err(ImagesError::Empty { folder: folder.to_owned() });
    }
    found
        .into_iter()
        .map(|(id, files)| match (0..).zip(files.keys()).find(|(expected, channel)| expected != *channel) {
            Some((channel, _)) => Err(ImagesError::Channel { folder: folder.to_owned(), case: id, channel }),
            None => Ok(Case { id, images: files.into_values().collect(), labels: None }),
        })
        .collect()
}

/// File name without `.nii` or `.nii.gz`; nothing for other files and for the `._` files of macOS archives.
pub fn stem(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    let stem = name.strip_suffix(".nii.gz").or_else(|| name.strip_suffix(".nii"))?;
    (!stem.starts_with("._")).then_some(stem)
}

fn channel_of(stem: &str) -> (&str, usize) {
    match stem.rsplit_once('_') {
        Some((case, digits)) if digits.len() == 4 => digits.parse().map_or((stem, 0), |channel| (case, channel)),
        _ => (stem, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_of(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        folder
    }

    #[test]
    fn channels_are_gathered_by_case_and_other_files_are_passed_over() {
        let folder = folder_of(&["b_0001.nii.gz", "b_0000.nii.gz", "a.nii", "._a.nii", "notes.txt", "scan_12.nii.gz"]);
        let cases = images(folder.path()).unwrap();
        let names: Vec<_> = cases.iter().map(|case| (case.id.0.as_str(), case.images.len())).collect();
        assert_eq!(names, [("a", 1), ("b", 2), ("scan_12", 1)]);
        assert!(cases[1].images[0].ends_with("b_0000.nii.gz"));
    }

    #[test]
    fn a_missing_channel_and_an_empty_folder_are_named() {
        let folder = folder_of(&["b_0002.nii.gz", "b_0000.nii.gz"]);
        assert!(images(folder.path()).unwrap_err().to_string().contains("`b_0001.nii.gz`"));
        assert!(matches!(images(folder_of(&["a.txt"]).path()), Err(ImagesError::Empty { .. })));
    }
}
