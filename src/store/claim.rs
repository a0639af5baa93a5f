//! May these files be written? The one answer, asked by every verb before it computes anything.
//!
//! Input: the files that a verb is about to write, and what it reads. Output: [`Outputs`], through which they are written, or why
//! not. A file that exists is replaced only if segplan wrote it and nobody has changed it since, which the folder's record of
//! outputs says, or if that was asked for. Nothing is ever written over an input, or into the folder of a data set.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};

use serde_json::Value;
use thiserror::Error;

use crate::store::StoreError;
use crate::store::outputs::{Outputs, Owner, Record};
use crate::volume::io::format::is_image_name;

/// The description of a data set.
pub const DATASET_FILE: &str = "dataset.json";
/// The folders of a data set, of the Decathlon and of nnU-Net.
const DATASET_FOLDERS: [&str; 4] = ["imagesTr", "labelsTr", "imagesTs", "labelsTs"];
/// Files that a message lists before it says how many more there are.
const LISTED: usize = 3;

/// Files that a verb is about to write.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The folder that they are written to.
    pub folder: &'a Path,
    /// Their names in it, such as `probabilities/case.nii.gz`.
    pub files: &'a [PathBuf],
    /// Files and folders that are read.
    pub inputs: &'a [PathBuf],
    /// Whether files of others may be replaced.
    pub overwrite: bool,
    /// Whether it is a data set that is written.
    pub is_dataset: bool,
}

/// Files may not be written, or cannot.
#[derive(Debug, Error)]
pub enum ClaimError {
    /// They exist, and are not segplan's.
    #[error("{}; name another place, or replace {} with `--overwrite`", .0, if .0.files.len() == 1 { "it" } else { "them" })]
    Exists(Foreign),
    /// A folder is where a file is to be.
    #[error("`{}` is a folder; name a file that does not exist yet", .0.display())]
    Folder(PathBuf),
    /// They would replace what is read, or be mixed with it.
    #[error("`{}` is read, or is in a folder that is read, and nothing is written into it, whatever its name or link; name another place", .0.display())]
    Input(PathBuf),
    /// They would be mixed with a data set.
    #[error(
        "`{}` is in the data set `{}`, and nothing is written into a data set; name a place outside of it",
        output.display(),
        dataset.display()
    )]
    Dataset {
        /// Where they were to be written.
        output: PathBuf,
        /// The data set.
        dataset: PathBuf,
    },
    /// They would be mixed with a run.
    #[error(
        "`{}` is in `{}`, which `segplan run` wrote, and nothing is written into it otherwise; name a place outside of it",
        output.display(),
        run.display()
    )]
    Run {
        /// Where they were to be written.
        output: PathBuf,
        /// The folder of the run, or of prepared cases.
        run: PathBuf,
    },
    /// A data set would be mixed with other outputs.
    #[error("`{}` has other files that segplan wrote; name a folder of its own for the data set", .0.display())]
    Mixed(PathBuf),
    /// Two of them have one name.
    #[error("two inputs would be written as `{}`; rename one of them", .0.display())]
    Twice(PathBuf),
    /// The folder cannot be read or written.
    #[error("{0}; name another place, or free this one")]
    Store(#[from] StoreError),
}

/// Files that exist and are not segplan's.
#[derive(Debug)]
pub struct Foreign {
    /// Each with whether segplan wrote it once.
    files: Vec<(PathBuf, bool)>,
}

impl std::fmt::Display for Foreign {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sentence = |(path, written): &(PathBuf, bool)| {
            let why = if *written { "has been changed since segplan wrote it" } else { "exists already" };
            format!("`{}` {why}", path.display())
        };
        let listed: Vec<String> = self.files.iter().take(LISTED).map(sentence).collect();
        write!(out, "{}", listed.join(", "))?;
        match self.files.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => write!(out, ", and so do {more} more files"),
        }
    }
}

