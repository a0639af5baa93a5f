//! How well predictions agree with references: voxels counted label by label, on the images' own grids.
//!
//! Input: label maps, in memory or in folders. Output: one [`scores::Score`] a case and label, and a summary of them.
//! Deliberately absent: networks and plans. Source: spec section 15.

pub mod confusion;
mod counts;
pub mod folders;
pub mod output;
pub mod scores;
pub mod summary;
pub mod surface;

use std::path::Path;

pub use self::counts::{Counts, count};
use crate::dataset::CaseId;
use crate::dataset::gate::{Expected, Faults, read_labels};
use crate::evaluate::confusion::{Confused, confusion};
use crate::evaluate::scores::{Run, Score};
use crate::evaluate::surface::compare;
use crate::volume::LabelMap;

/// The scores of one prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// One score per label.
    pub scores: Vec<Score>,
    /// Which label was taken for which.
    pub confusion: Vec<Confused>,
}

/// Scores one prediction file against its reference file. `tolerance` is that of the normalised surface Dice, mm.
///
/// # Errors
///
/// All faults of both: files that cannot be read, labels that are not declared, grids that differ.
pub fn score_files(
    run: &Run,
    case: &CaseId,
    reference: &Path,
    prediction: &Path,
    expected: &Expected<'_>,
    tolerance: f64,
) -> Result<Scored, Faults> {
    let reference = read_labels(case, reference, None, expected)?;
    let prediction = read_labels(case, prediction, Some(&reference.geometry), expected)?;
    let classes: Vec<Class<'_>> =
        expected.labels.iter().map(|(&label, name)| Class { value: label.into(), label: label.into(), name }).collect();
    let scores = score_maps(run, case, &reference, &prediction, &classes, tolerance);
    let numbers: Vec<u8> = expected.labels.keys().copied().collect();
    let confusion = confusion(case, reference.labels.view(), prediction.labels.view(), &numbers);
    Ok(Scored { scores, confusion })
}

/// A class that is scored.
#[derive(Clone, Copy, Debug)]
struct Class<'a> {
    /// Its value in the label maps.
    value: i16,
    /// Its label in the files.
    label: u64,
    /// Its name.
    name: &'a str,
}

/// Scores each class of two label maps on one grid.
fn score_maps(
    run: &Run,
    case: &CaseId,
    reference: &LabelMap,
    prediction: &LabelMap,
    classes: &[Class<'_>],
    tolerance: f64,
) -> Vec<Score> {
    let values: Vec<i16> = classes.iter().map(|class| class.value).collect();
    let counts = count(reference.labels.view(), prediction.labels.view(), &values);
    let score = |(class, counts): (&Class<'_>, Counts)| Score {
        run: run.clone(),
        case: case.clone(),
        label: class.label,
        name: class.name.to_owned(),
        counts,
        surface: {
            let mask = |map: &LabelMap| map.labels.mapv(|value| value == class.value);
            let spacing = reference.geometry.spacing;
            compare(mask(reference).view(), mask(prediction).view(), spacing, tolerance)
        },
    };
    classes.iter().zip(counts).map(score).collect()
}
