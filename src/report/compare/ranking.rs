//! Ranking of models by the mean over the cases that all of them have, and its stability.

use crate::report::compare::models::{Model, class_names, models, shared_metrics};
use crate::report::record::RunRecord;
use crate::report::statistics::ranking::{RankStability, rank_stability};
use crate::report::table::{Cell, Column, Table};
use crate::statistics::BOOTSTRAP_RESAMPLES;

/// The ranking of all models for each metric and class. Returns `None` if there are fewer than two models.
pub(crate) fn ranking_stability(records: &[RunRecord]) -> Option<Table> {
    let columns = vec![
        Column::words("metric", "metric"),
        Column::words("class", "class"),
        Column::words("configuration", if records.len() > 1 { "run and configuration" } else { "configuration" }),
        Column::numbers("cases", "shared cases"),
        Column::numbers("rank", "rank"),
        Column::numbers("rank_interval", "95 % CI of the rank"),
        Column::numbers("ranked_first", "ranked first"),
    ];
    let mut table = Table::new("ranks", "Ranking stability", columns);
    table.description = format!(
        "Ranks by the mean over the cases that all have; intervals and percentages over {BOOTSTRAP_RESAMPLES} bootstrap resamples \
         of these cases."
    );
    for (metric, title) in shared_metrics(records) {
        for (class_index, class) in (0..).zip(class_names(records.iter())) {
            let models = models(records, &class, metric);
            let cases = shared_cases(&models);
            let values: Vec<Vec<f64>> =
                models.iter().map(|model| cases.iter().map(|case| model.values[*case]).collect()).collect();
            let ranks = rank_stability(&values, metric.better(), [metric as u64, class_index, 0, 1]);
            let models = models.iter().zip(ranks.into_iter().flatten());
            table.rows.extend(
                models.map(|(model, rank)| row(Cell::named(&title, metric.name()), &class, model, cases.len(), rank)),
            );
        }
    }
    (!table.rows.is_empty()).then_some(table)
}

fn shared_cases(models: &[Model]) -> Vec<&String> {
    let Some((first, others)) = models.split_first() else { return Vec::new() };
    first.values.keys().filter(|case| others.iter().all(|other| other.values.contains_key(*case))).collect()
}

fn row(metric: Cell, class: &str, model: &Model, cases: usize, stability: RankStability) -> Vec<Cell> {
    let interval = format!("{:.0} to {:.0}", stability.interval.low, stability.interval.high);
    vec![
        metric,
        Cell::text(class),
        Cell::text(&model.name),
        Cell::count(cases),
        Cell::count(stability.rank),
        Cell::text(interval),
        Cell::number_as(Some(stability.first), |fraction| format!("{:.1} %", 100.0 * fraction)),
    ]
}
