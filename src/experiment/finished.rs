//! Which images of a folder were segmented before: by the same networks, of the same files, and still as they were written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::dataset::{Case, CaseId};
use crate::store::{self, StoreError, digest_of_file, short_digest};

/// File of the output folder that tells what was made of what.
const FILE: &str = ".segplan-predictions.json";

/// What of an output folder is finished.
#[derive(Debug)]
pub(super) struct Finished {
    folder: PathBuf,
    /// Digest of everything but the image that decides on a prediction.
    networks: String,
    cases: BTreeMap<CaseId, Made>,
}

/// What was made of one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    /// Digest of the networks and of the image's files.
    of: String,
    /// The written files by their paths in the folder, each with the SHA-256 of what it holds.
    files: BTreeMap<String, String>,
}

impl Finished {
    /// What was finished in an output folder; nothing where it has no record, or a damaged one.
    pub(super) fn load(folder: &Path, networks: String) -> Result<Self, StoreError> {
        let text = store::read_text_if_present(&folder.join(FILE))?;
        let cases = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        Ok(Self { folder: folder.to_owned(), networks, cases })
    }

    /// Whether these files were made of a case as it is now, by these networks, and are as they were written.
    pub(super) fn has(&self, case: &Case, files: &[PathBuf]) -> bool {
        let Some(made) = self.cases.get(&case.id) else { return false };
        let as_written = |file: &PathBuf| {
            made.files
                .get(file.to_string_lossy().as_ref())
                .is_some_and(|then| digest_of_file(&self.folder.join(file)).is_ok_and(|now| now == *then))
        };
        files.iter().all(as_written) && self.of(case).is_ok_and(|of| of == made.of)
    }

    /// Notes that these files were made of a case.
    pub(super) fn note(&mut self, case: &Case, files: &[PathBuf]) -> Result<(), StoreError> {
        let digest =
            |file: &PathBuf| Ok((file.to_string_lossy().into_owned(), digest_of_file(&self.folder.join(file))?));
        let files = files.iter().map(digest).collect::<Result<_, StoreError>>()?;
        let made = Made { of: self.of(case)?, files };
        self.cases.insert(case.id.clone(), made);
        let mut text = serde_json::to_string_pretty(&self.cases).expect("names and digests are texts");
        text.push('\n');
        store::write_atomic(&self.folder.join(FILE), text.as_bytes())
    }

    fn of(&self, case: &Case) -> Result<String, StoreError> {
        let images: Vec<String> = case.images.iter().map(|path| digest_of_file(path)).collect::<Result<_, _>>()?;
        Ok(short_digest(&(&self.networks, images)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_case_is_finished_only_while_image_networks_and_output_are_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image.nii");
        fs::write(&image, "voxels").unwrap();
        let case = Case { id: CaseId("a".to_owned()), images: vec![image.clone()], labels: None };
        let files = [PathBuf::from("a.nii.gz")];
        let written = folder.path().join(&files[0]);
        fs::write(&written, "labels").unwrap();
        let load = |networks: &str| Finished::load(folder.path(), networks.to_owned()).unwrap();
        assert!(!load("one").has(&case, &files));
        load("one").note(&case, &files).unwrap();
        assert!(load("one").has(&case, &files));
        assert!(!load("two").has(&case, &files), "other networks");
        assert!(
            !load("one").has(&case, &[files[0].clone(), PathBuf::from("probabilities/a.nii.gz")]),
            "more is asked for"
        );

        fs::write(&image, "others").unwrap();
        assert!(!load("one").has(&case, &files), "another image");
        fs::write(&image, "voxels").unwrap();
        fs::write(&written, "edited").unwrap();
        assert!(!load("one").has(&case, &files), "an edited label map");
        fs::remove_file(&written).unwrap();
        assert!(!load("one").has(&case, &files));
    }
}
