//! The request to segment a folder, and the files that are written.

use std::path::{Path, PathBuf};

use crate::dataset::Case;
use crate::plan::schema::ConfigurationName;
use crate::store::claim::{Claim, ClaimError};
use crate::store::outputs::Outputs;
use crate::volume::io::format::file_name;

/// A folder of images to segment with a run.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The run folder.
    pub run: &'a Path,
    /// Folder of the images.
    pub input: &'a Path,
    /// Folder for the segmentations.
    pub output: &'a Path,
    /// Configuration; by default the candidate with the best cross-validation.
    pub configuration: Option<ConfigurationName>,
    /// Device; that of the run by default.
    pub device: Option<&'a str>,
    /// Whether probabilities are written to `probabilities/` of the output folder.
    pub probabilities: bool,
    /// Memory for images and probabilities, GiB; that of the run by default.
    pub memory_gib: Option<u64>,
    /// Whether files of the output folder may be replaced that segplan did not write.
    pub overwrite: bool,
}

/// The files of a case in the output folder.
pub(super) struct CaseFiles {
    pub(super) labels: PathBuf,
    pub(super) probabilities: Option<PathBuf>,
}

impl CaseFiles {
    /// Both paths.
    pub(super) fn all(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.labels).chain(&self.probabilities)
    }
}

impl Request<'_> {
    /// The files that are written for a case.
    pub(super) fn files(&self, case: &Case) -> CaseFiles {
        let labels = PathBuf::from(file_name(&case.id.0));
        let probabilities = self.probabilities.then(|| Path::new("probabilities").join(&labels));
        CaseFiles { labels, probabilities }
    }

    /// Checks that all files may be written.
    pub(super) fn claim(&self, cases: &[Case]) -> Result<Outputs, ClaimError> {
        let files: Vec<PathBuf> =
            cases.iter().flat_map(|case| self.files(case).all().cloned().collect::<Vec<_>>()).collect();
        let images = cases.iter().flat_map(|case| &case.images).cloned();
        let inputs: Vec<PathBuf> = [self.run, self.input].map(Path::to_owned).into_iter().chain(images).collect();
        Claim::new(self.output, &files, &inputs).overwriting(self.overwrite).check()
    }
}
