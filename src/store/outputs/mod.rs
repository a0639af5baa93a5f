//! Files that a command writes for a user, and the record that identifies them as segplan's.
//!
//! A file is written in a hidden folder beside its final path, then added to the record with its digest, then renamed.
//! Whenever the process is killed, each file that segplan wrote is in the record, and no other one is. The record is
//! only appended to, so several processes can write into one folder.

mod record;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use self::record::{Entry, key, line};
pub use self::record::{Owner, RECORD, Record};
use crate::store::digest::digest_of_file;
use crate::store::error::StoreError;
use crate::store::files::{remove_if_present, write_atomic};

/// The record that `segplan predict` writes beside label maps: their networks, settings and inputs.
pub const PREDICTION: &str = "segplan-prediction.json";
/// Prefix and suffix of the names of folders of unfinished files.
const STAGING: (&str, &str) = (".segplan-", ".partial");
/// The file in such a folder that is locked as long as its process lives.
const LOCK: &str = ".lock";

/// Output files that are being written into a folder.
#[derive(Debug)]
pub struct Outputs {
    folder: PathBuf,
    staging: PathBuf,
    overwrite: bool,
    record: Mutex<Record>,
    /// Names of the files that are complete.
    kept: Mutex<BTreeSet<String>>,
    /// Locked as long as the process lives.
    lock: Option<File>,
}

impl Outputs {
    /// Opens a folder after [`Claim::check`](crate::store::claim::Claim::check).
    pub(super) fn open(folder: &Path, record: Record, overwrite: bool) -> Self {
        remove_abandoned(folder);
        let staging = folder.join(format!("{}{}{}", STAGING.0, std::process::id(), STAGING.1));
        let (kept, record) = (Mutex::default(), Mutex::new(record));
        Self { folder: folder.to_owned(), staging, overwrite, record, kept, lock: None }
    }

    /// The hidden folder in which files are written before they get their names.
    ///
    /// # Errors
    ///
    /// If it cannot be created.
    pub fn staging(&mut self) -> Result<&Path, StoreError> {
        if self.lock.is_none() {
            let fail = |source| StoreError { verb: "create", path: self.staging.clone(), source };
            fs::create_dir_all(&self.staging).map_err(fail)?;
            let lock = File::create(self.staging.join(LOCK)).map_err(fail)?;
            // Without file locks, another process that writes into the same folder may remove this one while it is in
            // use. That is rare enough not to refuse such systems.
            let _ = lock.try_lock();
            self.lock = Some(lock);
        }
        Ok(&self.staging)
    }

    /// Records a file of the hidden folder as segplan's and gives it its name.
    ///
    /// # Errors
    ///
    /// If a file of this name was created by others in the meantime, or the system refuses.
    pub fn keep(&self, name: &Path) -> Result<(), StoreError> {
        self.append_to_record(&[name], None)?;
        self.rename(name)
    }

    /// As [`Outputs::keep`], and records the digest of everything that the file was computed from.
    ///
    /// # Errors
    ///
    /// As [`Outputs::keep`].
    pub fn keep_with_inputs(&self, name: &Path, inputs: &str) -> Result<(), StoreError> {
        self.append_to_record(&[name], Some(inputs))?;
        self.rename(name)
    }

