//! The checks before files are written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::store::claim::error::{ClaimError, ForeignFile, ForeignFiles};
use crate::store::claim::guarded::{DATASET_FILE, DATASET_FOLDERS, canonical, dataset_of, run_of};
use crate::store::error::StoreError;
use crate::store::outputs::{Outputs, Owner, Record};

/// Files that a command is about to write.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The output folder.
    pub folder: &'a Path,
    /// Their names in the output folder, such as `probabilities/case.nii.gz`.
    pub files: &'a [PathBuf],
    /// Input files and folders.
    pub inputs: &'a [PathBuf],
    /// Whether files that segplan did not write may be replaced.
    pub overwrite: bool,
    /// Whether the output is a data set.
    pub is_dataset: bool,
}

impl<'a> Claim<'a> {
    /// A claim on files in a folder, computed from some inputs.
    pub fn new(folder: &'a Path, files: &'a [PathBuf], inputs: &'a [PathBuf]) -> Self {
        Self { folder, files, inputs, overwrite: false, is_dataset: false }
    }

    /// The same claim, with or without replacing files that segplan did not write.
    #[must_use]
    pub fn overwriting(self, overwrite: bool) -> Self {
        Self { overwrite, ..self }
    }

    /// Checks that the files may and can be written. Creates only the folder itself.
    ///
    /// # Errors
    ///
    /// If a file exists that segplan did not write, is an input or lies in the folder of one, or lies in a data set; if
    /// two files have the same name; or if the folder cannot be created or written.
    pub fn check(&self) -> Result<Outputs, ClaimError> {
        let folder = canonical(self.folder);
        self.refuse_inputs(&folder)?;
        let record = Record::read(self.folder)?;
        self.refuse_guarded_folders(&folder, &record)?;
        let mut foreign = Vec::new();
        for name in self.files {
            let path = self.folder.join(name);
            match record.owner(self.folder, name)? {
                Owner::Nobody | Owner::Segplan => (),
                Owner::Folder => return Err(ClaimError::Folder(path)),
                Owner::Other { was_written } => foreign.push(ForeignFile { path, was_written }),
            }
        }
        if !foreign.is_empty() && !self.overwrite {
            return Err(ClaimError::Exists(ForeignFiles { files: foreign }));
        }
        let ignores_case = probe(self.folder)?;
        self.refuse_equal_names(ignores_case)?;
        Ok(Outputs::open(self.folder, record, self.overwrite))
    }

    /// Refuses folders in data sets and runs, also behind links within the output folder.
    fn refuse_guarded_folders(&self, folder: &Path, record: &Record) -> Result<(), ClaimError> {
        let mut folders = BTreeSet::from([folder.to_owned()]);
        for name in self.files {
            let path = folder.join(name);
            let inner = path.ancestors().skip(1).take_while(|above| above.starts_with(folder));
            if let Some(file) = inner.into_iter().find(|above| above.exists() && !above.is_dir()) {
                let source = std::io::ErrorKind::NotADirectory.into();
                // The path as the user wrote it.
                let rest = file.strip_prefix(folder).unwrap_or(Path::new(""));
                let path = if rest.as_os_str().is_empty() { self.folder.to_owned() } else { self.folder.join(rest) };
                return Err(StoreError { verb: "write into", path, source }.into());
            }
            folders.extend(path.parent().map(canonical));
        }
        for written in &folders {
            let output = || self.folder.to_owned();
            if let Some(run) = run_of(written) {
                return Err(ClaimError::Run { output: output(), run });
            }
            let Some(dataset) = dataset_of(written) else { continue };
            // The folders of the data set that is being written are allowed.
            let is_own = self.is_dataset && dataset == folder && (written != folder || !record.is_empty());
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
            let is_input = |input: &&PathBuf| **input == path || **input == target || Some(*input) == parent.as_ref();
            if inputs.iter().any(|input| is_input(&input)) {
                return Err(ClaimError::Input(self.folder.join(name)));
            }
        }
        if inputs.iter().any(|input| input == folder) {
            return Err(ClaimError::Input(self.folder.to_owned()));
        }
        Ok(())
    }

    fn refuse_equal_names(&self, ignores_case: bool) -> Result<(), ClaimError> {
        let mut seen = BTreeMap::new();
        for name in self.files {
            let written = name.to_string_lossy();
            let key = if ignores_case { written.to_lowercase() } else { written.into_owned() };
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
/// As [`Claim::check`].
pub fn claim_file(path: &Path, inputs: &[PathBuf], overwrite: bool) -> Result<(), ClaimError> {
    let Some(name) = path.file_name() else { return Err(ClaimError::Folder(path.to_owned())) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Claim::new(folder, &[PathBuf::from(name)], inputs).overwriting(overwrite).check().map(drop)
}

/// Creates a folder if it is missing, and writes and removes a file in it. Returns whether its file system ignores the
/// case of names.
fn probe(folder: &Path) -> Result<bool, StoreError> {
    let fail = |verb| move |source| StoreError { verb, path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(fail("create"))?;
    let name = format!(".segplan-probe-{}.partial", std::process::id());
    let path = folder.join(&name);
    File::create(&path).map_err(fail("write to"))?;
    let ignores_case = folder.join(name.to_uppercase()).exists();
    fs::remove_file(&path).map_err(fail("write to"))?;
    Ok(ignores_case)
}
