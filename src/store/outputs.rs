//! Files that a verb writes for a user, and the record by which they are known as its own.
//!
//! A file is made under a name in a hidden folder beside its place, then noted in the record with its digest, and then given its
//! name: whenever the process is killed, each file that segplan wrote is in the record, and no other one is. The record is a list of
//! lines that is only added to, so that several processes can write into one folder.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::store::{StoreError, digest_of_file, read_text_if_present, remove_if_present, write_atomic};

/// The record of a folder's outputs.
pub const RECORD: &str = ".segplan-outputs.jsonl";
/// What the names of folders of unfinished files begin and end with.
const STAGING: (&str, &str) = (".segplan-", ".partial");
/// The file in such a folder that is locked as long as its process lives.
const LOCK: &str = ".lock";

/// A line of the record.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    /// Name in the folder, with `/` between folders.
    file: String,
    /// What the file held when it was written.
    sha256: String,
    /// Digest of what it was made of, where the verb can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made_of: Option<String>,
}

/// What was written into a folder: for each name the digests that the file may have, each with the digest of what it was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record(BTreeMap<String, BTreeMap<String, Option<String>>>);

/// Whose a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// There is none.
    Nobody,
    /// It is as segplan wrote it.
    Segplan,
    /// Somebody made or changed it.
    Other {
        /// Whether segplan wrote a file of this name once.
        written: bool,
    },
    /// It is a folder.
    Folder,
}

impl Record {
    /// The record of a folder; an empty one where there is none. A line that is not whole was being written when a process was
    /// killed, and counts for nothing.
    ///
    /// # Errors
    ///
    /// When the file exists and cannot be read.
    pub fn read(folder: &Path) -> Result<Self, StoreError> {
        let text = read_text_if_present(&folder.join(RECORD)).or_else(|error| match error.source.kind() {
            // What the folder is, is said where it is written to.
            io::ErrorKind::NotADirectory => Ok(None),
            _ => Err(error),
        })?;
        let path = folder.join(RECORD);
        let refused = |reason: &str| {
            let source =
                io::Error::new(io::ErrorKind::InvalidData, format!("{reason}; remove it, or name another place"));
            StoreError { verb: "use", path: path.clone(), source }
        };
        if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink()) {
            return Err(refused("it is a link"));
        }
        // A first line that is whole and no entry was not written by this program.
        let first = text.as_ref().and_then(|text| text.split_once('\n')).map(|(first, _)| first);
        if first.is_some_and(|first| serde_json::from_str::<Entry>(first).is_err()) {
            return Err(refused("it is no record of segplan's outputs"));
        }
        let mut all = BTreeMap::<String, BTreeMap<String, Option<String>>>::new();
        for entry in
            text.iter().flat_map(|text| text.lines()).filter_map(|line| serde_json::from_str::<Entry>(line).ok())
        {
            all.entry(entry.file).or_default().insert(entry.sha256, entry.made_of);
        }
        Ok(Self(all))
    }

    /// Names of all files that are recorded.
    pub fn names(&self) -> impl Iterator<Item = PathBuf> {
        self.0.keys().map(PathBuf::from)
    }

    /// Whether nothing is recorded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose the file of a name in the folder is.
    ///
    /// # Errors
    ///
    /// When it exists and cannot be read.
    pub fn owner(&self, folder: &Path, name: &Path) -> Result<Owner, StoreError> {
        let path = folder.join(name);
        let Ok(metadata) = fs::symlink_metadata(&path) else { return Ok(Owner::Nobody) };
        if metadata.is_dir() {
            return Ok(Owner::Folder);
        }
        let known = self.0.get(&key(name));
        match known {
            // A link is no file of ours, whatever it leads to.
            Some(digests) if metadata.is_file() && digests.contains_key(&digest_of_file(&path)?) => Ok(Owner::Segplan),
            known => Ok(Owner::Other { written: known.is_some() }),
        }
    }
}

/// Whether the record says of a file, which is as it was written, that it was made of what has a digest.
fn is_made_of(record: &Record, folder: &Path, name: &Path, made_of: &str) -> bool {
    let noted = |sha256: String| record.0.get(&key(name))?.get(&sha256)?.as_deref();
    digest_of_file(&folder.join(name)).ok().and_then(noted) == Some(made_of)
}

/// The name of a file in its folder, as the record has it.
fn key(name: &Path) -> String {
    let parts: Vec<_> = name.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    parts.join("/")
}

/// Files that are being written into a folder.
#[derive(Debug)]
pub struct Outputs {
    folder: PathBuf,
    staging: PathBuf,
    overwrite: bool,
    record: Mutex<Record>,
    /// Names of the files that were written.
    kept: Mutex<BTreeSet<String>>,
    /// Locked as long as the process lives.
    lock: Option<File>,
}

