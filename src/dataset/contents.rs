//! What the files of a data set hold, as digests: how a changed image or label map is noticed.
//!
//! A file is read once. After that, its size and time of change say that it is as it was, and only a file that differs in
//! one of them is read again: a copied or touched data set is still the same, a corrected label map is not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::dataset::{Case, CaseId, Dataset};
use crate::store::{self, FileStamp, StoreError};

/// Digests of the image and label files of the training cases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Contents {
    /// For each case, its files by folder and name, each with the SHA-256 of what it holds.
    pub cases: BTreeMap<CaseId, BTreeMap<String, String>>,
}

/// Files that were read before, by their paths.
pub type KnownFiles = BTreeMap<PathBuf, KnownFile>;

/// A file that was read before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFile {
    /// Its size and time of change.
    pub stamp: FileStamp,
    /// SHA-256 of what it held.
    pub digest: String,
}

impl Contents {
    /// The contents of a data set's training cases; `known` saves reading files that are as they were, and is brought up to
    /// date. `on_done` is called after each case.
    ///
    /// # Errors
    ///
    /// When a file is missing or cannot be read, with its path.
    pub fn read(dataset: &Dataset, known: &mut KnownFiles, on_done: &(dyn Fn() + Sync)) -> Result<Self, StoreError> {
        let read = |case: &Case| {
            let files =
                case.images.iter().chain(&case.labels).map(|path| file(path, known)).collect::<Result<Vec<_>, _>>();
            on_done();
            Ok((case.id.clone(), files?))
        };
        let cases: Vec<(CaseId, Vec<(PathBuf, KnownFile)>)> =
            dataset.training.par_iter().map(read).collect::<Result<_, StoreError>>()?;
        let mut contents = Self::default();
        for (id, files) in cases {
            // An image and its label map often have one name, in two folders.
            let named = |(path, file): &(PathBuf, KnownFile)| {
                let end: PathBuf = path.iter().skip(path.iter().count().saturating_sub(2)).collect();
                (end.to_string_lossy().into_owned(), file.digest.clone())
            };
            contents.cases.insert(id, files.iter().map(named).collect());
            known.extend(files);
        }
        Ok(contents)
    }

    /// Whether the data set was read before, so that reading it again takes no time.
    pub fn is_known(dataset: &Dataset, known: &KnownFiles) -> bool {
        dataset.training.iter().flat_map(|case| &case.images).all(|path| known.contains_key(&place(path)))
    }

    /// Digest of everything, shortened to 16 digits.
    pub fn digest(&self) -> String {
        store::short_digest(&self.cases)
    }

    /// Digest of one case's files, shortened to 16 digits.
    pub fn of_case(&self, id: &CaseId) -> String {
        store::short_digest(&self.cases.get(id))
    }

    /// Names of the files that differ from what they were before, or that only one of both has.
    pub fn changed_since(&self, before: &Self) -> Vec<String> {
        let flat = |contents: &Self| -> BTreeMap<String, String> {
            contents.cases.values().flatten().map(|(name, digest)| (name.clone(), digest.clone())).collect()
        };
        let (before, now) = (flat(before), flat(self));
        let mut names: Vec<&String> =
            before.keys().chain(now.keys()).filter(|name| before.get(*name) != now.get(*name)).collect();
        names.sort();
        names.dedup();
        names.into_iter().cloned().collect()
    }
}

/// A file as it is now, by its path in full.
fn file(path: &Path, known: &KnownFiles) -> Result<(PathBuf, KnownFile), StoreError> {
    let stamp = store::stamp(path)?;
    let place = place(path);
    let file = match known.get(&place) {
        Some(file) if file.stamp == stamp => file.clone(),
        _ => KnownFile { stamp, digest: store::digest_of_file(path)? },
    };
    Ok((place, file))
}

/// A path in full.
fn place(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::phantom::{self, PhantomConfig};
    use crate::volume::Shape;

    #[test]
    fn a_changed_file_is_noticed_and_a_touched_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let config = PhantomConfig { cases: 3, shape: Shape([14, 26, 26]), ..PhantomConfig::default() };
        let dataset = phantom::write(&folder.path().join("Phantom"), &config, &|| ()).unwrap();
        let mut known = KnownFiles::new();
        let mut read = || Contents::read(&dataset, &mut known, &|| ()).unwrap();
        let before = read();
        assert_eq!(read(), before);

        let (image, other) = (&dataset.training[1].images[0], &dataset.training[2].images[0]);
        let bytes = std::fs::read(image).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        std::fs::write(image, &bytes).unwrap();
        assert_eq!(read(), before, "written again with what it held");

        std::fs::copy(other, image).unwrap();
        let after = read();
        let name = image.file_name().unwrap().to_str().unwrap();
        assert_eq!(
            after.changed_since(&before),
            [format!("imagesTr/{name}")],
            "and not its label map of the same name"
        );
        assert_ne!(after.digest(), before.digest());
        let [first, second, _] = [0, 1, 2].map(|case| &dataset.training[case].id);
        assert_eq!(after.of_case(first), before.of_case(first));
        assert_ne!(after.of_case(second), before.of_case(second));
    }
}