impl<'a> Claim<'a> {
    /// A claim on files in a folder, made of some inputs.
    pub fn new(folder: &'a Path, files: &'a [PathBuf], inputs: &'a [PathBuf]) -> Self {
        Self { folder, files, inputs, overwrite: false, is_dataset: false }
    }

    /// The same, replacing files of others where that was asked for.
    #[must_use]
    pub fn overwriting(self, overwrite: bool) -> Self {
        Self { overwrite, ..self }
    }

    /// Checks that the files may be written and can be. Nothing but the folder itself is made.
    ///
    /// # Errors
    ///
    /// When a file exists that is not segplan's, is an input or in the folder of one, or in a data set; when two files have one
    /// name; and when the folder cannot be made or written to.
    pub fn check(&self) -> Result<Outputs, ClaimError> {
        let folder = canonical(self.folder);
        self.refuse_inputs(&folder)?;
        let record = Record::read(self.folder)?;
        self.refuse_places(&folder, &record)?;
        let mut foreign = Vec::new();
        for name in self.files {
            let path = self.folder.join(name);
            match record.owner(self.folder, name)? {
                Owner::Nobody | Owner::Segplan => (),
                Owner::Folder => return Err(ClaimError::Folder(path)),
                Owner::Other { written } => foreign.push((path, written)),
            }
        }
        if !foreign.is_empty() && !self.overwrite {
            return Err(ClaimError::Exists(Foreign { files: foreign }));
        }
        let folds_case = probe(self.folder)?;
        self.refuse_twins(folds_case)?;
        Ok(Outputs::open(self.folder, record, self.overwrite))
    }

    /// Refuses places that hold what is not to be mixed with outputs: data sets and runs, also where a link within the folder
    /// leads into one.
    fn refuse_places(&self, folder: &Path, record: &Record) -> Result<(), ClaimError> {
        let mut places = BTreeSet::from([folder.to_owned()]);
        for name in self.files {
            let path = folder.join(name);
            let inner = path.ancestors().skip(1).take_while(|above| above.starts_with(folder));
            if let Some(file) = inner.into_iter().find(|above| above.exists() && !above.is_dir()) {
                let source = std::io::ErrorKind::NotADirectory.into();
                // As it was named, and not in full.
                let rest = file.strip_prefix(folder).unwrap_or(Path::new(""));
                let path = if rest.as_os_str().is_empty() { self.folder.to_owned() } else { self.folder.join(rest) };
                return Err(StoreError { verb: "write into", path, source }.into());
            }
            places.extend(path.parent().map(canonical));
        }
        for place in &places {
            let output = || self.folder.to_owned();
            if let Some(run) = run_of(place) {
                return Err(ClaimError::Run { output: output(), run });
            }
            let Some(dataset) = dataset_of(place) else { continue };
            // The folders of the data set that is written are parts of it.
            let is_own = self.is_dataset && dataset == folder && (place != folder || !record.is_empty());
            if !is_own {
                return Err(ClaimError::Dataset { output: output(), dataset });
            }
        }
        let is_part = |name: &PathBuf| {
            let first = name.iter().next().unwrap_or_default();
            first == DATASET_FILE || DATASET_FOLDERS.iter().any(|part| first == *part)
        };
        if self.is_dataset && record.names().any(|name| !is_part(&name)) {
            return Err(ClaimError::Mixed(self.folder.to_owned()));
        }
        Ok(())
    }

    fn refuse_inputs(&self, folder: &Path) -> Result<(), ClaimError> {
        let inputs: Vec<PathBuf> = self.inputs.iter().map(canonical).collect();
        for name in self.files {
            let path = folder.join(name);
            let parent = path.parent().map(canonical);
            let target = canonical(&path);
            let is_hit = |input: &&PathBuf| **input == path || **input == target || Some(*input) == parent.as_ref();
            if inputs.iter().any(|input| is_hit(&input)) {
                return Err(ClaimError::Input(self.folder.join(name)));
            }
        }
        if inputs.iter().any(|input| input == folder) {
            return Err(ClaimError::Input(self.folder.to_owned()));
        }
        Ok(())
    }