impl Outputs {
    /// Opens a folder that [`Claim::check`](crate::store::claim::Claim::check) has found to be free.
    pub(super) fn open(folder: &Path, record: Record, overwrite: bool) -> Self {
        remove_abandoned(folder);
        let staging = folder.join(format!("{}{}{}", STAGING.0, std::process::id(), STAGING.1));
        let (kept, record) = (Mutex::default(), Mutex::new(record));
        Self { folder: folder.to_owned(), staging, overwrite, record, kept, lock: None }
    }

    /// The hidden folder in which files are made before they get their names.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn staging(&mut self) -> Result<&Path, StoreError> {
        if self.lock.is_none() {
            let fail = |source| StoreError { verb: "create", path: self.staging.clone(), source };
            fs::create_dir_all(&self.staging).map_err(fail)?;
            let lock = File::create(self.staging.join(LOCK)).map_err(fail)?;
            // Where a file cannot be locked, an unfinished folder may be removed while it is in use; two processes that write into
            // one folder of such a system are not worth a refusal.
            let _ = lock.try_lock();
            self.lock = Some(lock);
        }
        Ok(&self.staging)
    }

    /// Gives a file that was made in the hidden folder its name, and notes it as segplan's.
    ///
    /// # Errors
    ///
    /// When there is a file of this name that somebody has put there in the meantime, or the system refuses.
    pub fn keep(&self, name: &Path) -> Result<(), StoreError> {
        self.note(&[name], None)?;
        self.rename(name)
    }

    /// As [`Outputs::keep`], and notes the digest of all that the file was made of.
    ///
    /// # Errors
    ///
    /// As [`Outputs::keep`].
    pub fn keep_made_of(&self, name: &Path, made_of: &str) -> Result<(), StoreError> {
        self.note(&[name], Some(made_of))?;
        self.rename(name)
    }

    /// Whether a file was made of what has this digest, and is as it was written.
    pub fn is_made_of(&self, name: &Path, made_of: &str) -> bool {
        is_made_of(&self.record.lock().unwrap_or_else(PoisonError::into_inner), &self.folder, name, made_of)
    }

    /// Gives all files in the hidden folder their names, those in folders before those beside them, and removes what was written here
    /// before and is not part of it any more.
    ///
    /// # Errors
    ///
    /// As [`Outputs::keep`].
    pub fn keep_all(&self) -> Result<(), StoreError> {
        let mut names = Vec::new();
        files_in(&self.staging, Path::new(""), &mut names)?;
        names.sort_by_key(|name| (Reverse(name.components().count()), name.clone()));
        let names: Vec<&Path> = names.iter().map(PathBuf::as_path).filter(|name| *name != Path::new(LOCK)).collect();
        // Before the first one has its name: all of them, or none.
        for name in &names {
            self.refuse_others(name)?;
        }
        self.note(&names, None)?;
        for name in &names {
            self.rename(name)?;
        }
        self.tidy()
    }

    fn note(&self, names: &[&Path], made_of: Option<&str>) -> Result<(), StoreError> {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = String::new();
        for name in names {
            let (file, sha256) = (key(name), digest_of_file(&self.staging.join(name))?);
            let made_of = made_of.map(str::to_owned);
            let known = record.0.entry(file.clone()).or_default().insert(sha256.clone(), made_of.clone());
            if known.as_ref() != Some(&made_of) {
                lines.push_str(&line(&Entry { file, sha256, made_of }));
            }
        }
        let path = self.folder.join(RECORD);
        let fail = |source| StoreError { verb: "write", path: path.clone(), source };
        if lines.is_empty() {
            return Ok(());
        }
        let mut file = File::options().read(true).append(true).create(true).open(&path).map_err(fail)?;
        if !ends_a_line(&mut file).map_err(fail)? {
            // A process was killed while it wrote its line.
            lines.insert(0, '\n');
        }
        file.write_all(lines.as_bytes()).and_then(|()| file.sync_data()).map_err(fail)
    }

    fn refuse_others(&self, name: &Path) -> Result<(), StoreError> {
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        match record.owner(&self.folder, name)? {
            Owner::Other { .. } if !self.overwrite => {
                let source = io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "it is not as segplan wrote it; `--overwrite` replaces it",
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
        #[expect(clippy::disallowed_methods, reason = "a whole file gets its name")]
        fs::rename(self.staging.join(name), &path).map_err(fail)?;
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(key(name));
        Ok(())
    }

    /// Removes files of earlier times that nobody has changed and that were not written now, and leaves in the record what was.
    fn tidy(&self) -> Result<(), StoreError> {
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for file in record.0.keys() {
            let path = self.folder.join(file);
            if kept.contains(file) {
                let sha256 = digest_of_file(&path)?;
                let made_of = record.0[file].get(&sha256).cloned().flatten();
                text.push_str(&line(&Entry { file: file.clone(), sha256, made_of }));
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
            // What stays is hidden, and is removed by the next process that writes here.
            let _ = fs::remove_dir_all(&self.staging);
        }
    }
}

fn ends_a_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

fn line(entry: &Entry) -> String {
    serde_json::to_string(entry).expect("an entry is texts") + "\n"
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

/// Removes the unfinished files of processes that do not live any more.
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
