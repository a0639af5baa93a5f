//! The files that are written for a prediction.

use std::path::{Path, PathBuf};

use crate::dataset::Case;
use crate::segment::error::SegmentError;
use crate::segment::request::Request;
use crate::store::claim::Claim;
use crate::store::outputs::{Outputs, PREDICTION};
use crate::volume::io::format::{file_name, is_image_name, is_unsupported_name};

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

/// Where the files of a prediction are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    /// The folder.
    pub(super) folder: PathBuf,
    /// Name of the label map of a single case, if the output is the path of one.
    only: Option<PathBuf>,
    probabilities: bool,
}

impl Destination {
    /// The destination that a path is: a folder, or a label map if it is named like one and no folder.
    pub(super) fn new(output: &Path, cases: usize, probabilities: bool) -> Result<Self, SegmentError> {
        let name = output.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let is_folder = output.is_dir();
        if !is_folder && is_unsupported_name(&name) {
            return Err(SegmentError::OutputFormat(output.to_owned()));
        }
        if is_folder || !is_image_name(&name) {
            return Ok(Self { folder: output.to_owned(), only: None, probabilities });
        }
        if cases != 1 {
            return Err(SegmentError::OneOutput { path: output.to_owned(), cases });
        }
        let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Self { folder: folder.to_owned(), only: Some(PathBuf::from(name)), probabilities })
    }

    /// The files that are written for a case.
    pub(super) fn files(&self, case: &Case) -> CaseFiles {
        let labels = self.only.clone().unwrap_or_else(|| PathBuf::from(file_name(&case.id.0)));
        let probabilities = self.probabilities.then(|| Path::new("probabilities").join(&labels));
        CaseFiles { labels, probabilities }
    }

    /// The record of the prediction.
    pub(super) fn record(&self) -> PathBuf {
        self.only
            .as_ref()
            .map_or_else(|| PathBuf::from(PREDICTION), |name| PathBuf::from(format!("{}.json", name.display())))
    }

    /// Checks that all files may be written.
    pub(super) fn claim(&self, request: &Request<'_>, cases: &[Case]) -> Result<Outputs, SegmentError> {
        let of_case = |case| self.files(case).all().cloned().collect::<Vec<_>>();
        let files: Vec<PathBuf> = cases.iter().flat_map(of_case).chain([self.record()]).collect();
        let images = cases.iter().flat_map(|case| &case.images);
        let inputs: Vec<PathBuf> =
            request.input.paths().iter().chain(images).cloned().chain([request.model.to_owned()]).collect();
        Ok(Claim::new(&self.folder, &files, &inputs).overwriting(request.overwrite).check()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::CaseId;

    fn files_of(output: &str) -> Result<[String; 3], String> {
        let destination = Destination::new(Path::new(output), 1, false).map_err(|error| error.to_string())?;
        let case = Case { id: CaseId("a".to_owned()), images: Vec::new(), labels: None };
        let shown = |path: PathBuf| path.display().to_string();
        Ok([shown(destination.folder.clone()), shown(destination.files(&case).labels), shown(destination.record())])
    }

    #[test]
    fn a_path_with_the_ending_of_an_image_is_a_label_map_and_any_other_one_a_folder() {
        assert_eq!(files_of("out").unwrap(), ["out", "a.nii.gz", "segplan-prediction.json"]);
        assert_eq!(files_of("here/b.nii.gz").unwrap(), ["here", "b.nii.gz", "b.nii.gz.json"]);
        assert_eq!(files_of("B.NII").unwrap(), [".", "B.NII", "B.NII.json"]);
        insta::assert_snapshot!(files_of("out.nrrd").unwrap_err(), @"`out.nrrd` has an unsupported format; expected a name that ends in `.nii.gz` or `.nii`, or a folder");
        let several = Destination::new(Path::new("out.nii.gz"), 3, false).unwrap_err();
        insta::assert_snapshot!(several, @"`out.nii.gz` is the path of one label map, and the input has 3 cases; expected a folder, such as `segmentations`");
    }
}
