//! Files of a folder by their names: which of them are images, and which image they belong to.
//!
//! Input: a folder. Output: a [`Listing`] of it, or the cases of a plain folder of images, which is what a trained network is
//! asked to segment. Nothing is left out without a trace: what is no image is listed, too.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::dataset::{Case, CaseId};
use crate::volume::nifti::read_header;

/// Digits of the number of a channel at the end of a file's stem.
const CHANNEL_DIGITS: usize = 4;
/// Endings of the files that are read. The first one that fits is taken.
const READ: [&str; 2] = [".nii.gz", ".nii"];
/// Endings of images of other formats, which must not be skipped as if they were notes.
pub(super) const OTHER_IMAGES: [&str; 24] = [
    ".hdr", ".img", ".hdr.gz", ".img.gz", ".nii.bz2", ".nii.xz", ".nii.zst", ".nii.zip", ".nrrd", ".nhdr", ".mha",
    ".mhd", ".gipl", ".mgh", ".mgz", ".mnc", ".dcm", ".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".npz",
];
/// Files that operating systems leave in folders.
const LITTER: [&str; 2] = ["thumbs.db", "desktop.ini"];

/// The name of a file in two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// Without the ending.
    pub stem: &'a str,
    /// The ending with its dot, as written.
    pub ending: &'a str,
}

/// Splits a name at `.nii.gz` or `.nii`, in capital letters or not; `None` if it has another ending, or nothing else.
pub fn split_ending(name: &str) -> Option<Name<'_>> {
    let at = READ.iter().find_map(|ending| ends_with(name, ending)).filter(|&at| at > 0)?;
    Some(Name { stem: &name[..at], ending: &name[at..] })
}

/// Where an ending begins in a name that has it, in capital letters or not.
fn ends_with(name: &str, ending: &str) -> Option<usize> {
    let at = name.len().checked_sub(ending.len())?;
    name.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(ending)).then_some(at)
}

/// Splits a stem into the name of a case and the number of a channel, which has four digits; `None` if it has none.
pub(super) fn split_channel(stem: &str) -> Option<(&str, usize)> {
    let (case, digits) = stem.rsplit_once('_')?;
    let is_number = digits.len() == CHANNEL_DIGITS && digits.bytes().all(|digit| digit.is_ascii_digit());
    (is_number && !case.is_empty()).then(|| Some((case, digits.parse().ok()?)))?
}

/// A NIfTI file of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path.
    pub path: PathBuf,
    /// Its name without the ending.
    pub stem: String,
    /// The ending, as written.
    pub ending: String,
}

/// What a folder holds, sorted by name. What operating systems leave behind is left out, and hidden files but images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// NIfTI files, by their names.
    pub files: Vec<File>,
    /// Images of other formats, and files whose names are not UTF-8.
    pub unreadable: Vec<(PathBuf, &'static str)>,
    /// Everything else: folders, notes, tables.
    pub others: Vec<PathBuf>,
}

impl Listing {
    /// Lists a folder.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read.
    pub fn of(folder: &Path) -> std::io::Result<Self> {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
        paths.sort();
        let mut listing = Self::default();
        for path in paths {
            listing.add(path);
        }
        Ok(listing)
    }

    fn add(&mut self, path: PathBuf) {
        let lossy = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_image = READ.iter().any(|ending| ends_with(&lossy, ending).is_some());
        let is_hidden = lossy.starts_with("._") || (lossy.starts_with('.') && !is_image);
        if is_hidden || LITTER.contains(&lossy.to_lowercase().as_str()) {
            return;
        }
        let other_format = || OTHER_IMAGES.iter().any(|ending| ends_with(&lossy, ending).is_some());
        if path.is_dir() {
            self.others.push(path);
        } else if path.file_name().and_then(|name| name.to_str()).is_none() {
            self.unreadable.push((path, "has a name that is not UTF-8; rename it"));
        } else if let Some(Name { stem, ending }) = split_ending(&lossy).filter(|_| !lossy.starts_with('.')) {
            self.files.push(File { stem: stem.to_owned(), ending: ending.to_owned(), path });
        } else if other_format() {
            self.unreadable.push((path, "is not NIfTI, the one format that is read; convert it to `.nii.gz`"));
        } else {
            self.others.push(path);
        }
    }
}

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
    #[error("`{}` contains no image; expected files that end in `.nii.gz` or `.nii`{}", folder.display(), also(others))]
    Empty {
        /// The folder.
        folder: PathBuf,
        /// What it contains in place of images.
        others: Vec<PathBuf>,
    },
}

