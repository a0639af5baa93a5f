//! From a folder to a [`Dataset`]: which files belong to which case, in either layout.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::description::{Description, FILE, Pair};
use super::images::{Listing, Name, names, split_ending};
use super::{Case, CaseId, Dataset, DatasetError};
use crate::units::counted;

mod nnunet;

/// Reads what a folder says of itself: a Decathlon folder, or a raw folder of nnU-Net v2.
///
/// Cases are sorted by name as strings. Files that belong to no case are named in [`Dataset::notes`]; hidden ones are not.
/// Whether the listed files exist and are sound is not checked here: [`gate`](super::gate) does when they are read.
///
/// # Errors
///
/// When the description is missing or malformed, when channels or labels are not numbered without gaps, when it asks for
/// what the method does not have (regions, an ignore label, other formats), when two files claim one place, or when there is
/// no training case.
pub fn scan(folder: &Path) -> Result<Dataset, DatasetError> {
    let (description, path) = Description::read(folder)?;
    let channels = description.channels(&path)?;
    let labels = description.classes(&path)?;
    let mut notes = Vec::new();
    let (training, test) = match (&description.channel_names, &description.training) {
        (Some(_), _) => {
            if description.dataset.is_some() {
                return Err(DatasetError::DatasetKey { path });
            }
            let layout = nnunet::Layout {
                folder,
                description: &path,
                ending: file_ending(&description, &path)?,
                channels: channels.len(),
            };
            let training = layout.cases("imagesTr", Some("labelsTr"), &mut notes)?;
            (training, layout.cases("imagesTs", None, &mut notes)?)
        }
        (None, Some(pairs)) => {
            let training = listed(folder, &path, pairs.iter().map(|pair| training_pair(&path, pair)), channels.len())?;
            let tests = description.test.as_deref().unwrap_or_default();
            notes.extend(unlisted(&training));
            (training, listed(folder, &path, tests.iter().map(|entry| test_image(&path, entry)), channels.len())?)
        }
        (None, None) => return Err(DatasetError::Layout { path }),
    };
    if training.is_empty() {
        return Err(DatasetError::Empty { path: folder.to_owned() });
    }
    notes.extend(other_number(&description, training.len()));
    // A folder given as `.` has a name all the same.
    let absolute = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let name = absolute.file_name().map_or_else(|| "dataset".to_owned(), |name| name.to_string_lossy().into_owned());
    Ok(Dataset { name, folder: folder.to_owned(), channels, labels, training, test, notes })
}

/// The foreground labels that the `dataset.json` of a folder declares; `None` without such a file.
///
/// # Errors
///
/// When the description is malformed, or its labels are not those of single classes.
pub fn declared_labels(folder: &Path) -> Result<Option<BTreeMap<u8, String>>, DatasetError> {
    if !folder.join(FILE).is_file() {
        return Ok(None);
    }
    let (description, path) = Description::read(folder)?;
    description.classes(&path).map(Some)
}

/// A note where `numTraining` is not the number of training cases.
fn other_number(description: &Description, found: usize) -> Option<String> {
    let declared = description.number_of_training.as_ref()?;
    let number = declared.as_u64().or_else(|| declared.as_str()?.trim().parse().ok());
    (number != Some(found as u64)).then(|| {
        let were = if found == 1 { "was" } else { "were" };
        format!("`numTraining` of `{FILE}` is {declared}, and {} {were} found", counted(found, "training case"))
    })
}

/// A note on the images in the folders of a list that are not on it.
fn unlisted(cases: &[Case]) -> Option<String> {
    let listed: BTreeSet<&Path> = cases.iter().flat_map(|case| &case.images).map(PathBuf::as_path).collect();
    let folders: BTreeSet<&Path> = listed.iter().filter_map(|path| path.parent()).collect();
    let files = folders.iter().filter_map(|folder| Listing::of(folder).ok()).flat_map(|listing| listing.files);
    let missing: Vec<PathBuf> = files.map(|file| file.path).filter(|path| !listed.contains(path.as_path())).collect();
    (!missing.is_empty()).then(|| format!("not listed in `{FILE}`, and not used: {}", names(&missing)))
}

