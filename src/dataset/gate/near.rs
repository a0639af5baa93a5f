//! What is there in place of a file that is missing.

use std::fs;
use std::path::{Path, PathBuf};

use crate::dataset::images::{Name, OTHER_IMAGES, split_ending};

/// How alike two names of folders must be (Jaro-Winkler) so that one may be meant by the other.
const ALIKE: f64 = 0.9;

/// The end of a sentence on a missing file: what is there in its place, and what to do. Empty if nothing is.
pub(super) fn hint(path: &Path) -> String {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return String::new();
    };
    if name.contains('\\') {
        return "; its path is written with backslashes: write it with `/`".to_owned();
    }
    if !folder.exists() {
        return match alike_folder(folder) {
            Some(other) => format!("; the folder `{}` does: rename it to `{}`", other.display(), folder.display()),
            None => format!(", and neither does the folder `{}`", folder.display()),
        };
    }
    match alike_file(folder, name) {
        Some(other) => {
            let other = other.file_name().unwrap_or_default().to_string_lossy().into_owned();
            format!("; `{other}` does: {}", advice(&other, name))
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
            "rename it or, if all files are named so, write `\"file_ending\": \"{}\"` in `dataset.json`",
            found.ending
        ),
        _ => format!("rename it to `{wanted}`"),
    }
}

/// A file of the folder whose name differs in nothing but case, ending and the number of its channel.
fn alike_file(folder: &Path, wanted: &str) -> Option<PathBuf> {
    let bare = |name: &str| {
        let lower = name.to_lowercase();
        let stem = split_ending(&lower).map_or(lower.as_str(), |Name { stem, .. }| stem).to_owned();
        let stem = OTHER_IMAGES.iter().find_map(|end| stem.strip_suffix(end)).unwrap_or(&stem).to_owned();
        stem.strip_suffix("_0000").unwrap_or(&stem).to_owned()
    };
    let stem = |name: &str| split_ending(name).map_or(name, |Name { stem, .. }| stem).to_lowercase();
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            // The name of a case may end in `_0000` itself.
            let is_alike = |name: &str| bare(name) == bare(wanted) || format!("{}_0000", stem(name)) == stem(wanted);
            name.is_some_and(is_alike)
        })
        .collect();
    found.sort();
    found.into_iter().next()
}

/// A folder beside a missing one whose name is much like its.
fn alike_folder(folder: &Path) -> Option<PathBuf> {
    let wanted = folder.file_name()?.to_str()?.to_lowercase();
    let entries = fs::read_dir(folder.parent()?).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let likeness = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_lowercase();
        strsim::jaro_winkler(&name, &wanted)
    };
    entries.filter(|path| path.is_dir() && likeness(path) >= ALIKE).max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
}
