//! Postprocess: the post-processing of a candidate, chosen by its cross-validation and applied to its predictions.
//!
//! Decisions are recorded in `postprocessing.json` with a digest of the predictions that they were made for. Source:
//! arXiv:1809.10486, 2.5; the choice by cross-validation is that of nnU-Net commit 6150f1b0.

use std::collections::BTreeMap;

use ndarray::Array3;
use rayon::prelude::*;

use crate::evaluate::{Counts, count_voxels};
use crate::experiment::digests::predictions_digest;
use crate::experiment::error::ExperimentError;
use crate::experiment::stages::context::{Context, Ending};
use crate::experiment::stages::validation::ValidationCases;
use crate::experiment::work::{Members, Work};
use crate::plan::schema::PostprocessRule;
use crate::postprocess::{Decision, Filter, LabelCases, Trial, choose_filter, make_decision};
use crate::run::fingerprint::SavedFingerprint;
use crate::run::postprocessing::{Postprocessing, RecordedDecision};

/// `folds` are the evaluated folds of the candidate.
pub(super) fn postprocess_candidate(
    context: &Context<'_>,
    candidate: Members,
    folds: &[Work],
) -> Result<Ending, ExperimentError> {
    let cases = |work: &Work| match *work {
        Work::Evaluate(id) => Some(ValidationCases::of_network(context, id)),
        Work::Ensemble(id, second) => Some(ValidationCases::of_ensemble(context, id, second)),
        _ => None,
    };
    let folds: Vec<ValidationCases<'_>> = folds.iter().filter_map(cases).collect();
    let filter = match context.plan.postprocess.rule {
        PostprocessRule::None => return Ok(Ending::Done),
        PostprocessRule::CrossValidation => choose_postprocessing(context, candidate, &folds)?.filter,
        // Applied to each prediction when it was made; the evidence is recorded for the report.
        PostprocessRule::SingleComponent => {
            choose_postprocessing(context, candidate, &folds)?;
            Filter::default()
        }
    };
    for fold in &folds {
        if context.is_interrupted() {
            return Ok(Ending::Interrupted);
        }
        fold.apply_postprocessing(&filter)?;
    }
    Ok(Ending::Done)
}

/// The recorded decision about these predictions, or a new one, which is recorded.
fn choose_postprocessing(
    context: &Context<'_>,
    candidate: Members,
    folds: &[ValidationCases<'_>],
) -> Result<Decision, ExperimentError> {
    let predict = folds.first().map_or("", |fold| &fold.digests.predict);
    let digest = predictions_digest(predict, &context.data, folds.iter().map(|fold| fold.split));
    let mut all = Postprocessing::read(&context.folder, context.plan.postprocess.rule)?;
    let name = candidate.to_string();
    if let Some(known) = all.candidates.get(&name).filter(|known| known.digest == digest) {
        return Ok(known.decision.clone());
    }
    let decision = compare_filters(context, folds)?;
    all.candidates.insert(name, RecordedDecision { digest, decision: decision.clone() });
    all.write(&context.folder)?;
    Ok(decision)
}

fn compare_filters(context: &Context<'_>, folds: &[ValidationCases<'_>]) -> Result<Decision, ExperimentError> {
    let plan = context.plan;
    let labels: Vec<u8> = plan.data.labels.keys().copied().collect();
    let cases: Vec<_> = folds.iter().flat_map(|fold| fold.split.val.iter().map(move |id| (fold, id))).collect();
    let tried: Vec<Vec<Trial>> = cases
        .par_iter()
        .map(|(fold, id)| {
            let raw = fold.read_raw(id)?;
            Ok(try_filters(&raw.reference, &raw.prediction, &labels))
        })
        .collect::<Result<_, ExperimentError>>()?;
    let of_label = |(at, &label): (usize, &u8)| (label, tried.iter().map(|case| case[at]).collect());
    let trials: BTreeMap<u8, Vec<Trial>> = labels.iter().enumerate().map(of_label).collect();
    let filter = match plan.postprocess.rule {
        PostprocessRule::CrossValidation => choose_filter(&trials),
        PostprocessRule::SingleComponent | PostprocessRule::None => Filter::of_plan(plan),
    };
    Ok(make_decision(filter, &trials, &plan.data.labels, &count_components(context)?))
}

/// By label: training cases that contain it, and those of them in which it is a single component.
fn count_components(context: &Context<'_>) -> Result<BTreeMap<u8, LabelCases>, ExperimentError> {
    let saved = SavedFingerprint::read(&context.folder)?;
    let mut counts = BTreeMap::<u8, LabelCases>::new();
    for (&label, &components) in
        saved.iter().flat_map(|saved| &saved.fingerprint.cases).flat_map(|case| &case.components)
    {
        let counts = counts.entry(label).or_default();
        counts.cases += 1;
        counts.single_component += usize::from(components == 1);
    }
    Ok(counts)
}

/// Dice of each label after every possible filter of one prediction. Both label maps are `[z, y, x]`.
fn try_filters(reference: &Array3<i16>, raw: &Array3<i16>, labels: &[u8]) -> Vec<Trial> {
    let dice = |filter: Filter| -> Vec<Option<f64>> {
        let mut filtered = raw.clone();
        filter.apply(&mut filtered);
        count_voxels(reference.view(), filtered.view(), labels).into_iter().map(Counts::dice).collect()
    };
    // The filter of one label does not change the others, so that all labels are tried at once.
    let try_filter = |foreground, class: bool| {
        dice(Filter { foreground, classes: labels.iter().copied().filter(|_| class).collect() })
    };
    let (raw, foreground, class, both) =
        (dice(Filter::default()), try_filter(true, false), try_filter(false, true), try_filter(true, true));
    let trial = |at: usize| Trial { raw: raw[at], foreground: foreground[at], class: class[at], both: both[at] };
    (0..labels.len()).map(trial).collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// Predictions and the post-processing that nnU-Net v2 chooses for them; written by `tests/reference/postprocess.py`.
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
    fn cross_validation_chooses_and_applies_the_filters_of_nnunet() {
        let text = include_str!("../../../tests/reference/values/postprocess.json");
        let sets: Vec<Set> = serde_json::from_str(text).unwrap();
        for set in &sets {
            let labels: Vec<u8> = (1..=set.labels).collect();
            let tried: Vec<Vec<Trial>> = set
                .cases
                .iter()
                .map(|case| try_filters(&set.volume(&case.reference), &set.volume(&case.prediction), &labels))
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