    /// Whether a file is unchanged since it was written, and was computed from inputs with this digest.
    pub fn has_inputs(&self, name: &Path, inputs: &str) -> bool {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).has_inputs(&self.folder, name, inputs)
    }

    /// Gives all files in the hidden folder their names, those in subfolders first, and removes files of earlier
    /// outputs that are not part of this one.
    ///
    /// # Errors
    ///
    /// As [`Outputs::keep`].
    pub fn keep_all(&self) -> Result<(), StoreError> {
        let mut names = Vec::new();
        files_in(&self.staging, Path::new(""), &mut names)?;
        names.sort_by_key(|name| (Reverse(name.components().count()), name.clone()));
        let names: Vec<&Path> = names.iter().map(PathBuf::as_path).filter(|name| *name != Path::new(LOCK)).collect();
        // Before the first one gets its name: all of them, or none.
        for name in &names {
            self.refuse_others(name)?;
        }
        self.append_to_record(&names, None)?;
        for name in &names {
            self.rename(name)?;
        }
        self.remove_outdated()
    }

    fn append_to_record(&self, names: &[&Path], inputs: Option<&str>) -> Result<(), StoreError> {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = String::new();
        for name in names {
            let (file, sha256) = (key(name), digest_of_file(&self.staging.join(name))?);
            let inputs = inputs.map(str::to_owned);
            let known = record.0.entry(file.clone()).or_default().insert(sha256.clone(), inputs.clone());
            if known.as_ref() != Some(&inputs) {
                lines.push_str(&line(&Entry { file, sha256, inputs }));
            }
        }
        let path = self.folder.join(RECORD);
        let fail = |source| StoreError { verb: "write", path: path.clone(), source };
        if lines.is_empty() {
            return Ok(());
        }
        let mut file = File::options().read(true).append(true).create(true).open(&path).map_err(fail)?;
        if !ends_with_newline(&mut file).map_err(fail)? {
            // A process was killed while it wrote the last line.
            lines.insert(0, '\n');
        }
        file.write_all(lines.as_bytes()).and_then(|()| file.sync_data()).map_err(fail)
    }

    fn refuse_others(&self, name: &Path) -> Result<(), StoreError> {
        let mut owner = self.record.lock().unwrap_or_else(PoisonError::into_inner).owner(&self.folder, name)?;
        if let Owner::Other { .. } = owner {
            // Another process may have written it in the meantime.
            owner = Record::read(&self.folder)?.owner(&self.folder, name)?;
        }
        match owner {
            Owner::Other { .. } if !self.overwrite => {
                let source = io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "it was not written by segplan, or has been changed since; replace it with `--overwrite`",
                );
                Err(StoreError { verb: "replace", path: self.folder.join(name), source })
            }
            Owner::Other { .. } | Owner::Nobody | Owner::Segplan | Owner::Folder => Ok(()),
        }
    }

    fn rename(&self, name: &Path) -> Result<(), StoreError> {
        self.refuse_others(name)?;
        let path = self.folder.join(name);
        let fail = |source| StoreError { verb: "write", path: path.clone(), source };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(fail)?;
        }
        #[expect(clippy::disallowed_methods, reason = "a complete file gets its name")]
        fs::rename(self.staging.join(name), &path).map_err(fail)?;
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(key(name));
        Ok(())
    }

    /// Removes unchanged files of earlier outputs that were not written now, and reduces the record to the present
    /// files.
    fn remove_outdated(&self) -> Result<(), StoreError> {
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for file in record.0.keys() {
            let path = self.folder.join(file);
            if kept.contains(file) {
                let sha256 = digest_of_file(&path)?;
                let inputs = record.0[file].get(&sha256).cloned().flatten();
                text.push_str(&line(&Entry { file: file.clone(), sha256, inputs }));
            } else if record.owner(&self.folder, Path::new(file))? == Owner::Segplan {
                remove_if_present(&path)?;
            }
        }
        write_atomic(&self.folder.join(RECORD), text.as_bytes())
    }
}

impl Drop for Outputs {
    fn drop(&mut self) {
        if self.lock.take().is_some() {
            // A folder that cannot be removed is hidden; the next process that writes here removes it.
            let _ = fs::remove_dir_all(&self.staging);
        }
    }
}

fn ends_with_newline(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

fn files_in(root: &Path, inner: &Path, found: &mut Vec<PathBuf>) -> Result<(), StoreError> {
    let folder = root.join(inner);
    let fail = |source| StoreError { verb: "read", path: folder.clone(), source };
    for entry in fs::read_dir(&folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = inner.join(entry.file_name());
        if entry.file_type().map_err(fail)?.is_dir() {
            files_in(root, &name, found)?;
        } else {
            found.push(name);
        }
    }
    Ok(())
}

/// Removes the unfinished files of processes that have ended.
fn remove_abandoned(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_staging = name.to_str().is_some_and(|name| name.starts_with(STAGING.0) && name.ends_with(STAGING.1));
        let path = entry.path();
        if is_staging
            && let Ok(lock) = File::open(path.join(LOCK))
            && lock.try_lock().is_ok()
        {
            let _ = fs::remove_dir_all(&path);
        }
    }
}
