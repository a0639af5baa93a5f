//! Pictures of a network's best, median and worst validation case.

use std::collections::BTreeMap;

use ndarray::Axis;

use crate::dataset::gate::{Expected, read_case, read_labels};
use crate::dataset::{Case, CaseId};
use crate::evaluate::scores::Score;
use crate::experiment::ExperimentError;
use crate::report::figure::slice::slice_png::{PredictedCase, write_slices};
use crate::run::folder::FoldFolder;

/// Draws the cases with the highest, middle and lowest mean Dice over their labels.
pub(super) fn draw(
    folder: &FoldFolder,
    cases: &[&Case],
    scores: &[Score],
    expected: &Expected<'_>,
) -> Result<(), ExperimentError> {
    let ranked = ranked(scores);
    let Some(last) = ranked.len().checked_sub(1) else { return Ok(()) };
    for (name, place) in [("best", 0), ("median", last / 2), ("worst", last)] {
        let (id, dice) = &ranked[place];
        let Some(case) = cases.iter().find(|case| case.id == *id) else { continue };
        let (image, reference) = read_case(case, expected)?;
        let prediction = read_labels(id, &folder.prediction(&id.0), Some(&image.geometry), expected)?;
        let picture = PredictedCase {
            image: image.voxels.index_axis(Axis(0), 0),
            spacing: image.geometry.spacing,
            reference: reference.labels.view(),
            prediction: prediction.labels.view(),
            labels: expected.labels,
            title: format!("{name} validation case: {id}, mean Dice {dice:.3}"),
        };
        write_slices(&picture, &folder.picture(name))?;
    }
    Ok(())
}

/// Cases by mean Dice over their labels, best first; cases without any Dice are left out.
fn ranked(scores: &[Score]) -> Vec<(CaseId, f64)> {
    let mut by_case = BTreeMap::<&CaseId, Vec<f64>>::new();
    for score in scores {
        if let Some(dice) = score.counts.dice() {
            by_case.entry(&score.case).or_default().push(dice);
        }
    }
    let mut ranked: Vec<(CaseId, f64)> =
        by_case.into_iter().map(|(case, dice)| (case.clone(), dice.iter().sum::<f64>() / dice.len() as f64)).collect();
    ranked.sort_by(|(_, left), (_, right)| right.total_cmp(left));
    ranked
}
