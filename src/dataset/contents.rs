//! SHA-256 digests of a data set's files, which reveal a changed image or label map.
//!
//! A file is read once. After that, it counts as unchanged while its size, its modification and change times and its
//! inode stay the same; otherwise it is read again. A copied or touched data set therefore stays the same, a corrected
//! label map does not. A file that changed within the last seconds is not remembered, because the clock may be too
//! coarse for its next change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::dataset::case::{Case, CaseId};
use crate::dataset::definition::Dataset;
use crate::store::stamp::FileStamp;
use crate::store::{self, StoreError};

/// Digests of the files of the training cases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Contents {
    /// For each case, the SHA-256 of each of its files, by the path within the data set.
    pub cases: BTreeMap<CaseId, BTreeMap<String, String>>,
}

/// Files that were read before, by absolute path.
pub type KnownFiles = BTreeMap<PathBuf, KnownFile>;

/// A file that was read before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFile {
    /// Its size, times and inode.
    pub stamp: FileStamp,
    /// SHA-256 of its content.
    pub digest: String,
}

impl Contents {
    /// Computes the digests of a data set's training cases. Files in `known` that are unchanged are not read again;
    /// `known` is updated. Calls `on_done` after each case.
    ///
    /// # Errors
    ///
    /// If a file is missing or cannot be read, with its path.
    pub fn read(dataset: &Dataset, known: &mut KnownFiles, on_done: &(dyn Fn() + Sync)) -> Result<Self, StoreError> {
        let read = |case: &Case| {
            let files = case
                .images
                .iter()
                .chain(&case.labels)
                .map(|path| digest_file(path, known))
                .collect::<Result<Vec<_>, _>>();
            on_done();
            Ok((case.id.clone(), files?))
        };
        let cases: Vec<(CaseId, Vec<Digested>)> =
            dataset.training.par_iter().map(read).collect::<Result<_, StoreError>>()?;
        let (mut contents, root) = (Self::default(), absolute(&dataset.folder));
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

    /// Whether all images were read before, so that reading them again takes no time.
    pub fn is_known(dataset: &Dataset, known: &KnownFiles) -> bool {
        dataset.training.iter().flat_map(|case| &case.images).all(|path| known.contains_key(&absolute(path)))
    }

    /// Digest of all files, shortened to 16 digits.
    pub fn digest(&self) -> String {
        store::short_digest(&self.cases)
    }

    /// Digest of one case's files, shortened to 16 digits.
    pub fn of_case(&self, id: &CaseId) -> String {
        store::short_digest(&self.cases.get(id))
    }

    /// Names of the files that were changed, added or removed since `before`, sorted.
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

/// A file in its present state.
struct Digested {
    /// Absolute path.
    path: PathBuf,
    file: KnownFile,
    /// Whether every later change will change its stamp.
    is_settled: bool,
}

fn digest_file(path: &Path, known: &KnownFiles) -> Result<Digested, StoreError> {
    let stamp = FileStamp::of(path)?;
    // Before the file is read, which may take longer than a tick of the clock.
    let is_settled = stamp.is_settled();
    let path_in_full = absolute(path);
    let file = match known.get(&path_in_full) {
        Some(file) if file.stamp == stamp => file.clone(),
        // A change during reading is detected the next time: the stamp is older.
        _ => KnownFile { stamp, digest: store::digest_of_file(path)? },
    };
    Ok(Digested { path: path_in_full, file, is_settled })
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::phantom::{self, PhantomConfig};
    use crate::volume::Shape;

    #[test]
    fn a_changed_file_is_detected_and_a_touched_one_is_unchanged() {
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
        assert_eq!(read(), before, "rewritten with the same content");

        std::fs::copy(other, image).unwrap();
        let after = read();
        let name = image.file_name().unwrap().to_str().unwrap();
        assert_eq!(
            after.changed_since(&before),
            [format!("imagesTr/{name}")],
            "but not the label map of the same name"
        );
        assert_ne!(after.digest(), before.digest());
        let [first, second, _] = [0, 1, 2].map(|case| &dataset.training[case].id);
        assert_eq!(after.of_case(first), before.of_case(first));
        assert_ne!(after.of_case(second), before.of_case(second));
    }

    #[test]
    fn a_corrected_file_of_the_same_size_and_time_is_detected() {
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
    fn an_unchanged_file_is_not_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let config = PhantomConfig { cases: 1, shape: Shape([14, 26, 26]), ..PhantomConfig::default() };
        let dataset = phantom::write(&folder.path().join("Phantom"), &config, &|| ()).unwrap();
        let (mut known, image) = (KnownFiles::new(), &dataset.training[0].images[0]);
        let stamp = FileStamp::of(image).unwrap();
        known.insert(absolute(image), KnownFile { stamp, digest: "the digest of an earlier read".to_owned() });
        let contents = Contents::read(&dataset, &mut known, &|| ()).unwrap();
        let files = &contents.cases[&dataset.training[0].id];
        assert_eq!(files["imagesTr/phantom_001.nii.gz"], "the digest of an earlier read");
        assert!(known.is_empty(), "the files are too new to remember");
    }
}
