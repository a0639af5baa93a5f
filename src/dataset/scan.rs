//! From a folder to a [`Dataset`]: which files belong to which case, in either layout.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::description::{Description, Pair};
use super::{Case, CaseId, Dataset, DatasetError};

/// Digits of a channel number at the end of a file's stem.
const CHANNEL_DIGITS: usize = 4;

/// Reads what a folder says of itself: a Decathlon folder, or a raw folder of nnU-Net v2.
///
/// Cases are sorted by name as strings. Files whose names begin with `._` are skipped. Whether the listed files exist and
/// are sound is not looked at: [`verify`](super::verify()) reports all of their faults at once.
///
/// # Errors
///
/// When the description is missing or malformed, when channels or labels are not numbered without gaps, when it asks for
/// what the method does not have (regions, an ignore label, other formats), or when there is no training case.
pub fn scan(folder: &Path) -> Result<Dataset, DatasetError> {
    let (description, path) = Description::read(folder)?;
    let channels = description.channels(&path)?;
    let labels = description.classes(&path)?;
    let (training, test) = match (&description.channel_names, &description.training) {
        (Some(_), _) => {
            let ending = file_ending(&description, &path)?;
            let training = cases_of_folder(folder, "imagesTr", Some("labelsTr"), ending, channels.len())?;
            (training, cases_of_folder(folder, "imagesTs", None, ending, channels.len())?)
        }
        (None, Some(pairs)) => {
            let training = listed(folder, &path, pairs.iter().map(|pair| training_pair(&path, pair)), channels.len())?;
            let tests = description.test.as_deref().unwrap_or_default();
            (training, listed(folder, &path, tests.iter().map(|entry| test_image(&path, entry)), channels.len())?)
        }
        (None, None) => return Err(DatasetError::Layout { path }),
    };
    if training.is_empty() {
        return Err(DatasetError::Empty { path: folder.to_owned() });
    }
    // A folder given as `.` has a name all the same.
    let absolute = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let name = absolute.file_name().map_or_else(|| "dataset".to_owned(), |name| name.to_string_lossy().into_owned());
    Ok(Dataset { name, folder: folder.to_owned(), channels, labels, training, test })
}

/// Name without `.nii` or `.nii.gz`; `None` of another file or one that is to be skipped.
fn stem(path: &Path) -> Option<&str> {
    let name = path.file_name().and_then(OsStr::to_str)?;
    let stem = name.strip_suffix(".nii.gz").or_else(|| name.strip_suffix(".nii"))?;
    (!stem.is_empty() && !stem.starts_with("._")).then_some(stem)
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

/// The cases of an nnU-Net v2 folder: all that have an image or a label map.
///
/// Every case gets a file for each declared channel, present or not, and for each further channel that is there, so that
/// the integrity check can say what is missing or too much.
fn cases_of_folder(
    folder: &Path,
    images: &str,
    labels: Option<&str>,
    ending: &str,
    channels: usize,
) -> Result<Vec<Case>, DatasetError> {
    let mut found: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for name in names(&folder.join(images), ending)? {
        let Some((id, channel)) = name.rsplit_once('_') else { continue };
        if let (CHANNEL_DIGITS, Ok(channel)) = (channel.len(), channel.parse()) {
            found.entry(id.to_owned()).or_default().insert(channel);
        }
    }
    if let Some(labels) = labels {
        for name in names(&folder.join(labels), ending)? {
            found.entry(name).or_default();
        }
    }
    let case = |(id, present): (String, BTreeSet<usize>)| {
        let all: BTreeSet<usize> = present.into_iter().chain(0..channels).collect();
        let file = |channel: usize| folder.join(images).join(format!("{id}_{channel:04}{ending}"));
        Case {
            images: all.into_iter().map(file).collect(),
            labels: labels.map(|labels| folder.join(labels).join(format!("{id}{ending}"))),
            id: CaseId(id),
        }
    };
    Ok(found.into_iter().map(case).collect())
}

/// Names, without the ending, of the files of a folder; none of a folder that does not exist.
fn names(folder: &Path, ending: &str) -> Result<Vec<String>, DatasetError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let failed = |source| DatasetError::Unreadable { path: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        if let Some(stem) = name.strip_suffix(ending).filter(|stem| !stem.starts_with("._")) {
            names.push(stem.to_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
