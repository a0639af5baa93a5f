//! Differences between runs and configurations, case by case: paired tests, their sizes, and how sure a ranking is.
//!
//! Input: records. Output: rows for a table. Cases that only one of two has are left out of their pair, and the number of
//! those that are shared stands beside every value.

pub mod candidates;
pub mod run_table;

use std::collections::BTreeMap;

use rand::RngExt as _;

use crate::random::{Key, Purpose, stream};
use crate::report::record::Record;
use crate::report::record::scores::{Better, shown};
use crate::report::statistics::numbers::{RESAMPLES, SEED, mean, quantile};
use crate::report::statistics::summary::case_values;
use crate::report::statistics::wilcoxon::{holm, signed_rank};

/// A table of differences between runs and configurations.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Name of its files.
    pub name: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// How it was made.
    pub words: String,
    /// Columns whose best number is set off from the others where the table is typeset; high numbers are the better ones.
    pub best: Vec<usize>,
    /// Its rows; the first one is the head.
    pub rows: Vec<Vec<String>>,
}

/// All comparisons of some runs, configurations and ensembles; none where there is only one of them.
pub fn compare(records: &[Record]) -> Vec<Comparison> {
    let one_seed = records.iter().any(|record| record.plan.run.seeds.len() == 1);
    let seed = if one_seed {
        " One seed only, for at least one of them: a difference may be due to chance in training, which no test over cases \
         sees."
    } else {
        ""
    };
    let differences = pairs(records).map(|rows| Comparison {
        name: "differences",
        title: "Differences, case by case",
        words: format!(
            "First minus second over the cases that both have. P values are of the two-sided Wilcoxon signed-rank test, \
             adjusted by Holm's procedure over all rows of a metric; the effect is the matched-pairs rank-biserial \
             correlation.{seed}"
        ),
        best: Vec::new(),
        rows,
    });
    let ranks = ranks(records).map(|rows| Comparison {
        name: "ranks",
        title: "How sure the ranking is",
        words:
            "Ranks by the mean over the cases that all have; intervals over 2000 bootstrap resamples of these cases."
                .to_owned(),
        best: Vec::new(),
        rows,
    });
    differences.into_iter().chain(ranks).collect()
}

/// One configuration of one run, as far as one class and metric go.
struct System {
    name: String,
    values: BTreeMap<String, f64>,
}

/// One paired comparison.
struct Pair {
    metric: String,
    class: String,
    names: [String; 2],
    shared: usize,
    difference: Option<f64>,
    effect: Option<f64>,
    p: Option<f64>,
}

/// All paired comparisons as rows, the first of which is the head; nothing where there is nothing to compare.
///
/// P values are of the two-sided Wilcoxon signed-rank test, adjusted by Holm's procedure over all pairs and classes of a
/// metric. The effect is the matched-pairs rank-biserial correlation: 1 where the first is larger in every case.
fn pairs(records: &[Record]) -> Option<Vec<Vec<String>>> {
    let mut rows = vec![
        [
            "metric",
            "class",
            "first",
            "second",
            "shared cases",
            "median difference",
            "effect (rank-biserial)",
            "p",
            "p (Holm)",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    for metric in shared_metrics(records) {
        let mut pairs = Vec::new();
        for class in classes(records) {
            let systems = systems(records, &class, &metric);
            for (at, first) in systems.iter().enumerate() {
                pairs.extend(systems[at + 1..].iter().map(|second| pair(&metric, &class, first, second)));
            }
        }
        let adjusted = holm(&pairs.iter().map(|pair| pair.p).collect::<Vec<_>>());
        rows.extend(pairs.into_iter().zip(adjusted).map(|(pair, adjusted)| row(pair, adjusted)));
    }
    (rows.len() > 1).then_some(rows)
}

fn pair(metric: &str, class: &str, first: &System, second: &System) -> Pair {
    let differences: Vec<f64> =
        first.values.iter().filter_map(|(case, value)| Some(value - second.values.get(case)?)).collect();
    let test = signed_rank(&differences);
    Pair {
        metric: metric.to_owned(),
        class: class.to_owned(),
        names: [first.name.clone(), second.name.clone()],
        shared: differences.len(),
        difference: quantile(&differences, 0.5),
        effect: test.map(|test| test.effect),
        p: test.map(|test| test.p),
    }
}

fn row(pair: Pair, adjusted: Option<f64>) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:+.4}"));
    let p = |value: Option<f64>| match value {
        None => "–".to_owned(),
        Some(value) if value < 1e-4 => "< 0.0001".to_owned(),
        Some(value) => format!("{value:.4}"),
    };
    let [first, second] = pair.names;
    vec![
        shown(&pair.metric),
        pair.class,
        first,
        second,
        pair.shared.to_string(),
        number(pair.difference),
        number(pair.effect),
        p(pair.p),
        p(adjusted),
    ]
}

