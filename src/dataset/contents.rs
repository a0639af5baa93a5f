//! What the files of a data set hold, as digests: how a changed image or label map is noticed.
//!
//! A file is read once. After that, its size, its times of modification and of change and its inode say that it is as it was,
//! and a file that differs in any of them is read again: a copied or touched data set is still the same, a corrected label map
//! is not. A file that has changed within the last seconds is not known yet, since the clock may not tell its next change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::dataset::{Case, CaseId, Dataset};
use crate::store::stamp::FileStamp;
use crate::store::{self, StoreError};

/// Digests of the image and label files of the training cases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Contents {
    /// For each case, its files by their paths in the data set, each with the SHA-256 of what it holds.
    pub cases: BTreeMap<CaseId, BTreeMap<String, String>>,
}

/// Files that were read before, by their paths.
pub type KnownFiles = BTreeMap<PathBuf, KnownFile>;

/// A file that was read before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFile {
    /// Its size, times and inode.
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
        let cases: Vec<(CaseId, Vec<Digested>)> =
            dataset.training.par_iter().map(read).collect::<Result<_, StoreError>>()?;
        let (mut contents, root) = (Self::default(), place(&dataset.folder));
        for (id, files) in cases {
            let named = |Digested { path, file, .. }: &Digested| {
                (path.strip_prefix(&root).unwrap_or(path).to_string_lossy().into_owned(), file.digest.clone())
            };
            contents.cases.insert(id, files.iter().map(named).collect());
            for Digested { path, file, is_settled } in files {
                if is_settled {
                    known.insert(path, file);
                } else {
                    known.remove(&path);
                }
            }
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

/// A file as it is now.
struct Digested {
    /// Its path in full.
    path: PathBuf,
    file: KnownFile,
    /// Whether its stamp tells all later changes apart.
    is_settled: bool,
}

fn file(path: &Path, known: &KnownFiles) -> Result<Digested, StoreError> {
    let stamp = FileStamp::of(path)?;
    // Asked before the file is read, which may take longer than the clock's tick.
    let is_settled = stamp.is_settled();
    let place = place(path);
    let file = match known.get(&place) {
        Some(file) if file.stamp == stamp => file.clone(),
        // A change while it is read is noticed the next time: the stamp is of before.
        _ => KnownFile { stamp, digest: store::digest_of_file(path)? },
    };
    Ok(Digested { path: place, file, is_settled })
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

    #[test]
    fn a_corrected_file_of_the_same_size_and_time_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let config = PhantomConfig { cases: 1, shape: Shape([14, 26, 26]), ..PhantomConfig::default() };
        let dataset = phantom::write(&folder.path().join("Phantom"), &config, &|| ()).unwrap();
        let path = dataset.training[0].labels.as_ref().unwrap();
        let long_ago = std::time::UNIX_EPOCH - std::time::Duration::from_secs(100);
        let set_time = || std::fs::File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
        set_time();
        let mut known = KnownFiles::new();
        let mut read = || Contents::read(&dataset, &mut known, &|| ()).unwrap();
        let before = read();
        let mut bytes = std::fs::read(path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(path, &bytes).unwrap();
        set_time();
        assert_eq!(read().changed_since(&before), ["labelsTr/phantom_001.nii.gz"]);
    }

    #[test]
    fn a_file_that_did_not_change_for_a_while_is_not_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let config = PhantomConfig { cases: 1, shape: Shape([14, 26, 26]), ..PhantomConfig::default() };
        let dataset = phantom::write(&folder.path().join("Phantom"), &config, &|| ()).unwrap();
        let (mut known, image) = (KnownFiles::new(), &dataset.training[0].images[0]);
        let stamp = FileStamp::of(image).unwrap();
        known.insert(place(image), KnownFile { stamp, digest: "what was read before".to_owned() });
        let contents = Contents::read(&dataset, &mut known, &|| ()).unwrap();
        let files = &contents.cases[&dataset.training[0].id];
        assert_eq!(files["imagesTr/phantom_001.nii.gz"], "what was read before");
        assert!(known.is_empty(), "the files were made just now");
    }
}
