//! Post-processing of a candidate all of whose folds are predicted: what is done, and the evidence for it.
//!
//! Decisions are kept in `postprocessing.json` of the run folder, each with the digest of the predictions that it is about.

use std::collections::BTreeMap;

use ndarray::Array3;
use rayon::prelude::*;

use crate::evaluate::scores::Score;
use crate::evaluate::{Counts, count_voxels};
use crate::experiment::ExperimentError;
use crate::experiment::fold::Progress;
use crate::experiment::held_out::HeldOut;
use crate::experiment::matrix::Experiment;
use crate::plan::schema::PostprocessRule;
use crate::postprocess::{Decision, Filter, Trial, choose_filter, make_decision};
use crate::run::postprocessing::{Postprocessing, RecordedDecision};
use crate::store;

/// Decides on a candidate's post-processing, unless that is done, and sees that its predictions and scores are as decided.
///
/// `folds` are all of its held-out cases, predicted and scored. Gives their scores.
pub(super) fn settle(
    experiment: &Experiment<'_>,
    candidate: &str,
    folds: &[HeldOut<'_>],
) -> Result<(Progress, Vec<Score>), ExperimentError> {
    let rule = experiment.plan.postprocess.rule;
    let of_fold = |fold: &HeldOut<'_>| format!("{} {} {}", fold.predict, fold.data, fold.split.digest());
    let digests: Vec<String> = folds.iter().map(of_fold).collect();
    let digest = store::digest(digests.join(" ").as_bytes());
    let mut all = Postprocessing::read(&experiment.folder, rule)?;
    let known = all.candidates.get(candidate).is_some_and(|known| known.digest == digest);
    if !known && rule != PostprocessRule::None {
        let decision = decide(experiment, folds)?;
        all.candidates.insert(candidate.to_owned(), RecordedDecision { digest, decision });
        all.write(&experiment.folder)?;
    }
    let filter = match rule {
        PostprocessRule::CrossValidation => all.candidates[candidate].decision.filter.clone(),
        // Done to each prediction as it was made.
        PostprocessRule::SingleComponent | PostprocessRule::None => Filter::default(),
    };
    let (mut progress, mut scores) = (Progress::AlreadyDone, Vec::new());
    for fold in folds {
        let (done, rows) = fold.filter(&filter)?;
        if done == Progress::Done {
            progress = done;
        }
        scores.extend(rows);
    }
    Ok((progress, scores))
}

fn decide(experiment: &Experiment<'_>, folds: &[HeldOut<'_>]) -> Result<Decision, ExperimentError> {
    let plan = experiment.plan;
    let labels: Vec<u8> = plan.data.labels.keys().copied().collect();
    let cases: Vec<_> = folds.iter().flat_map(|fold| fold.split.val.iter().map(move |id| (fold, id))).collect();
    let tried: Vec<Vec<Trial>> = cases
        .par_iter()
        .map(|(fold, id)| {
            let (reference, raw) = fold.read_raw(id)?;
            Ok(trials(&reference, &raw, &labels))
        })
        .collect::<Result<_, ExperimentError>>()?;
    let of_label = |(at, &label): (usize, &u8)| (label, tried.iter().map(|case| case[at]).collect());
    let trials: BTreeMap<u8, Vec<Trial>> = labels.iter().enumerate().map(of_label).collect();
    let filter = match plan.postprocess.rule {
        PostprocessRule::CrossValidation => choose_filter(&trials),
        PostprocessRule::SingleComponent | PostprocessRule::None => Filter::of_plan(plan),
    };
    Ok(make_decision(filter, &trials, &plan.data.labels, &experiment.training_components()?))
}

/// Tries all that can be done to one prediction, `[z, y, x]`: Dice of each label.
fn trials(reference: &Array3<i16>, raw: &Array3<i16>, labels: &[u8]) -> Vec<Trial> {
    let dice = |filter: Filter| -> Vec<Option<f64>> {
        let mut filtered = raw.clone();
        filter.apply(&mut filtered);
        count_voxels(reference.view(), filtered.view(), labels).into_iter().map(Counts::dice).collect()
    };
    // The filter of one label does nothing to the others, so that all can be tried at once.
    let tried = |foreground, class: bool| {
        dice(Filter { foreground, classes: labels.iter().copied().filter(|_| class).collect() })
    };
    let (raw, foreground, class, both) =
        (dice(Filter::default()), tried(true, false), tried(false, true), tried(true, true));
    let trial = |at: usize| Trial { raw: raw[at], foreground: foreground[at], class: class[at], both: both[at] };
    (0..labels.len()).map(trial).collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// A set of predictions, and what nnU-Net v2 makes of it; written by `tests/reference/postprocess.py`.
    #[derive(Deserialize)]
    struct Set {
        name: String,
        shape: [usize; 3],
        labels: u8,
        foreground: bool,
        classes: Vec<u8>,
        dice: Means,
        cases: Vec<Case>,
    }

    /// Mean Dice by label.
    #[derive(Deserialize)]
    struct Means {
        before: BTreeMap<u8, f64>,
        after: BTreeMap<u8, f64>,
    }

    /// Labels as digits, `[z, y, x]` in raster order.
    #[derive(Deserialize)]
    struct Case {
        reference: String,
        prediction: String,
        after: String,
    }

    impl Set {
        fn volume(&self, digits: &str) -> Array3<i16> {
            let labels = digits.bytes().map(|digit| i16::from(digit - b'0')).collect();
            Array3::from_shape_vec(self.shape, labels).unwrap()
        }
    }

    #[test]
    fn the_cross_validation_decides_and_filters_as_nnunet_does() {
        let text = include_str!("../../tests/reference/values/postprocess.json");
        let sets: Vec<Set> = serde_json::from_str(text).unwrap();
        for set in &sets {
            let labels: Vec<u8> = (1..=set.labels).collect();
            let tried: Vec<Vec<Trial>> = set
                .cases
                .iter()
                .map(|case| trials(&set.volume(&case.reference), &set.volume(&case.prediction), &labels))
                .collect();
            let of_label = |(at, &label): (usize, &u8)| (label, tried.iter().map(|case| case[at]).collect());
            let trials: BTreeMap<u8, Vec<Trial>> = labels.iter().enumerate().map(of_label).collect();
            let filter = choose_filter(&trials);
            let expected = Filter { foreground: set.foreground, classes: set.classes.iter().copied().collect() };
            assert_eq!(filter, expected, "{}", set.name);

            let names = labels.iter().map(|label| (*label, format!("label {label}"))).collect();
            let decided = make_decision(filter.clone(), &trials, &names, &BTreeMap::new());
            for (label, evidence) in &decided.classes {
                let expected = (set.dice.before[label], set.dice.after[label]);
                let found = (evidence.mean_dice_before.unwrap(), evidence.mean_dice_after.unwrap());
                assert!((found.0 - expected.0).abs() < 1e-12, "{} {label}: {found:?} {expected:?}", set.name);
                assert!((found.1 - expected.1).abs() < 1e-12, "{} {label}: {found:?} {expected:?}", set.name);
            }
            for case in &set.cases {
                let mut labels = set.volume(&case.prediction);
                filter.apply(&mut labels);
                assert_eq!(labels, set.volume(&case.after), "{}", set.name);
            }
        }
        let is_taken = |set: &&Set| set.foreground || !set.classes.is_empty();
        assert_eq!((sets.len(), sets.iter().filter(is_taken).count()), (7, 6), "most sets have something to decide on");
    }
}
