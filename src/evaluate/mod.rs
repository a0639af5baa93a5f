//! How well predictions agree with references: voxels counted label by label, on the images' own grids.
//!
//! Input: label maps, in memory or in folders. Output: one [`scores::Score`] a case and label, and a summary of them.
//! Deliberately absent: networks and plans. Source: spec section 15.

pub mod confusion;
pub mod scores;
pub mod summary;
pub mod surface;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{ArrayView3, Zip};
use rayon::prelude::*;
use thiserror::Error;

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

/// Voxels of one label in a prediction and its reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// In both.
    pub true_positives: u64,
    /// In the prediction only.
    pub false_positives: u64,
    /// In the reference only.
    pub false_negatives: u64,
}

impl Counts {
    /// Voxels of the label in the reference.
    pub fn reference(self) -> u64 {
        self.true_positives + self.false_negatives
    }

    /// Voxels of the label in the prediction.
    pub fn prediction(self) -> u64 {
        self.true_positives + self.false_positives
    }

    /// `2 TP / (2 TP + FP + FN)`; none where both are empty, 0 where one is. Source: spec section 15.
    pub fn dice(self) -> Option<f64> {
        let total = self.reference() + self.prediction();
        (total > 0).then(|| 2.0 * self.true_positives as f64 / total as f64)
    }

    /// `TP / (TP + FP + FN)`; none where both are empty.
    pub fn iou(self) -> Option<f64> {
        share(self.true_positives, self.true_positives + self.false_positives + self.false_negatives)
    }

    /// `TP / (TP + FP)`; none where the prediction is empty.
    pub fn precision(self) -> Option<f64> {
        share(self.true_positives, self.prediction())
    }

    /// `TP / (TP + FN)`; none where the reference is empty.
    pub fn recall(self) -> Option<f64> {
        share(self.true_positives, self.reference())
    }

    /// Predicted volume above (positive) or below the reference's, as a share of it; none where the reference is empty.
    pub fn volume_difference(self) -> Option<f64> {
        share(self.prediction(), self.reference()).map(|ratio| ratio - 1.0)
    }
}

/// A share of some voxels; none where there are no voxels to have a share of.
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Counts of each label of `labels`, in their order.
///
/// # Panics
///
/// When the label maps differ in shape.
pub fn count(reference: ArrayView3<'_, i16>, prediction: ArrayView3<'_, i16>, labels: &[u8]) -> Vec<Counts> {
    assert_eq!(reference.dim(), prediction.dim(), "shapes of reference and prediction");
    let mut place = [None; 256];
    for (at, &label) in labels.iter().enumerate() {
        place[usize::from(label)] = Some(at);
    }
    let place = |label: i16| usize::try_from(label).ok().and_then(|label| *place.get(label)?);
    let mut counts = vec![Counts::default(); labels.len()];
    Zip::from(reference).and(prediction).for_each(|&reference, &prediction| {
        if reference == prediction {
            if let Some(at) = place(reference) {
                counts[at].true_positives += 1;
            }
            return;
        }
        if let Some(at) = place(reference) {
            counts[at].false_negatives += 1;
        }
        if let Some(at) = place(prediction) {
            counts[at].false_positives += 1;
        }
    });
    counts
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
    use ndarray::array;

    use super::*;

    #[test]
    fn voxels_are_counted_label_by_label() {
        let reference = array![[[1_i16, 1, 2, 0, 0]]];
        let prediction = array![[[1_i16, 2, 2, 1, 0]]];
        let counts = count(reference.view(), prediction.view(), &[1, 2]);
        assert_eq!(counts[0], Counts { true_positives: 1, false_positives: 1, false_negatives: 1 });
        assert_eq!(counts[1], Counts { true_positives: 1, false_positives: 1, false_negatives: 0 });
        assert_eq!(counts[0].dice(), Some(0.5));
        assert_eq!(counts[1].iou(), Some(0.5));
    }

    #[test]
    fn two_empty_masks_have_no_dice_and_one_empty_mask_has_zero() {
        assert_eq!(Counts::default().dice(), None);
        assert_eq!(Counts { false_positives: 3, ..Counts::default() }.dice(), Some(0.0));
        assert_eq!(Counts { false_negatives: 3, ..Counts::default() }.dice(), Some(0.0));
    }

    #[test]
    fn precision_needs_a_prediction_and_recall_and_volume_a_reference() {
        let counts = Counts { true_positives: 3, false_positives: 1, false_negatives: 5 };
        assert_eq!((counts.precision(), counts.recall()), (Some(0.75), Some(0.375)));
        assert_eq!(counts.volume_difference(), Some(-0.5));
        let invented = Counts { false_positives: 2, ..Counts::default() };
        assert_eq!((invented.precision(), invented.recall(), invented.volume_difference()), (Some(0.0), None, None));
        let overlooked = Counts { false_negatives: 2, ..Counts::default() };
        assert_eq!((overlooked.precision(), overlooked.recall()), (None, Some(0.0)));
        assert_eq!(overlooked.volume_difference(), Some(-1.0));
    }

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