fn also(others: &[PathBuf]) -> String {
    if others.is_empty() { String::new() } else { format!("; it contains {}", names(others)) }
}

/// The names of some paths, for a message.
pub fn names(paths: &[PathBuf]) -> String {
    const SHOWN: usize = 5;
    let name = |path: &PathBuf| format!("`{}`", path.file_name().unwrap_or_default().to_string_lossy());
    let shown = paths.iter().take(SHOWN).map(name).collect::<Vec<_>>().join(", ");
    let more = paths.len().saturating_sub(SHOWN);
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// What a folder of images holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// The cases, sorted by name.
    pub cases: Vec<Case>,
    /// Files that look like images and cannot be used, and why.
    pub faults: Vec<(PathBuf, String)>,
    /// What is no image.
    pub others: Vec<PathBuf>,
    /// What was understood from the names, where that is not plain.
    pub notes: Vec<String>,
}

/// The cases of a folder of images with so many channels.
///
/// Files are named as nnU-Net does, `CASE_0000.nii.gz` and so on for each channel, or one file a case, which then has all
/// channels. Four digits at the end of a name are the number of a channel only if the names of the case's files are those
/// of all channels: `patient_2021` is a case, and so is each of `scan_0001` to `scan_0009` of one channel.
///
/// # Errors
///
/// If the folder cannot be read, or contains nothing that looks like an image.
pub fn images(folder: &Path, channels: usize) -> Result<Images, ImagesError> {
    let listing = Listing::of(folder).map_err(|source| ImagesError::Io { folder: folder.to_owned(), source })?;
    let unreadable = listing.unreadable.into_iter().map(|(path, why)| (path, why.to_owned()));
    let mut images =
        Images { cases: Vec::new(), faults: unreadable.collect(), others: listing.others, notes: Vec::new() };
    if listing.files.is_empty() && images.faults.is_empty() {
        return Err(ImagesError::Empty { folder: folder.to_owned(), others: images.others });
    }
    let mut groups = BTreeMap::<String, Vec<File>>::new();
    for file in listing.files {
        let case = split_channel(&file.stem).map_or(file.stem.as_str(), |(case, _)| case).to_owned();
        groups.entry(case).or_default().push(file);
    }
    for (case, files) in groups {
        images.group(&case, files, channels);
    }
    images.cases.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(images)
}

impl Images {
    /// Adds the files whose names are that of a case, with or without the number of a channel.
    fn group(&mut self, case: &str, files: Vec<File>, channels: usize) {
        let (whole, numbered): (Vec<File>, Vec<File>) = files.into_iter().partition(|file| file.stem == case);
        let numbers: Vec<usize> = numbered.iter().filter_map(|file| Some(split_channel(&file.stem)?.1)).collect();
        let is_each_channel = numbers.iter().copied().eq(0..channels);
        let is_name =
            |file: &File| channels == 1 || read_header(&file.path).is_ok_and(|header| header.channels == channels);
        let parts = if is_each_channel {
            vec![(case.to_owned(), numbered)]
        } else if numbered.iter().all(is_name) {
            // No channels, then, but names of cases that end in digits.
            if numbers.contains(&0) {
                let example = &numbered[0].stem;
                self.notes.push(format!("the files `{case}_…` are taken for a case each, such as `{example}`"));
            }
            numbered.into_iter().map(|file| (file.stem.clone(), vec![file])).collect()
        } else {
            let missing = (0..channels).find(|channel| !numbers.contains(channel));
            let reason = match missing {
                Some(channel) => {
                    format!("is of a case without channel {channel}: `{case}_{channel:04}` does not exist")
                }
                None => format!("is of a case with more or other channels than the {channels} of the plan"),
            };
            self.faults.extend(numbered.into_iter().map(|file| (file.path, reason.clone())));
            Vec::new()
        };
        let whole = whole.into_iter().map(|file| (case.to_owned(), vec![file]));
        for (id, files) in parts.into_iter().chain(whole) {
            self.add(CaseId(id), files.into_iter().map(|file| file.path).collect());
        }
    }

