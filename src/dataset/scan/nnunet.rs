//! The cases of a raw folder of nnU-Net v2, from its file names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::dataset::case::{Case, CaseId};
use crate::dataset::error::DatasetError;
use crate::dataset::listing::{File, Listing, file_names, split_channel};
use crate::units::counted;
use crate::volume::io::format::names_text;

/// The properties that all files of a raw folder share.
pub(super) struct Layout<'a> {
    /// The folder of the data set.
    pub(super) folder: &'a Path,
    /// Its `dataset.json`.
    pub(super) description: &'a Path,
    /// The ending of its files.
    pub(super) ending: &'a str,
    /// Number of channels.
    pub(super) channels: usize,
}

/// Files of a folder by case and channel.
type ByChannel = BTreeMap<String, BTreeMap<usize, PathBuf>>;

impl Layout<'_> {
    /// The cases of a folder of images: all identifiers with an image or a label map.
    ///
    /// Every case gets a file per declared channel, whether it exists or not, and one per further channel that exists,
    /// so that the gate can report missing and superfluous files. An image without a channel number counts as a case
    /// whose channels are missing. Files that belong to no case are added to `notes`.
    pub(super) fn cases(
        &self,
        images: &str,
        labels: Option<&str>,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Case>, DatasetError> {
        let mut maps = BTreeMap::new();
        for File { stem, path, .. } in labels.map_or_else(|| Ok(Vec::new()), |labels| self.files(labels, notes))? {
            if let Some(first) = maps.insert(stem.clone(), path.clone()) {
                return Err(DatasetError::TwoFiles { case: stem, files: [first, path] });
            }
        }
        let (channels, whole) = self.by_channel(self.files(images, notes)?, &maps)?;
        let unused: Vec<PathBuf> =
            whole.iter().filter(|(case, _)| channels.contains_key(*case)).map(|(_, path)| path.clone()).collect();
        if !unused.is_empty() {
            notes.push(format!("not used, because the same case has one file per channel: {}", file_names(&unused)));
        }
        let ids: BTreeSet<&String> = maps.keys().chain(channels.keys()).chain(whole.keys()).collect();
        Ok(ids
            .into_iter()
            .map(|id| self.case(id, channels.get(id), images, labels.map(|folder| (folder, &maps))))
            .collect())
    }

    fn case(
        &self,
        id: &str,
        channels: Option<&BTreeMap<usize, PathBuf>>,
        images: &str,
        labels: Option<(&str, &BTreeMap<String, PathBuf>)>,
    ) -> Case {
        let nothing = BTreeMap::new();
        let channels = channels.unwrap_or(&nothing);
        let all: BTreeSet<usize> = channels.keys().copied().chain(0..self.channels).collect();
        let named = |folder: &str, stem: &str| self.folder.join(folder).join(format!("{stem}{}", self.ending));
        let file = |channel: usize| {
            channels.get(&channel).cloned().unwrap_or_else(|| named(images, &format!("{id}_{channel:04}")))
        };
        Case {
            images: all.into_iter().map(file).collect(),
            labels: labels.map(|(folder, maps)| maps.get(id).cloned().unwrap_or_else(|| named(folder, id))),
            id: CaseId(id.to_owned()),
        }
    }

    /// Files by case and channel, and those without a channel number by their stems.
    ///
    /// A stem that is also that of a label map is a case identifier, whatever digits it ends in; so are stems whose
    /// numbers are not channels of the data set.
    fn by_channel(
        &self,
        files: Vec<File>,
        labels: &BTreeMap<String, PathBuf>,
    ) -> Result<(ByChannel, BTreeMap<String, PathBuf>), DatasetError> {
        let (mut channels, mut whole) = (ByChannel::new(), BTreeMap::new());
        for File { stem, path, .. } in files {
            let split = split_channel(&stem).filter(|_| !labels.contains_key(&stem));
            let (case, first) = match split {
                Some((case, channel)) => {
                    (case.to_owned(), channels.entry(case.to_owned()).or_default().insert(channel, path.clone()))
                }
                None => (stem.clone(), whole.insert(stem.clone(), path.clone())),
            };
            if let Some(first) = first {
                return Err(DatasetError::TwoFiles { case, files: [first, path] });
            }
        }
        let no_channels: Vec<String> = channels
            .iter()
            .filter(|(case, found)| {
                !labels.contains_key(*case) && found.keys().all(|&channel| channel >= self.channels)
            })
            .map(|(case, _)| case.clone())
            .collect();
        for case in no_channels {
            for (channel, path) in channels.remove(&case).unwrap_or_default() {
                whole.insert(format!("{case}_{channel:04}"), path);
            }
        }
        Ok((channels, whole))
    }

    /// The files of a folder with the data set's ending; empty if the folder does not exist.
    fn files(&self, folder: &str, notes: &mut Vec<String>) -> Result<Vec<File>, DatasetError> {
        let path = self.folder.join(folder);
        if !path.exists() {
            return Ok(Vec::new());
        }
        let listing = Listing::of(&path).map_err(|source| DatasetError::Unreadable { path: path.clone(), source })?;
        let (files, other_endings): (Vec<File>, Vec<File>) =
            listing.files.into_iter().partition(|file| file.ending.eq_ignore_ascii_case(self.ending));
        if let Some(first) = other_endings.first().filter(|_| files.is_empty()) {
            return Err(DatasetError::OtherEnding {
                path: self.description.to_owned(),
                folder: path,
                expected: self.ending.to_owned(),
                found: counted(other_endings.len(), "file"),
                ending: first.ending.clone(),
            });
        }
        let other_endings: Vec<PathBuf> = other_endings.into_iter().map(|file| file.path).collect();
        if !other_endings.is_empty() {
            let names = file_names(&other_endings);
            notes.push(format!("not used, because `file_ending` is `{}`: {names} in `{folder}`", self.ending));
        }
        let others: Vec<PathBuf> = listing.unreadable.into_iter().map(|(path, _)| path).chain(listing.others).collect();
        if !others.is_empty() {
            let (names, formats) = (file_names(&others), names_text());
            notes.push(format!("not used, because they are not images ({formats}): {names} in `{folder}`"));
        }
        Ok(files)
    }
}
