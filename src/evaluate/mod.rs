//! How well predictions agree with references: voxels counted label by label, on the images' own grids.
//!
//! Input: label maps, in memory or in folders. Output: one [`scores::Score`] a case and label, and a summary of them.
//! Deliberately absent: networks and plans. Source: spec section 15.

pub mod confusion;
mod counts;
pub mod scores;
pub mod summary;
pub mod surface;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use thiserror::Error;

pub use self::counts::{Counts, count};
use crate::dataset::CaseId;
use crate::dataset::images::stem;
use crate::evaluate::confusion::{Confused, confusion};
use crate::evaluate::scores::{Run, Score};
use crate::evaluate::surface::compare;
use crate::volume::nifti::{NiftiError, read_labels};
use crate::volume::{LabelMap, Shape};

/// Predictions could not be scored.
#[derive(Debug, Error)]
pub enum EvaluateError {
    /// A folder cannot be read.
    #[error("cannot read the folder `{}`: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A reference folder without label maps.
    #[error("`{}` holds no label map; expected files that end in `.nii.gz` or `.nii`", folder.display())]
    Empty {
        /// The folder.
        folder: PathBuf,
    },
    /// Cases without a prediction. They are never left out of a mean.
    #[error("{} of {references} cases have no prediction in `{}`: {}", missing.len(), folder.display(), listed(missing))]
    Missing {
        /// Folder of the predictions.
        folder: PathBuf,
        /// Number of references.
        references: usize,
        /// The cases.
        missing: Vec<CaseId>,
    },
    /// A label map could not be read.
    #[error("case `{case}`: {source}")]
    Nifti {
        /// The case.
        case: CaseId,
        /// Why.
        source: NiftiError,
    },
    /// Two label maps of different shape.
    #[error("case `{case}`: the prediction is {prediction} voxels, the reference {reference}; they must share a grid")]
    Shape {
        /// The case.
        case: CaseId,
        /// Shape of the prediction.
        prediction: Shape,
        /// Shape of the reference.
        reference: Shape,
    },
}

fn listed(cases: &[CaseId]) -> String {
    cases.iter().map(|case| format!("`{case}`")).collect::<Vec<_>>().join(", ")
}

/// What is said of one prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// A score a label.
    pub scores: Vec<Score>,
    /// Which label was taken for which.
    pub confusion: Vec<Confused>,
}

/// Scores one prediction file against its reference file. `tolerance` is that of the normalised surface Dice, mm.
///
/// # Errors
///
/// When either cannot be read, or their shapes differ.
pub fn score_files(
    run: &Run,
    case: &CaseId,
    reference: &Path,
    prediction: &Path,
    labels: &BTreeMap<u8, String>,
    tolerance: f64,
) -> Result<Scored, EvaluateError> {
    let read = |path| read_labels(path).map_err(|source| EvaluateError::Nifti { case: case.clone(), source });
    let (reference, prediction) = (read(reference)?, read(prediction)?);
    if reference.geometry.shape != prediction.geometry.shape {
        let (prediction, reference) = (prediction.geometry.shape, reference.geometry.shape);
        return Err(EvaluateError::Shape { case: case.clone(), prediction, reference });
    }
    let numbers: Vec<u8> = labels.keys().copied().collect();
    let counts = count(reference.labels.view(), prediction.labels.view(), &numbers);
    let score = |((&label, name), counts): ((&u8, &String), Counts)| Score {
        run: run.clone(),
        case: case.clone(),
        label,
        name: name.clone(),
        counts,
        surface: {
            let mask = |map: &LabelMap| map.labels.mapv(|value| value == i16::from(label));
            let spacing = reference.geometry.spacing;
            compare(mask(&reference).view(), mask(&prediction).view(), spacing, tolerance)
        },
    };
    let confusion = confusion(case, reference.labels.view(), prediction.labels.view(), &numbers);
    Ok(Scored { scores: labels.iter().zip(counts).map(score).collect(), confusion })
}

/// Scores a folder of predictions against a folder of references of the same names.
///
/// All labels that occur in any file are scored. Predictions without a reference are passed over. `tolerance` is that of the
/// normalised surface Dice, mm.
///
/// # Errors
///
/// When a folder or file cannot be read, or when a reference has no prediction: all such cases are named.
pub fn evaluate_folders(reference: &Path, prediction: &Path, tolerance: f64) -> Result<Vec<Score>, EvaluateError> {
    let references = label_maps(reference)?;
    if references.is_empty() {
        return Err(EvaluateError::Empty { folder: reference.to_owned() });
    }
    let predictions = label_maps(prediction)?;
    let missing: Vec<CaseId> = references.keys().filter(|case| !predictions.contains_key(*case)).cloned().collect();
    if !missing.is_empty() {
        return Err(EvaluateError::Missing { folder: prediction.to_owned(), references: references.len(), missing });
    }
    let labels = labels_in(&references, &predictions)?;
    let run = Run { experiment: String::new(), configuration: String::new(), fold: 0, seed: 0 };
    let scored: Vec<Scored> = references
        .par_iter()
        .map(|(case, path)| score_files(&run, case, path, &predictions[case], &labels, tolerance))
        .collect::<Result<_, _>>()?;
    Ok(scored.into_iter().flat_map(|scored| scored.scores).collect())
}

fn label_maps(folder: &Path) -> Result<BTreeMap<CaseId, PathBuf>, EvaluateError> {
    let fail = |source| EvaluateError::Folder { folder: folder.to_owned(), source };
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if let Some(case) = stem(&path) {
            found.insert(CaseId(case.to_owned()), path.clone());
        }
    }
    Ok(found)
}

/// Every foreground label of some files, named by its number.
fn labels_in(
    references: &BTreeMap<CaseId, PathBuf>,
    predictions: &BTreeMap<CaseId, PathBuf>,
) -> Result<BTreeMap<u8, String>, EvaluateError> {
    let found: Vec<BTreeSet<i16>> = references
        .par_iter()
        .flat_map(|(case, path)| [(case, path), (case, &predictions[case])])
        .map(|(case, path)| {
            let labels = read_labels(path).map_err(|source| EvaluateError::Nifti { case: case.clone(), source })?;
            Ok(labels.labels.iter().copied().collect())
        })
        .collect::<Result<_, EvaluateError>>()?;
    let all: BTreeSet<i16> = found.into_iter().flatten().collect();
    let foreground = all.into_iter().filter_map(|label| u8::try_from(label).ok()).filter(|&label| label > 0);
    Ok(foreground.map(|label| (label, label.to_string())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_missing_predictions_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let (reference, prediction) = (folder.path().join("reference"), folder.path().join("prediction"));
        for path in [&reference, &prediction] {
            fs::create_dir(path).unwrap();
        }
        for name in ["a.nii.gz", "b.nii.gz", "c.nii.gz"] {
            fs::write(reference.join(name), b"").unwrap();
        }
        fs::write(prediction.join("b.nii.gz"), b"").unwrap();
        let refused = evaluate_folders(&reference, &prediction, 1.0).unwrap_err().to_string();
        assert!(refused.contains("2 of 3 cases") && refused.ends_with("`a`, `c`"), "{refused}");
    }
}
