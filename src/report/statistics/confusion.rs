//! The confusion matrix of each model over the validation cases of all folds and seeds.
//!
//! Input: the voxels that were counted when the cases were scored; for runs without these, predictions and references, with two
//! cases per thread in memory. Output: voxels by reference and predicted class. Deliberately absent: the figure.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::dataset::gate::read_labels;
use crate::dataset::{CaseId, Dataset};
use crate::evaluate::confusion::{ConfusionCell, count_confusion, read, sum_cells};
use crate::report::record::{ModelFold, RecordError, RunRecord};
use crate::units::counted;

/// The confusion matrix of one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Confusion {
    pub(crate) model: String,
    /// Number of cases counted.
    pub cases: usize,
    /// All labels, the background first.
    pub labels: Vec<u8>,
    /// Voxels by reference label and predicted label.
    pub voxels: BTreeMap<(u8, u8), u64>,
}

impl Confusion {
    /// Fraction of the voxels of a reference label that were predicted as a label. `None` if there are no such voxels.
    pub(crate) fn fraction(&self, reference: u8, prediction: u8) -> Option<f64> {
        let all: u64 = self.labels.iter().filter_map(|&label| self.voxels.get(&(reference, label))).sum();
        let part = self.voxels.get(&(reference, prediction)).copied().unwrap_or(0);
        (all > 0).then(|| part as f64 / all as f64)
    }
}

/// The confusion matrices of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Confusions {
    /// One per model with counted cases.
    pub matrices: Vec<Confusion>,
    /// Notes on predictions that could not be counted.
    pub notes: Vec<String>,
}

/// Counts the confusion matrices of all models of a run.
///
/// # Errors
///
/// If a table exists and cannot be read.
pub(crate) fn count_confusions(record: &RunRecord, dataset: Option<&Dataset>) -> Result<Confusions, RecordError> {
    let mut confusions = Confusions::default();
    for model in record.models() {
        let (mut cells, mut unreadable) = (Vec::new(), 0);
        for fold in record.model_folds().filter(|fold| fold.model == model) {
            let counted = count_fold(record, dataset, fold)?;
            cells.extend(counted.cells);
            unreadable += counted.unreadable;
        }
        if unreadable > 0 {
            let predictions = counted(unreadable, "prediction");
            confusions.notes.push(format!("{model}: {predictions} could not be read for the confusion matrix."));
        }
        if !cells.is_empty() {
            let cases: BTreeSet<&CaseId> = cells.iter().map(|cell| &cell.case).collect();
            let labels = std::iter::once(0).chain(record.plan.data.labels.keys().copied()).collect();
            let voxels = sum_cells(cells.iter());
            confusions.matrices.push(Confusion { model, cases: cases.len(), labels, voxels });
        }
    }
    Ok(confusions)
}

#[derive(Default)]
struct CountedFold {
    cells: Vec<ConfusionCell>,
    /// Number of cases whose labels could not be read.
    unreadable: usize,
}

fn count_fold(record: &RunRecord, dataset: Option<&Dataset>, fold: ModelFold<'_>) -> Result<CountedFold, RecordError> {
    if fold.folder.confusion().is_file() {
        return Ok(CountedFold { cells: read(&fold.folder.confusion())?, unreadable: 0 });
    }
    let (Some(dataset), Some(split)) = (dataset, record.splits.get(fold.fold)) else {
        return Ok(CountedFold::default());
    };
    if !fold.folder.scores().is_file() {
        return Ok(CountedFold::default());
    }
    let cases: Vec<Option<Vec<ConfusionCell>>> =
        split.val.par_iter().map(|case| count_case(record, dataset, fold, case)).collect();
    let unreadable = cases.iter().filter(|cells| cells.is_none()).count();
    Ok(CountedFold { cells: cases.into_iter().flatten().flatten().collect(), unreadable })
}

/// Returns `None` if the reference or the prediction of the case cannot be read.
fn count_case(record: &RunRecord, dataset: &Dataset, fold: ModelFold<'_>, case: &CaseId) -> Option<Vec<ConfusionCell>> {
    let labels: Vec<u8> = record.plan.data.labels.keys().copied().collect();
    let expected = record.plan.expected();
    let case = dataset.training.iter().find(|known| known.id == *case)?;
    let reference = read_labels(&case.id, case.labels.as_ref()?, None, &expected).ok()?;
    let prediction = fold.folder.prediction(&case.id.0);
    let prediction = read_labels(&case.id, &prediction, Some(&reference.geometry), &expected).ok()?;
    Some(count_confusion(&case.id, reference.labels.view(), prediction.labels.view(), &labels))
}
