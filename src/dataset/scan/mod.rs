//! From a folder to a [`Dataset`]: which files belong to which case, in both layouts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::dataset::case::{Case, CaseId};
use crate::dataset::definition::Dataset;
use crate::dataset::description::{Description, FILE, Pair};
use crate::dataset::error::DatasetError;
use crate::dataset::listing::{Listing, file_names};
use crate::units::{agree, counted};
use crate::volume::io::format::{DEFAULT_ENDING, known_endings, split_ending};

mod nnunet;

/// Reads the description of a data set: a Decathlon folder, or a raw folder of nnU-Net v2.
///
/// Cases are sorted by identifier, as strings. [`Dataset::notes`] names files that belong to no case, except hidden
/// ones. Whether the files exist and are intact is not checked here but by the [`gate`](crate::dataset::gate), when
/// they are read.
///
/// # Errors
///
/// If the description is missing or malformed, channels or labels are not numbered consecutively, it uses features that
/// the method does not have (regions, an ignore label, other formats), two files belong to the same channel of a case,
/// or no training cases exist.
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
            let training =
                listed_cases(folder, &path, pairs.iter().map(|pair| training_pair(&path, pair)), channels.len())?;
            let tests = description.test.as_deref().unwrap_or_default();
            notes.extend(unlisted(&training));
            (training, listed_cases(folder, &path, tests.iter().map(|entry| test_image(&path, entry)), channels.len())?)
        }
        (None, None) => return Err(DatasetError::Layout { path }),
    };
    if training.is_empty() {
        return Err(DatasetError::Empty { path: folder.to_owned() });
    }
    notes.extend(check_number(&description, training.len()));
    // A folder given as `.` also has a name.
    let absolute = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let name = absolute.file_name().map_or_else(|| "dataset".to_owned(), |name| name.to_string_lossy().into_owned());
    Ok(Dataset { name, folder: folder.to_owned(), channels, labels, training, test, notes })
}

/// The foreground labels that the `dataset.json` of a folder declares. Returns `None` if there is no such file.
///
/// # Errors
///
/// If the description is malformed, or its labels are not those of single classes.
pub fn declared_labels(folder: &Path) -> Result<Option<BTreeMap<u8, String>>, DatasetError> {
    if !folder.join(FILE).is_file() {
        return Ok(None);
    }
    let (description, path) = Description::read(folder)?;
    description.classes(&path).map(Some)
}

/// A note if `numTraining` differs from the number of training cases.
fn check_number(description: &Description, found: usize) -> Option<String> {
    let declared = description.number_of_training.as_ref()?;
    let number = declared.as_u64().or_else(|| declared.as_str()?.trim().parse().ok());
    (number != Some(found as u64)).then(|| {
        let found_cases = counted(found, "training case");
        format!("`numTraining` in `{FILE}` is {declared}, but {found_cases} {} found", agree(found, "was", "were"))
    })
}

/// A note on images in the listed folders that are not listed themselves.
fn unlisted(cases: &[Case]) -> Option<String> {
    let listed: BTreeSet<&Path> = cases.iter().flat_map(|case| &case.images).map(PathBuf::as_path).collect();
    let folders: BTreeSet<&Path> = listed.iter().filter_map(|path| path.parent()).collect();
    let files = folders.iter().filter_map(|folder| Listing::of(folder).ok()).flat_map(|listing| listing.files);
    let missing: Vec<PathBuf> = files.map(|file| file.path).filter(|path| !listed.contains(path.as_path())).collect();
    (!missing.is_empty()).then(|| format!("not listed in `{FILE}` and therefore not used: {}", file_names(&missing)))
}

/// The name of an image file without its ending. Returns `None` for other files, and for the `._` files of macOS.
fn stem(path: &Path) -> Option<&str> {
    let stem = split_ending(path.file_name()?.to_str()?)?.stem;
    (!stem.starts_with("._")).then_some(stem)
}

/// An entry of a Decathlon list; paths are relative to the folder.
struct Entry<'a> {
    image: &'a str,
    label: Option<&'a str>,
}

fn training_pair<'a>(description: &Path, pair: &'a Pair) -> Result<Entry<'a>, DatasetError> {
    let image_and_label = (stem(Path::new(&pair.image)), stem(Path::new(&pair.label)));
    let skipped = Path::new(&pair.image).file_name().is_some_and(|name| name.to_string_lossy().starts_with("._"));
    match image_and_label {
        (Some(_), Some(_)) => Ok(Entry { image: &pair.image, label: Some(&pair.label) }),
        (None, _) if skipped => Ok(Entry { image: &pair.image, label: None }),
        (None, _) => Err(DatasetError::Listed { path: description.to_owned(), entry: pair.image.clone() }),
        (Some(_), None) => Err(DatasetError::Listed { path: description.to_owned(), entry: pair.label.clone() }),
    }
}

fn test_image<'a>(description: &Path, entry: &'a Value) -> Result<Entry<'a>, DatasetError> {
    match entry.as_str().or_else(|| entry.get("image").and_then(Value::as_str)) {
        Some(image) => Ok(Entry { image, label: None }),
        None => Err(DatasetError::Listed { path: description.to_owned(), entry: entry.to_string() }),
    }
}

/// The cases of a Decathlon list.
fn listed_cases<'a>(
    folder: &Path,
    description: &Path,
    entries: impl Iterator<Item = Result<Entry<'a>, DatasetError>>,
    channels: usize,
) -> Result<Vec<Case>, DatasetError> {
    let mut cases = BTreeMap::new();
    for entry in entries {
        let Entry { image, label } = entry?;
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

/// The path of a list entry, such as `./imagesTr/case.nii.gz`, within its folder.
fn inside(folder: &Path, listed: &str) -> PathBuf {
    folder.join(listed.strip_prefix("./").unwrap_or(listed))
}

/// The files of a listed image. If nnU-Net v1 has split it into one file per channel, the list still contains the
/// original name.
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

/// The ending of the files of an nnU-Net v2 folder.
fn file_ending<'a>(description: &'a Description, path: &Path) -> Result<&'a str, DatasetError> {
    let ending = description.file_ending.as_deref().unwrap_or(DEFAULT_ENDING);
    if known_endings().any(|known| known == ending) {
        return Ok(ending);
    }
    Err(DatasetError::FileEnding { path: path.to_owned(), ending: ending.to_owned() })
}

#[cfg(test)]
mod tests;
