//! The files of a folder, sorted into images, images of unsupported formats, and others. Every file is in one of the
//! lists.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::store::outputs::PREDICTION;
use crate::units::listed;
use crate::volume::io::format::{
    DEFAULT_ENDING, FileName, is_image_name, is_unsupported_name, names_text, split_ending,
};

/// Digits of the channel number at the end of a file's stem.
const CHANNEL_DIGITS: usize = 4;
/// Files that operating systems leave in folders, and the record that segplan writes beside label maps, in lower case.
const SKIPPED: [&str; 3] = ["thumbs.db", "desktop.ini", PREDICTION];

/// Splits a stem into case identifier and four-digit channel number. Returns `None` if it ends in no such number.
pub(super) fn split_channel(stem: &str) -> Option<(&str, usize)> {
    let (case, digits) = stem.rsplit_once('_')?;
    let is_number = digits.len() == CHANNEL_DIGITS && digits.bytes().all(|digit| digit.is_ascii_digit());
    (is_number && !case.is_empty()).then(|| Some((case, digits.parse().ok()?)))?
}

/// An image file of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path.
    pub path: PathBuf,
    /// Its name without the ending.
    pub stem: String,
    /// The ending, as written.
    pub ending: String,
}

/// The files of a folder, sorted by name. System files are left out, and hidden files that are no images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Image files of supported formats, by their names.
    pub files: Vec<File>,
    /// Images of other formats, and files whose names are not UTF-8, each with the reason as the end of a sentence.
    pub unreadable: Vec<(PathBuf, String)>,
    /// Everything else: folders, notes, tables.
    pub others: Vec<PathBuf>,
}

impl Listing {
    /// Lists a folder.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        paths.sort();
        let mut listing = Self::default();
        for path in paths {
            listing.add(path);
        }
        Ok(listing)
    }

    fn add(&mut self, path: PathBuf) {
        let lossy = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_hidden = lossy.starts_with("._") || (lossy.starts_with('.') && !is_image_name(&lossy));
        if is_hidden || SKIPPED.contains(&lossy.to_lowercase().as_str()) {
            return;
        }
        if path.is_dir() {
            self.others.push(path);
        } else if path.file_name().and_then(|name| name.to_str()).is_none() {
            self.unreadable.push((path, "has a name that is not UTF-8; rename it".to_owned()));
        } else if let Some(FileName { stem, ending }) = split_ending(&lossy).filter(|_| !lossy.starts_with('.')) {
            self.files.push(File { stem: stem.to_owned(), ending: ending.to_owned(), path });
        } else if is_unsupported_name(&lossy) {
            let supported = names_text();
            let reason =
                format!("has an unsupported format (supported: {supported}); convert it to `{DEFAULT_ENDING}`");
            self.unreadable.push((path, reason));
        } else {
            self.others.push(path);
        }
    }
}

/// The file names of some paths in backquotes, for a message: the first five, and the number of the others.
pub fn file_names(paths: &[PathBuf]) -> String {
    let name = |path: &PathBuf| format!("`{}`", path.file_name().unwrap_or_default().to_string_lossy());
    listed(&paths.iter().map(name).collect::<Vec<_>>())
}
