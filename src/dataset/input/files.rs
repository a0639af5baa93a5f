//! The files of one case.

use std::path::{Path, PathBuf};

use crate::dataset::case::{Case, CaseId};
use crate::dataset::input::error::InputError;
use crate::dataset::listing::split_channel;
use crate::volume::io::format::split_ending;
use crate::volume::io::read_header;

/// The case of some files: one per channel, or one with all channels. Its identifier is the name of the first file without the channel
/// number 0. `locate` turns a path as written into the path of the file.
pub(super) fn case_of_files(
    files: &[PathBuf],
    channels: &[String],
    locate: impl Fn(&Path) -> PathBuf,
) -> Result<Case, InputError> {
    let wrong_count = || InputError::Channels { channels: channels.to_vec(), files: files.len() };
    if files.is_empty() || (files.len() != channels.len() && files.len() != 1) {
        return Err(wrong_count());
    }
    let images: Vec<PathBuf> = files.iter().map(|file| locate(file)).collect();
    for path in &images {
        if stem(path).is_none() {
            return Err(InputError::NoImage(path.clone()));
        }
        if !path.is_file() {
            return Err(InputError::Missing(path.clone()));
        }
    }
    // One file may contain all channels; what it contains is read from its header.
    if channels.len() > 1 && images.len() == 1 && read_header(&images[0])?.channels != channels.len() {
        return Err(wrong_count());
    }
    let stem = stem(&images[0]).unwrap_or_default();
    let id = split_channel(&stem).filter(|(_, channel)| *channel == 0).map_or(stem.as_str(), |(case, _)| case);
    Ok(Case { id: CaseId(id.to_owned()), images, labels: None })
}

/// The name of an image without its ending.
fn stem(path: &Path) -> Option<String> {
    Some(split_ending(path.file_name()?.to_str()?)?.stem.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The identifier of a case of these empty files, or the refusal.
    fn id_of(names: &[&str], channels: &[&str]) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = names.iter().map(|name| folder.path().join(name)).collect();
        files.iter().filter(|file| !file.ends_with("absent.nii")).for_each(|file| fs::write(file, b"").unwrap());
        let channels: Vec<String> = channels.iter().map(|&name| name.to_owned()).collect();
        let shown = format!("{}/", folder.path().display());
        case_of_files(&files, &channels, Path::to_owned)
            .map(|case| case.id.0)
            .map_err(|error| error.to_string().replace(&shown, ""))
    }

    #[test]
    fn the_name_of_the_first_file_without_its_channel_number_is_the_case() {
        let id = |names: &[&str], channels: &[&str]| id_of(names, channels).unwrap();
        assert_eq!(id(&["a_0000.nii.gz"], &["CT"]), "a");
        assert_eq!(id(&["patient_2021.nii.gz"], &["CT"]), "patient_2021");
        assert_eq!(id(&["b_0000.nii.gz", "b_0001.nii"], &["T1", "T2"]), "b");
        assert_eq!(id(&["t1.NII.GZ", "t2.nii"], &["T1", "T2"]), "t1");
    }

    #[test]
    fn files_that_are_not_the_channels_are_refused_with_an_example() {
        let refused = |names: &[&str], channels: &[&str]| id_of(names, channels).unwrap_err();
        insta::assert_snapshot!(refused(&["a.nii", "b.nii", "c.nii"], &["T1", "T2"]), @"the model has 2 channels (`T1`, `T2`), and 3 files are given; expected one file per channel in this order, such as `--input case_0000.nii.gz --input case_0001.nii.gz`, or one file with all channels");
        insta::assert_snapshot!(refused(&["a.nii", "b.nii"], &["CT"]), @"the model has 1 channel (`CT`), and 2 files are given; expected one file per channel in this order, such as `--input case_0000.nii.gz`, or one file with all channels");
        insta::assert_snapshot!(refused(&["a.txt"], &["CT"]), @"`a.txt` is no image: expected a name that ends in `.nii.gz` or `.nii`; a list of cases is named by `--input-list`");
        insta::assert_snapshot!(refused(&["absent.nii"], &["CT"]), @"`absent.nii` does not exist; expected a folder of images, or an image");
    }
}