/// Name without `.nii` or `.nii.gz`; `None` of another file or one that is to be skipped.
fn stem(path: &Path) -> Option<&str> {
    let Name { stem, .. } = split_ending(path.file_name()?.to_str()?)?;
    (!stem.starts_with("._")).then_some(stem)
}

/// Image and label map of one entry of a Decathlon list, relative to the folder.
type Entry<'a> = Result<(&'a str, Option<&'a str>), DatasetError>;

fn training_pair<'a>(description: &Path, pair: &'a Pair) -> Entry<'a> {
    let image_and_label = (stem(Path::new(&pair.image)), stem(Path::new(&pair.label)));
    let skipped = Path::new(&pair.image).file_name().is_some_and(|name| name.to_string_lossy().starts_with("._"));
    match image_and_label {
        (Some(_), Some(_)) => Ok((&pair.image, Some(&pair.label))),
        (None, _) if skipped => Ok((&pair.image, None)),
        (None, _) => Err(DatasetError::Listed { path: description.to_owned(), entry: pair.image.clone() }),
        (Some(_), None) => Err(DatasetError::Listed { path: description.to_owned(), entry: pair.label.clone() }),
    }
}

fn test_image<'a>(description: &Path, entry: &'a Value) -> Entry<'a> {
    match entry.as_str().or_else(|| entry.get("image").and_then(Value::as_str)) {
        Some(image) => Ok((image, None)),
        None => Err(DatasetError::Listed { path: description.to_owned(), entry: entry.to_string() }),
    }
}

/// The cases of a Decathlon list.
fn listed<'a>(
    folder: &Path,
    description: &Path,
    entries: impl Iterator<Item = Entry<'a>>,
    channels: usize,
) -> Result<Vec<Case>, DatasetError> {
    let mut cases = BTreeMap::new();
    for entry in entries {
        let (image, label) = entry?;
        let image = inside(folder, image);
        let Some(id) = stem(&image).map(str::to_owned) else { continue };
        let case = Case {
            images: channel_files(&image, channels),
            labels: label.map(|label| inside(folder, label)),
            id: CaseId(id.clone()),
        };
        if cases.insert(id.clone(), case).is_some() {
            return Err(DatasetError::Twice { path: description.to_owned(), case: id });
        }
    }
    Ok(cases.into_values().collect())
}

/// A listed path, such as `./imagesTr/case.nii.gz`, inside of its folder.
fn inside(folder: &Path, listed: &str) -> PathBuf {
    folder.join(listed.strip_prefix("./").unwrap_or(listed))
}

/// The files of a listed image. Where nnU-Net v1 has split it into one file a channel, the list still names the whole.
fn channel_files(image: &Path, channels: usize) -> Vec<PathBuf> {
    let split = |channel: usize| {
        let stem = stem(image)?;
        let ending = image.file_name()?.to_str()?.strip_prefix(stem)?;
        Some(image.with_file_name(format!("{stem}_{channel:04}{ending}")))
    };
    match split(0) {
        Some(first) if !image.exists() && first.exists() => (0..channels).filter_map(split).collect(),
        Some(_) | None => vec![image.to_owned()],
    }
}

/// The ending of an nnU-Net v2 folder's files.
fn file_ending<'a>(description: &'a Description, path: &Path) -> Result<&'a str, DatasetError> {
    let ending = description.file_ending.as_deref().unwrap_or(".nii.gz");
    if ending == ".nii.gz" || ending == ".nii" {
        return Ok(ending);
    }
    Err(DatasetError::FileEnding { path: path.to_owned(), ending: ending.to_owned() })
}

#[cfg(test)]
mod tests;
