//! A plain folder of images to predict: which files belong to which case.
//!
//! Input: a folder and the number of channels. Output: cases without labels. Every file of the folder is a case's, or
//! reported.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::dataset::case::{Case, CaseId};
use crate::dataset::listing::{File, Listing, file_names, split_channel};
use crate::volume::io::format::endings_text;
use crate::volume::io::read_header;

/// A folder of images cannot be used.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the message of each variant describes its fields")]
pub enum ImagesError {
    /// The folder cannot be read.
    #[error("cannot read the folder `{}`: {source}", folder.display())]
    Io { folder: PathBuf, source: io::Error },
    /// The folder contains no images.
    #[error("`{}` contains no images; expected files that end in {}{}", folder.display(), endings_text(), instead(others))]
    Empty { folder: PathBuf, others: Vec<PathBuf> },
}

fn instead(others: &[PathBuf]) -> String {
    if others.is_empty() { String::new() } else { format!("; it contains {}", file_names(others)) }
}

/// The files of a folder of images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFolder {
    /// The cases, sorted by identifier.
    pub cases: Vec<Case>,
    /// Image files that cannot be used, each with the reason as the end of a sentence.
    pub unusable: Vec<(PathBuf, String)>,
    /// Files that are no images.
    pub others: Vec<PathBuf>,
    /// How ambiguous names were interpreted.
    pub notes: Vec<String>,
}

/// Finds the cases of a folder of images with this number of channels.
///
/// Files are named as in nnU-Net, `CASE_0000` and so on for each channel, or there is one file per case with all
/// channels. Four digits at the end of a name are a channel number only if the case's files have the names of all
/// channels: `patient_2021` is a case, and so is each of `scan_0001` to `scan_0009` if there is one channel.
///
/// # Errors
///
/// If the folder cannot be read, or contains no images.
pub fn find_cases(folder: &Path, channels: usize) -> Result<ImageFolder, ImagesError> {
    let listing = Listing::of(folder).map_err(|source| ImagesError::Io { folder: folder.to_owned(), source })?;
    let mut images =
        ImageFolder { cases: Vec::new(), unusable: listing.unreadable, others: listing.others, notes: Vec::new() };
    if listing.files.is_empty() && images.unusable.is_empty() {
        return Err(ImagesError::Empty { folder: folder.to_owned(), others: images.others });
    }
    let mut groups = BTreeMap::<String, Vec<File>>::new();
    for file in listing.files {
        let case = split_channel(&file.stem).map_or(file.stem.as_str(), |(case, _)| case).to_owned();
        groups.entry(case).or_default().push(file);
    }
    for (case, files) in groups {
        images.add_group(&case, files, channels);
    }
    images.cases.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(images)
}

impl ImageFolder {
    /// Adds the files whose names are a case identifier, with or without a channel number.
    fn add_group(&mut self, case: &str, files: Vec<File>, channels: usize) {
        let (whole, numbered): (Vec<File>, Vec<File>) = files.into_iter().partition(|file| file.stem == case);
        let numbers: Vec<usize> = numbered.iter().filter_map(|file| Some(split_channel(&file.stem)?.1)).collect();
        let is_each_channel = numbers.iter().copied().eq(0..channels);
        let is_name =
            |file: &File| channels == 1 || read_header(&file.path).is_ok_and(|header| header.channels == channels);
        let parts = if is_each_channel {
            vec![(case.to_owned(), numbered)]
        } else if numbered.iter().all(is_name) {
            // No channel numbers, but case identifiers that end in digits.
            if numbers.contains(&0) {
                let example = &numbered[0].stem;
                self.notes.push(format!("each file `{case}_…` counts as one case, such as `{example}`"));
            }
            numbered.into_iter().map(|file| (file.stem.clone(), vec![file])).collect()
        } else {
            let missing = (0..channels).find(|channel| !numbers.contains(channel));
            let reason = match missing {
                Some(channel) => {
                    format!("belongs to a case that lacks channel {channel}: `{case}_{channel:04}` does not exist")
                }
                None => format!("belongs to a case with more or other channels than the {channels} of the plan"),
            };
            self.unusable.extend(numbered.into_iter().map(|file| (file.path, reason.clone())));
            Vec::new()
        };
        let whole = whole.into_iter().map(|file| (case.to_owned(), vec![file]));
        for (id, files) in parts.into_iter().chain(whole) {
            self.add(CaseId(id), files.into_iter().map(|file| file.path).collect());
        }
    }

