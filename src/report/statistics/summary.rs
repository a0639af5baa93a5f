//! Summaries of scores: one per run, model, class and metric, with everything needed to judge how reliable it is.

use std::collections::{BTreeMap, BTreeSet};

use crate::evaluate::metric::Metric;
use crate::evaluate::scores::Score;
use crate::report::record::RunRecord;
use crate::statistics::{Interval, bootstrap_mean, mean, quantile, sample_sd};

/// One metric of one class of one model, over the validation cases.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScoreSummary {
    pub run: String,
    /// Configuration, or those of an ensemble joined by `+`.
    pub configuration: String,
    pub label: u8,
    pub class: String,
    pub metric: Metric,
    /// Label of the metric with unit and tolerance.
    pub metric_title: String,
    /// Cases with a defined value, which the statistics below are over.
    pub n: usize,
    /// Validation cases of the planned folds.
    pub planned: usize,
    /// Validation cases that lack the score of at least one planned network.
    pub missing: usize,
    /// Scored cases whose reference lacks the class.
    pub empty_references: usize,
    pub mean: Option<f64>,
    pub sd: Option<f64>,
    pub median: Option<f64>,
    /// First and third quartile.
    pub quartiles: Option<Interval>,
    /// 95 % percentile bootstrap interval of the mean.
    pub interval: Option<Interval>,
    pub over_folds: Spread,
    pub over_seeds: Spread,
}

/// Spread of the means of groups of cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// Standard deviation of the means.
    pub sd: Option<f64>,
    /// Number of groups.
    pub groups: usize,
}

/// The defined values of a metric by case; the mean over seeds if there are several.
pub(crate) fn case_values(record: &RunRecord, model: &str, label: u8, metric: Metric) -> BTreeMap<String, f64> {
    let mut values = BTreeMap::<String, Vec<f64>>::new();
    for score in record.scores_of(model, label) {
        values.entry(score.case.0.clone()).or_default().extend(score.value(metric));
    }
    values.into_iter().filter_map(|(case, values)| Some((case, mean(&values)?))).collect()
}

/// All summaries of a run, sorted by metric, model and label.
pub(crate) fn summarize_run(record: &RunRecord) -> Vec<ScoreSummary> {
    if record.scores.is_empty() {
        return Vec::new();
    }
    let mut summaries = Vec::new();
    for metric in Metric::all() {
        for (at, model) in (0..).zip(record.models()) {
            for &label in record.plan.data.labels.keys() {
                let stream = [at, label.into(), metric as u64, 0];
                summaries.push(summarize(record, metric, &model, label, stream));
            }
        }
    }
    summaries
}

/// One summary; `stream` selects the random numbers of its bootstrap.
fn summarize(record: &RunRecord, metric: Metric, model: &str, label: u8, stream: [u64; 4]) -> ScoreSummary {
    let values: Vec<f64> = case_values(record, model, label, metric).into_values().collect();
    let mut seeds = BTreeMap::<&str, BTreeSet<u64>>::new();
    let mut empty = BTreeSet::new();
    for score in record.scores_of(model, label) {
        seeds.entry(&score.case.0).or_default().insert(score.network.seed);
        if score.counts.reference() == 0 {
            empty.insert(&score.case.0);
        }
    }
    let planned_seeds = record.plan.run.seeds.len();
    let is_complete = |case: &str| seeds.get(case).is_some_and(|scored| scored.len() == planned_seeds);
    let quartile = |fraction: f64| quantile(&values, fraction);
    ScoreSummary {
        run: record.plan.name.clone(),
        configuration: model.to_owned(),
        label,
        class: record.class_name(label).to_owned(),
        metric,
        metric_title: record.metric_title(metric),
        n: values.len(),
        planned: record.validation_cases().count(),
        missing: record.validation_cases().filter(|(_, case)| !is_complete(case)).count(),
        empty_references: empty.len(),
        mean: mean(&values),
        sd: sample_sd(&values),
        median: quartile(0.5),
        quartiles: quartile(0.25).zip(quartile(0.75)).map(|(low, high)| Interval { low, high }),
        interval: bootstrap_mean(&values, stream),
        over_folds: spread(record.scores_of(model, label), metric, |score| score.network.fold as u64),
        over_seeds: spread(record.scores_of(model, label), metric, |score| score.network.seed),
    }
}

fn spread<'a>(scores: impl Iterator<Item = &'a Score>, metric: Metric, group: fn(&Score) -> u64) -> Spread {
    let mut groups = BTreeMap::<u64, Vec<f64>>::new();
    for score in scores {
        groups.entry(group(score)).or_default().extend(score.value(metric));
    }
    let means: Vec<f64> = groups.values().filter_map(|values| mean(values)).collect();
    Spread { sd: sample_sd(&means), groups: means.len() }
}