    fn add(&mut self, id: CaseId, images: Vec<PathBuf>) {
        match self.cases.iter().position(|case| case.id == id) {
            // Neither of them is used: nobody knows which one is meant.
            Some(at) => {
                let first = self.cases.remove(at).images;
                for (these, others) in [(&first, &images), (&images, &first)] {
                    let reason =
                        format!("is one of two images of case `{id}`, beside {}; remove or rename one", names(others));
                    self.faults.extend(these.iter().map(|path| (path.clone(), reason.clone())));
                }
            }
            None => self.cases.push(Case { id, images, labels: None }),
        }
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

    /// The cases of some files, each with its number of files, and the names of the files at fault.
    fn understood(names: &[&str], channels: usize) -> (Vec<(String, usize)>, Vec<String>) {
        let images = images(folder_of(names).path(), channels).unwrap();
        let cases = images.cases.iter().map(|case| (case.id.0.clone(), case.images.len())).collect();
        let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        (cases, images.faults.iter().map(|(path, _)| name(path)).collect())
    }

    fn cases(expected: &[(&str, usize)]) -> Vec<(String, usize)> {
        expected.iter().map(|&(name, files)| (name.to_owned(), files)).collect()
    }

    #[test]
    fn channels_are_gathered_by_case() {
        let (found, faults) = understood(&["b_0001.nii.gz", "b_0000.nii.gz", "a.nii", "scan_12.nii.gz"], 2);
        assert_eq!(found, cases(&[("a", 1), ("b", 2), ("scan_12", 1)]));
        assert_eq!(faults, Vec::<String>::new());
    }

    #[test]
    fn four_digits_are_a_channel_only_where_all_channels_are_there() {
        let one = |names: &[&str]| understood(names, 1);
        assert_eq!(one(&["patient_2021.nii.gz"]).0, cases(&[("patient_2021", 1)]));
        assert_eq!(one(&["a_0000.nii.gz", "b_0000.nii.gz"]).0, cases(&[("a", 1), ("b", 1)]));
        let numbered = ["PID_0000.nii.gz", "PID_0001.nii.gz", "PID_0002.nii.gz"];
        assert_eq!(one(&numbered).0, cases(&[("PID_0000", 1), ("PID_0001", 1), ("PID_0002", 1)]));
        assert_eq!(understood(&numbered, 3).0, cases(&[("PID", 3)]));
        let (found, faults) = understood(&["b_0002.nii.gz", "b_0000.nii.gz"], 3);
        assert_eq!((found, faults.len()), (Vec::new(), 2), "channel 1 is missing");
    }

    #[test]
    fn no_file_is_dropped_because_another_has_its_name() {
        for names in [["a.nii", "a.nii.gz"], ["a.nii.gz", "a_0000.nii.gz"]] {
            let (found, faults) = understood(&names, 1);
            assert_eq!((found, faults.len()), (Vec::new(), 2), "{names:?}");
        }
    }

    #[test]
    fn capital_endings_are_read_and_other_files_are_listed() {
        let names = ["A.NII.GZ", "b.hdr", "b.img", "c.nrrd", ".e.nii", "._a.nii", ".git", "Thumbs.db", "d.nii.GZ"];
        let images = images(folder_of(&names).path(), 1).unwrap();
        assert_eq!(images.cases.iter().map(|case| case.id.0.as_str()).collect::<Vec<_>>(), ["A", "d"]);
        assert_eq!(images.faults.len(), 3, "{:?}", images.faults);
        assert_eq!(images.others.len(), 1, "{:?}", images.others);
    }

    #[test]
    fn a_folder_without_images_is_refused_with_what_it_has() {
        let refused = images(folder_of(&["a.txt"]).path(), 1).unwrap_err().to_string();
        assert!(refused.contains("`a.txt`"), "{refused}");
    }
}
