//! The scores of one case: all metrics of all classes.

use std::path::Path;

use crate::dataset::CaseId;
use crate::dataset::gate::{Expected, Issues, read_labels};
use crate::evaluate::confusion::{ConfusionCell, count_confusion};
use crate::evaluate::counts::{Counts, count_voxels};
use crate::evaluate::scores::{Score, ScoredNetwork};
use crate::evaluate::surface::compare_surfaces;
use crate::volume::LabelMap;

/// The two label maps of a case, as files.
#[derive(Clone, Copy, Debug)]
pub struct LabelFiles<'a> {
    /// The case.
    pub case: &'a CaseId,
    /// The reference.
    pub reference: &'a Path,
    /// The prediction.
    pub prediction: &'a Path,
}

/// The scores of one prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseScores {
    /// One score per class.
    pub scores: Vec<Score>,
    /// The confusion matrix.
    pub confusion: Vec<ConfusionCell>,
}

/// Scores one prediction file against its reference file. The tolerance is that of the normalised surface Dice.
///
/// # Errors
///
/// All problems of both files: unreadable, undeclared labels, different grids.
pub fn score_files(
    files: LabelFiles<'_>,
    network: &ScoredNetwork,
    expected: &Expected<'_>,
    tolerance_mm: f64,
) -> Result<CaseScores, Issues> {
    let LabelFiles { case, reference, prediction } = files;
    let reference = read_labels(case, reference, None, expected)?;
    let prediction = read_labels(case, prediction, Some(&reference.geometry), expected)?;
    let classes: Vec<Class<'_>> =
        expected.labels.iter().map(|(&label, name)| Class { value: label.into(), label: label.into(), name }).collect();
    let labels: Vec<u8> = expected.labels.keys().copied().collect();
    let confusion = count_confusion(case, reference.labels.view(), prediction.labels.view(), &labels);
    let maps = LabelMaps { case, reference: &reference, prediction: &prediction };
    Ok(CaseScores { scores: score_maps(maps, network, &classes, tolerance_mm), confusion })
}

/// The two label maps of a case, on one grid.
#[derive(Clone, Copy, Debug)]
pub(super) struct LabelMaps<'a> {
    pub(super) case: &'a CaseId,
    pub(super) reference: &'a LabelMap,
    pub(super) prediction: &'a LabelMap,
}

/// A class to score.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class<'a> {
    /// Its value in the label maps in memory.
    pub(super) value: i16,
    /// Its value in the files.
    pub(super) label: u64,
    pub(super) name: &'a str,
}

/// Scores each class.
pub(super) fn score_maps(
    maps: LabelMaps<'_>,
    network: &ScoredNetwork,
    classes: &[Class<'_>],
    tolerance_mm: f64,
) -> Vec<Score> {
    let LabelMaps { case, reference, prediction } = maps;
    let values: Vec<i16> = classes.iter().map(|class| class.value).collect();
    let counts = count_voxels(reference.labels.view(), prediction.labels.view(), &values);
    let score = |(class, counts): (&Class<'_>, Counts)| {
        let mask = |map: &LabelMap| map.labels.mapv(|value| value == class.value);
        let spacing = reference.geometry.spacing;
        Score {
            network: network.clone(),
            case: case.clone(),
            label: class.label,
            class: class.name.to_owned(),
            counts,
            surface: compare_surfaces(mask(reference).view(), mask(prediction).view(), spacing, tolerance_mm),
        }
    };
    classes.iter().zip(counts).map(score).collect()
}
