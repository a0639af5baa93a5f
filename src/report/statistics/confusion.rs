//! Which class was taken for which by each system, over the held-out cases of all folds and seeds.
//!
//! Input: what was counted when the cases were scored; for runs that did not count, predictions and references, two cases a
//! thread in memory. Output: a table in voxels. Deliberately absent: the figure.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::dataset::gate::read_labels;
use crate::dataset::{CaseId, Dataset};
use crate::evaluate::confusion::{ConfusionCell, count_confusion, read, sum_cells};
use crate::report::record::{Record, RecordError};
use crate::run::folder::FoldFolder;
use crate::units::counted;

/// The confusion of one system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    /// Its name.
    pub system: String,
    /// Cases that were counted.
    pub cases: usize,
    /// All labels, the background first.
    pub labels: Vec<u8>,
    /// Voxels by label in the reference and label in the prediction.
    pub voxels: BTreeMap<(u8, u8), u64>,
}

impl Confusion {
    /// Share of a reference label's voxels that were predicted as another, 0 to 1; none where it has no voxels.
    pub fn share(&self, reference: u8, prediction: u8) -> Option<f64> {
        let all: u64 = self.labels.iter().filter_map(|&label| self.voxels.get(&(reference, label))).sum();
        let part = self.voxels.get(&(reference, prediction)).copied().unwrap_or(0);
        (all > 0).then(|| part as f64 / all as f64)
    }
}

/// The confusions of all systems of a run; says which cases could not be counted.
///
/// # Errors
///
/// When a table that is there cannot be read.
pub fn count(record: &Record, dataset: Option<&Dataset>) -> Result<(Vec<Confusion>, Vec<String>), RecordError> {
    let (mut confusions, mut gaps) = (Vec::new(), Vec::new());
    for system in record.systems() {
        let (mut cells, mut lost) = (Vec::new(), 0);
        for (_, _, fold, folder) in record.folders().filter(|(name, ..)| *name == system) {
            let (found, missed) = of_fold(record, dataset, fold, folder)?;
            cells.extend(found);
            lost += missed;
        }
        if lost > 0 {
            gaps.push(format!(
                "{system}: the confusion of classes leaves out {} that cannot be read.",
                counted(lost, "prediction")
            ));
        }
        if !cells.is_empty() {
            let cases: BTreeSet<&CaseId> = cells.iter().map(|cell| &cell.case).collect();
            let labels = std::iter::once(0).chain(record.plan.data.labels.keys().copied()).collect();
            confusions.push(Confusion { system, cases: cases.len(), labels, voxels: sum_cells(cells.iter()) });
        }
    }
    Ok((confusions, gaps))
}

/// What was counted of a fold, and how many of its scored cases could not be counted.
fn of_fold(
    record: &Record,
    dataset: Option<&Dataset>,
    fold: usize,
    folder: &FoldFolder,
) -> Result<(Vec<ConfusionCell>, usize), RecordError> {
    if folder.confusion().is_file() {
        return Ok((read(&folder.confusion())?, 0));
    }
    let (Some(dataset), Some(split)) = (dataset, record.splits.get(fold)) else { return Ok((Vec::new(), 0)) };
    if !folder.scores().is_file() {
        return Ok((Vec::new(), 0));
    }
    let labels: Vec<u8> = record.plan.data.labels.keys().copied().collect();
    let one = |case: &CaseId| {
        let known = dataset.training.iter().find(|known| known.id == *case)?;
        let expected = record.plan.expected();
        let reference = read_labels(&known.id, known.labels.as_ref()?, None, &expected).ok()?;
        let prediction = &folder.prediction(&case.0);
        let prediction = read_labels(&known.id, prediction, Some(&reference.geometry), &expected).ok()?;
        Some(count_confusion(&known.id, reference.labels.view(), prediction.labels.view(), &labels))
    };
    let counted: Vec<Option<Vec<ConfusionCell>>> = split.val.par_iter().map(one).collect();
    let lost = counted.iter().filter(|cells| cells.is_none()).count();
    Ok((counted.into_iter().flatten().flatten().collect(), lost))
}

/// All confusions of a run as rows of a table: run, system, both classes, voxels, and their share of the reference's class.
pub fn rows(record: &Record, confusions: &[Confusion]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for confusion in confusions {
        for &reference in &confusion.labels {
            for &prediction in &confusion.labels {
                let voxels = confusion.voxels.get(&(reference, prediction)).copied().unwrap_or(0);
                rows.push(vec![
                    record.plan.name.clone(),
                    confusion.system.clone(),
                    record.class(reference).to_owned(),
                    record.class(prediction).to_owned(),
                    voxels.to_string(),
                    confusion.share(reference, prediction).map_or_else(String::new, |share| share.to_string()),
                ]);
            }
        }
    }
    rows
}