    fn add(&mut self, id: CaseId, images: Vec<PathBuf>) {
        match self.cases.iter().position(|case| case.id == id) {
            // Neither is used: which one is meant is unknown.
            Some(at) => {
                let first = self.cases.remove(at).images;
                for (these, others) in [(&first, &images), (&images, &first)] {
                    let reason = format!(
                        "is one of two images of case `{id}`, besides {}; remove or rename one",
                        file_names(others)
                    );
                    self.unusable.extend(these.iter().map(|path| (path.clone(), reason.clone())));
                }
            }
            None => self.cases.push(Case { id, images, labels: None }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder_of(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        folder
    }

    /// The cases of some files, each with its number of files, and the names of the unusable files.
    fn found_in(names: &[&str], channels: usize) -> (Vec<(String, usize)>, Vec<String>) {
        let images = find_cases(folder_of(names).path(), channels).unwrap();
        let cases = images.cases.iter().map(|case| (case.id.0.clone(), case.images.len())).collect();
        let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        (cases, images.unusable.iter().map(|(path, _)| name(path)).collect())
    }

    fn cases(expected: &[(&str, usize)]) -> Vec<(String, usize)> {
        expected.iter().map(|&(name, files)| (name.to_owned(), files)).collect()
    }

    #[test]
    fn channels_are_grouped_by_case() {
        let (found, unusable) = found_in(&["b_0001.nii.gz", "b_0000.nii.gz", "a.nii", "scan_12.nii.gz"], 2);
        assert_eq!(found, cases(&[("a", 1), ("b", 2), ("scan_12", 1)]));
        assert_eq!(unusable, Vec::<String>::new());
    }

    #[test]
    fn four_digits_are_a_channel_number_only_if_all_channels_exist() {
        let one = |names: &[&str]| found_in(names, 1);
        assert_eq!(one(&["patient_2021.nii.gz"]).0, cases(&[("patient_2021", 1)]));
        assert_eq!(one(&["a_0000.nii.gz", "b_0000.nii.gz"]).0, cases(&[("a", 1), ("b", 1)]));
        let numbered = ["PID_0000.nii.gz", "PID_0001.nii.gz", "PID_0002.nii.gz"];
        assert_eq!(one(&numbered).0, cases(&[("PID_0000", 1), ("PID_0001", 1), ("PID_0002", 1)]));
        assert_eq!(found_in(&numbered, 3).0, cases(&[("PID", 3)]));
        let (found, unusable) = found_in(&["b_0002.nii.gz", "b_0000.nii.gz"], 3);
        assert_eq!((found, unusable.len()), (Vec::new(), 2), "channel 1 is missing");
    }

    #[test]
    fn no_file_is_dropped_because_another_one_has_its_stem() {
        for names in [["a.nii", "a.nii.gz"], ["a.nii.gz", "a_0000.nii.gz"]] {
            let (found, unusable) = found_in(&names, 1);
            assert_eq!((found, unusable.len()), (Vec::new(), 2), "{names:?}");
        }
    }

    #[test]
    fn upper_case_endings_are_read_and_other_files_are_listed() {
        let names = ["A.NII.GZ", "b.hdr", "b.img", "c.mgh", ".e.nii", "._a.nii", ".git", "Thumbs.db", "d.nii.GZ"];
        let images = find_cases(folder_of(&names).path(), 1).unwrap();
        assert_eq!(images.cases.iter().map(|case| case.id.0.as_str()).collect::<Vec<_>>(), ["A", "d"]);
        assert_eq!(images.unusable.len(), 3, "{:?}", images.unusable);
        assert_eq!(images.others.len(), 1, "{:?}", images.others);
    }

    #[test]
    fn a_folder_without_images_is_refused_with_its_contents() {
        let refused = find_cases(folder_of(&["a.txt"]).path(), 1).unwrap_err().to_string();
        assert!(refused.contains("`a.txt`"), "{refused}");
    }
}
