//! The cases of a raw folder of nnU-Net v2, by the names of its files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::super::images::{File, Listing, names, split_channel};
use super::{Case, CaseId, DatasetError};
use crate::units::counted;

/// What all files of a raw folder have in common.
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
    /// The cases of a folder of images: all that have an image or a label map.
    ///
    /// Every case gets a file for each declared channel, present or not, and for each further channel that exists, so that
    /// the gate can name what is missing or too much. An image without the number of a channel is one whose channels are
    /// missing. `notes` gets the files that belong to no case.
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
            notes.push(format!("not used, since the same case has files of single channels: {}", names(&unused)));
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

    /// Files by case and channel, and those without the number of a channel by their stems.
    ///
    /// A stem that is the name of a label map is that of a case, whatever digits it ends in; so are those whose numbers are
    /// no channels that the data set has.
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

    /// The files of a folder that have the data set's ending; none of a folder that does not exist.
    fn files(&self, folder: &str, notes: &mut Vec<String>) -> Result<Vec<File>, DatasetError> {
        let path = self.folder.join(folder);
        if !path.exists() {
            return Ok(Vec::new());
        }
        let listing = Listing::of(&path).map_err(|source| DatasetError::Unreadable { path: path.clone(), source })?;
        let (files, odd): (Vec<File>, Vec<File>) =
            listing.files.into_iter().partition(|file| file.ending.eq_ignore_ascii_case(self.ending));
        if let Some(first) = odd.first().filter(|_| files.is_empty()) {
            return Err(DatasetError::OtherEnding {
                path: self.description.to_owned(),
                folder: path,
                expected: self.ending.to_owned(),
                found: counted(odd.len(), "file"),
                ending: first.ending.clone(),
            });
        }
        let odd: Vec<PathBuf> = odd.into_iter().map(|file| file.path).collect();
        if !odd.is_empty() {
            notes.push(format!("not used, since `file_ending` is `{}`: {} in `{folder}`", self.ending, names(&odd)));
        }
        let others: Vec<PathBuf> = listing.unreadable.into_iter().map(|(path, _)| path).chain(listing.others).collect();
        if !others.is_empty() {
            notes.push(format!("not used, since they are no NIfTI images: {} in `{folder}`", names(&others)));
        }
        Ok(files)
    }
}