/// Ranks by the mean over the cases that all systems share, as rows, the first of which is the head: 95 % intervals of 2000
/// bootstrap resamples of these cases, and the share of resamples in which a system comes first.
fn ranks(records: &[Record]) -> Option<Vec<Vec<String>>> {
    let mut rows = vec![
        ["metric", "class", "system", "shared cases", "rank", "95 % interval of the rank", "first in"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for (place, metric) in shared_metrics(records).into_iter().enumerate() {
        for (at, class) in classes(records).into_iter().enumerate() {
            let systems = systems(records, &class, &metric);
            let Some((first, others)) = systems.split_first().filter(|(_, others)| !others.is_empty()) else {
                continue;
            };
            let shared: Vec<&String> =
                first.values.keys().filter(|case| others.iter().all(|one| one.values.contains_key(*case))).collect();
            if shared.len() < 2 {
                continue;
            }
            let better = Better::of(&metric);
            let merits: Vec<Vec<f64>> =
                systems.iter().map(|system| shared.iter().map(|case| system.values[*case]).collect()).collect();
            let own = ranking(&merits.iter().map(|values| merit(better, values)).collect::<Vec<_>>());
            let drawn = resampled(&merits, better, [place as u64, at as u64, 0, 1]);
            for (system, one) in systems.iter().zip(0..) {
                let places: Vec<f64> = drawn.iter().map(|ranks| ranks[one] as f64).collect();
                let ends = quantile(&places, 0.025).zip(quantile(&places, 0.975));
                let wins = places.iter().filter(|&&rank| rank < 1.5).count() as f64 / RESAMPLES as f64;
                rows.push(vec![
                    shown(&metric),
                    class.clone(),
                    system.name.clone(),
                    shared.len().to_string(),
                    own[one].to_string(),
                    ends.map_or_else(|| "–".to_owned(), |(low, high)| format!("{low:.0} to {high:.0}")),
                    format!("{:.1} %", 100.0 * wins),
                ]);
            }
        }
    }
    (rows.len() > 1).then_some(rows)
}

fn merit(better: Better, values: &[f64]) -> f64 {
    better.merit(mean(values).unwrap_or(f64::NAN))
}

/// Ranks in each resample of the cases; all systems see the same resample.
fn resampled(values: &[Vec<f64>], better: Better, counters: [u64; 4]) -> Vec<Vec<usize>> {
    let mut random = stream(Key { purpose: Purpose::Bootstrap, seed: SEED, counters });
    let cases = values[0].len();
    (0..RESAMPLES)
        .map(|_| {
            let drawn: Vec<usize> = (0..cases).map(|_| random.random_range(0..cases)).collect();
            let merits: Vec<f64> = values
                .iter()
                .map(|values| merit(better, &drawn.iter().map(|&case| values[case]).collect::<Vec<_>>()))
                .collect();
            ranking(&merits)
        })
        .collect()
}

/// Rank of each merit, 1 for the largest; equal ones share the better rank.
fn ranking(merits: &[f64]) -> Vec<usize> {
    merits.iter().map(|own| 1 + merits.iter().filter(|other| *other > own).count()).collect()
}

fn systems(records: &[Record], class: &str, metric: &str) -> Vec<System> {
    let mut systems = Vec::new();
    for record in records {
        let Some((&label, _)) = record.plan.data.labels.iter().find(|(_, name)| *name == class) else { continue };
        let Some(place) = record.scores.metrics.iter().position(|name| name == metric) else { continue };
        for system in record.systems() {
            let name = if records.len() > 1 { format!("{} {system}", record.plan.name) } else { system.clone() };
            let values = case_values(record, &system, label, place);
            if !values.is_empty() {
                systems.push(System { name, values });
            }
        }
    }
    systems
}

/// Metrics that all runs with scores have, in the first one's order.
fn shared_metrics(records: &[Record]) -> Vec<String> {
    let mut scored = records.iter().map(|record| &record.scores.metrics).filter(|metrics| !metrics.is_empty());
    let Some(first) = scored.next() else { return Vec::new() };
    let others: Vec<&Vec<String>> = scored.collect();
    first.iter().filter(|name| others.iter().all(|metrics| metrics.contains(name))).cloned().collect()
}

/// Names of the classes of all runs, each once.
fn classes(records: &[Record]) -> Vec<String> {
    let mut classes: Vec<String> = Vec::new();
    for name in records.iter().flat_map(|record| record.plan.data.labels.values()) {
        if !classes.contains(name) {
            classes.push(name.clone());
        }
    }
    classes
}