    fn refuse_twins(&self, folds_case: bool) -> Result<(), ClaimError> {
        let mut seen = BTreeMap::new();
        for name in self.files {
            let written = name.to_string_lossy();
            let key = if folds_case { written.to_lowercase() } else { written.into_owned() };
            if seen.insert(key, name).is_some() {
                return Err(ClaimError::Twice(name.clone()));
            }
        }
        Ok(())
    }
}

/// Checks that one file may be written, by the same rules.
///
/// # Errors
///
/// As [`Claim::check`] does.
pub fn claim_file(path: &Path, inputs: &[PathBuf], overwrite: bool) -> Result<(), ClaimError> {
    let Some(name) = path.file_name() else { return Err(ClaimError::Folder(path.to_owned())) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Claim::new(folder, &[PathBuf::from(name)], inputs).overwriting(overwrite).check().map(drop)
}

/// Makes a folder where it is missing, and writes and removes a file in it. Says whether names that differ in capitals only are one
/// file there.
fn probe(folder: &Path) -> Result<bool, StoreError> {
    let fail = |verb| move |source| StoreError { verb, path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(fail("create"))?;
    let name = format!(".segplan-probe-{}.partial", std::process::id());
    let path = folder.join(&name);
    File::create(&path).map_err(fail("write to"))?;
    let folds_case = folder.join(name.to_uppercase()).exists();
    fs::remove_file(&path).map_err(fail("write to"))?;
    Ok(folds_case)
}

/// A path in full with all links resolved, as far as it exists.
fn canonical(path: impl AsRef<Path>) -> PathBuf {
    let path = std::path::absolute(&path).unwrap_or_else(|_| path.as_ref().to_owned());
    for existing in path.ancestors() {
        let (Ok(real), Ok(rest)) = (fs::canonicalize(existing), path.strip_prefix(existing)) else { continue };
        let mut whole = real;
        for part in rest.components() {
            match part {
                Component::ParentDir => _ = whole.pop(),
                part => whole.push(part),
            }
        }
        return whole;
    }
    path
}

/// The run, or the prepared cases, that a folder is of; of a folder with all links resolved.
fn run_of(folder: &Path) -> Option<PathBuf> {
    let has = |folder: &Path, names: &[&str]| names.iter().all(|name| folder.join(name).is_file());
    let is_run = |folder: &&Path| {
        has(folder, &["plan.toml", "plan.input.toml", "manifest.json"])
            || (folder.file_name().is_some_and(|name| name == "prepared") && has(folder, &["files.json"]))
    };
    folder.ancestors().find(is_run).map(Path::to_owned)
}

/// The data set that a folder is, or is in; of a folder with all links resolved.
fn dataset_of(folder: &Path) -> Option<PathBuf> {
    let is_part =
        |folder: &Path| folder.file_name().is_some_and(|name| DATASET_FOLDERS.iter().any(|part| name == *part));
    let is_whole = |folder: &Path| {
        DATASET_FOLDERS.iter().any(|part| folder.join(part).is_dir()) || describes_images(&folder.join(DATASET_FILE))
    };
    let above = folder.ancestors().find(|folder| is_part(folder) || is_whole(folder))?;
    let whole = above.parent().filter(|_| is_part(above)).unwrap_or(above);
    Some(whole.to_owned())
}

/// Whether a description lists an image that exists beside it: nnU-Net keeps copies of descriptions where there are no images.
fn describes_images(description: &Path) -> bool {
    let text = fs::read_to_string(description).unwrap_or_default();
    let Ok(Value::Object(entries)) = serde_json::from_str(&text) else { return false };
    let listed = ["training", "test", "dataset"].iter().filter_map(|key| first_image(entries.get(*key)?));
    listed.map(|image| description.with_file_name("").join(image)).any(|path| path.exists())
}

fn first_image(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => is_image_name(text).then_some(text),
        Value::Array(values) => values.iter().find_map(first_image),
        Value::Object(values) => values.values().find_map(first_image),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests;
