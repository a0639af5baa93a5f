//! Hints for missing files: a file or folder with a similar name.

use std::fs;
use std::path::{Path, PathBuf};

use crate::volume::io::format::{UNSUPPORTED_ENDINGS, split_ending, strip_ending};

/// Minimum Jaro-Winkler similarity of two folder names to be suggested.
const MIN_SIMILARITY: f64 = 0.9;

/// The end of a sentence about a missing file: the existing file or folder, and the remedy. Empty if nothing similar
/// exists.
pub(super) fn hint(path: &Path) -> String {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return String::new();
    };
    if name.contains('\\') {
        return "; its path contains backslashes: use `/` instead".to_owned();
    }
    if !folder.exists() {
        return match similar_folder(folder) {
            Some(other) => format!("; the folder `{}` exists: rename it to `{}`", other.display(), folder.display()),
            None => format!("; the folder `{}` does not exist either", folder.display()),
        };
    }
    match similar_file(folder, name) {
        Some(other) => {
            let other = other.file_name().unwrap_or_default().to_string_lossy().into_owned();
            format!("; `{other}` exists: {}", advice(&other, name))
        }
        None => String::new(),
    }
}

fn advice(found: &str, wanted: &str) -> String {
    match (split_ending(found), split_ending(wanted)) {
        (Some(found), Some(wanted)) if format!("{}_0000", found.stem) == wanted.stem => {
            "nnU-Net names the channels of an image `_0000`, `_0001` …: rename it".to_owned()
        }
        (Some(found), Some(wanted)) if found.stem == wanted.stem => format!(
            "rename it or, if all files have this ending, set `\"file_ending\": \"{}\"` in `dataset.json`",
            found.ending
        ),
        _ => format!("rename it to `{wanted}`"),
    }
}

/// A file of the folder whose name differs only in case, ending and channel number.
fn similar_file(folder: &Path, wanted: &str) -> Option<PathBuf> {
    let bare = |name: &str| {
        let lower = name.to_lowercase();
        let stem = strip_ending(&lower).to_owned();
        let stem = UNSUPPORTED_ENDINGS.iter().find_map(|end| stem.strip_suffix(end)).unwrap_or(&stem).to_owned();
        stem.strip_suffix("_0000").unwrap_or(&stem).to_owned()
    };
    let stem = |name: &str| strip_ending(name).to_lowercase();
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            // A case name may itself end in `_0000`.
            let is_similar = |name: &str| bare(name) == bare(wanted) || format!("{}_0000", stem(name)) == stem(wanted);
            name.is_some_and(is_similar)
        })
        .collect();
    found.sort();
    found.into_iter().next()
}

/// A folder beside the missing one with a similar name.
fn similar_folder(folder: &Path) -> Option<PathBuf> {
    let wanted = folder.file_name()?.to_str()?.to_lowercase();
    let entries = fs::read_dir(folder.parent()?).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let similarity = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_lowercase();
        strsim::jaro_winkler(&name, &wanted)
    };
    entries
        .filter(|path| path.is_dir() && similarity(path) >= MIN_SIMILARITY)
        .max_by(|a, b| similarity(a).total_cmp(&similarity(b)))
}
