//! Scores in short: for each run, configuration, class and metric one line, with everything that tells how far to trust it.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::record::Record;
use crate::report::record::scores::Row;
use crate::report::statistics::numbers::{bootstrap, mean, quantile, sd};

/// One metric of one class of one configuration of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Name of the run.
    pub run: String,
    /// Configuration, or those of an ensemble.
    pub configuration: String,
    /// Value of the class's label.
    pub label: u8,
    /// Name of the class.
    pub class: String,
    /// The metric.
    pub metric: String,
    /// Cases that have a value: what the statistics below are over.
    pub n: usize,
    /// Held-out cases of the planned folds: what `n` would be if nothing were missing or undefined.
    pub planned: usize,
    /// Cases that have no score for a planned network, or none at all.
    pub missing: usize,
    /// Cases whose reference lacks the class.
    pub empty_references: usize,
    /// Mean over cases.
    pub mean: Option<f64>,
    /// Standard deviation over cases.
    pub sd: Option<f64>,
    /// Median over cases.
    pub median: Option<f64>,
    /// First and third quartile over cases.
    pub quartiles: Option<(f64, f64)>,
    /// Bootstrap 95 % interval of the mean.
    pub interval: Option<(f64, f64)>,
    /// Standard deviation of the folds' means, and their number.
    pub folds: (Option<f64>, usize),
    /// Standard deviation of the seeds' means, and their number.
    pub seeds: (Option<f64>, usize),
}

/// Values of one metric, class and configuration, one a case: the mean over seeds where there are several.
pub fn case_values(record: &Record, configuration: &str, label: u8, metric: usize) -> BTreeMap<String, f64> {
    let mut values = BTreeMap::<String, Vec<f64>>::new();
    for row in rows(record, configuration, label) {
        values.entry(row.case.clone()).or_default().extend(row.values[metric]);
    }
    values.into_iter().filter_map(|(case, values)| Some((case, mean(&values)?))).collect()
}

fn rows<'a>(record: &'a Record, configuration: &'a str, label: u8) -> impl Iterator<Item = &'a Row> {
    record.scores.rows.iter().filter(move |row| row.configuration == configuration && row.label == label)
}

/// All lines of a run; those of a metric stand together.
pub fn lines(record: &Record) -> Vec<Line> {
    let mut lines = Vec::new();
    for metric in 0..record.scores.metrics.len() {
        for (place, system) in record.systems().iter().enumerate() {
            for &label in record.plan.data.labels.keys() {
                lines.push(line(record, metric, (place, system), label));
            }
        }
    }
    lines
}

fn line(record: &Record, metric: usize, (place, configuration): (usize, &str), label: u8) -> Line {
    let cases = case_values(record, configuration, label, metric);
    let values: Vec<f64> = cases.values().copied().collect();
    let mut scored = BTreeMap::<&str, BTreeSet<u64>>::new();
    let mut empty = BTreeSet::new();
    for row in rows(record, configuration, label) {
        scored.entry(&row.case).or_default().insert(row.seed);
        if row.reference_voxels == 0 {
            empty.insert(&row.case);
        }
    }
    let seeds = record.plan.run.seeds.len();
    let whole = |case: &str| scored.get(case).is_some_and(|found| found.len() == seeds);
    Line {
        run: record.plan.name.clone(),
        configuration: configuration.to_owned(),
        label,
        class: record.class(label).to_owned(),
        metric: record.scores.metrics[metric].clone(),
        n: values.len(),
        planned: record.held_out().count(),
        missing: record.held_out().filter(|(_, case)| !whole(case)).count(),
        empty_references: empty.len(),
        mean: mean(&values),
        sd: sd(&values),
        median: quantile(&values, 0.5),
        quartiles: quantile(&values, 0.25).zip(quantile(&values, 0.75)),
        interval: bootstrap(&values, [place as u64, label.into(), metric as u64, 0]),
        folds: spread(record, configuration, label, metric, |row| row.fold as u64),
        seeds: spread(record, configuration, label, metric, |row| row.seed),
    }
}

/// Standard deviation of the means of groups of scores, and the number of groups.
fn spread(
    record: &Record,
    configuration: &str,
    label: u8,
    metric: usize,
    group: fn(&Row) -> u64,
) -> (Option<f64>, usize) {
    let mut groups = BTreeMap::<u64, Vec<f64>>::new();
    for row in rows(record, configuration, label) {
        groups.entry(group(row)).or_default().extend(row.values[metric]);
    }
    let means: Vec<f64> = groups.values().filter_map(|values| mean(values)).collect();
    (sd(&means), means.len())
}
