//! Score tables: one per metric for readers, and one of all metrics for programs.

use std::collections::BTreeMap;

use crate::evaluate::metric::Metric;
use crate::report::statistics::summary::{ScoreSummary, Spread};
use crate::report::table::data::{Cell, Column, Rank, Table, UNDEFINED, ranks};
use crate::statistics::{BOOTSTRAP_RESAMPLES, Interval};
use crate::units::capitalized;

/// Marks a mean over fewer cases than were planned.
const INCOMPLETE: char = '†';
/// Explains the mark.
const INCOMPLETE_NOTE: &str =
    "† Cases are missing: the mean is over the remaining cases and is not the result of the plan.";

/// The metrics of some summaries, in the order of [`Metric::all`].
pub(crate) fn metrics_of(summaries: &[ScoreSummary]) -> Vec<Metric> {
    let occurs = |metric: &Metric| summaries.iter().any(|summary| summary.metric == *metric);
    Metric::all().filter(occurs).collect()
}

/// The table of one metric for readers: one row per run, configuration and class.
///
/// Within each class the best mean and the second best are marked; means over fewer cases than planned do not compete.
pub(crate) fn score_table(summaries: &[ScoreSummary], metric: Metric) -> Table {
    let several_runs = summaries.iter().any(|summary| summary.run != summaries[0].run);
    let summaries: Vec<&ScoreSummary> = summaries.iter().filter(|summary| summary.metric == metric).collect();
    let unit = metric.unit().map_or_else(String::new, |unit| format!(" ({unit})"));
    let mut columns = vec![
        Column::words("configuration", "configuration").omitted_if_constant(),
        Column::words("class", "class"),
        Column::numbers("mean", format!("mean ± SD{unit}")),
        Column::numbers("interval", format!("95 % CI of the mean{unit}")),
        Column::numbers("median", format!("median [quartiles]{unit}")),
        Column::numbers("n", "cases"),
        Column::numbers("empty_references", "empty references").omitted_if_constant(),
        Column::numbers("sd_over_folds", "SD over folds"),
        Column::numbers("sd_over_seeds", "SD over seeds").omitted_if_constant(),
    ];
    if several_runs {
        columns.insert(0, Column::words("run", "run").omitted_if_constant());
    }
    let mut table = Table::new(metric.name(), capitalized(&titles(&summaries)), columns);
    table.description = describe_scores();
    table.grouped_by = Some(usize::from(several_runs));
    let cells =
        summaries.iter().zip(ranks_by_class(&summaries)).map(|(summary, rank)| cells(summary, rank, several_runs));
    table.rows = cells.collect();
    if summaries.iter().any(|summary| summary.missing > 0) {
        table.notes.push(INCOMPLETE_NOTE.to_owned());
    }
    table
}

/// How the values of all score tables were computed.
fn describe_scores() -> String {
    format!(
        "Statistics over the validation cases; the 95 % CI is the percentile interval of {BOOTSTRAP_RESAMPLES} bootstrap resamples of the cases."
    )
}

/// The titles of a metric; runs with different tolerances give several.
fn titles(summaries: &[&ScoreSummary]) -> String {
    let mut titles: Vec<&str> = Vec::new();
    for summary in summaries {
        if !titles.contains(&summary.metric_title.as_str()) {
            titles.push(&summary.metric_title);
        }
    }
    titles.join(", ")
}

fn ranks_by_class(summaries: &[&ScoreSummary]) -> Vec<Option<Rank>> {
    let mut classes = BTreeMap::<&str, Vec<usize>>::new();
    for (at, summary) in summaries.iter().enumerate() {
        classes.entry(&summary.class).or_default().push(at);
    }
    let mut all = vec![None; summaries.len()];
    for members in classes.into_values() {
        let merit = |&at: &usize| {
            let summary = summaries[at];
            summary.mean.filter(|_| summary.missing == 0).map(|mean| summary.metric.better().merit(mean))
        };
        let merits: Vec<Option<f64>> = members.iter().map(merit).collect();
        for (at, rank) in members.into_iter().zip(ranks(&merits)) {
            all[at] = rank;
        }
    }
    all
}

fn cells(summary: &ScoreSummary, rank: Option<Rank>, with_run: bool) -> Vec<Cell> {
    let missing = if summary.missing > 0 { format!(", {} missing", summary.missing) } else { String::new() };
    let mut cells = vec![
        Cell::text(&summary.configuration),
        Cell::text(&summary.class),
        Cell::text(mean_and_sd(summary)).ranked(rank),
        Cell::text(summary.interval.map_or_else(|| UNDEFINED.to_owned(), range)),
        Cell::text(median_and_quartiles(summary)),
        Cell::text(format!("{} of {}{missing}", summary.n, summary.planned)),
        Cell::count(summary.empty_references),
        Cell::text(spread(summary.over_folds, "fold")),
        Cell::text(spread(summary.over_seeds, "seed")),
    ];
    if with_run {
        cells.insert(0, Cell::text(&summary.run));
    }
    cells
}

fn mean_and_sd(summary: &ScoreSummary) -> String {
    let sd = summary.sd.map_or_else(String::new, |sd| format!(" ± {sd:.3}"));
    let mark = if summary.missing > 0 { format!(" {INCOMPLETE}") } else { String::new() };
    format!("{}{sd}{mark}", rounded(summary.mean))
}

fn median_and_quartiles(summary: &ScoreSummary) -> String {
    let quartiles = summary.quartiles.map_or_else(String::new, |quartiles| format!(" [{}]", range(quartiles)));
    format!("{}{quartiles}", rounded(summary.median))
}

fn spread(spread: Spread, group: &str) -> String {
    match spread.groups {
        0 => UNDEFINED.to_owned(),
        1 => format!("one {group}"),
        groups => format!("{} ({groups})", rounded(spread.sd)),
    }
}

fn rounded(value: Option<f64>) -> String {
    Cell::number(value, 3).shown
}

fn range(Interval { low, high }: Interval) -> String {
    format!("{low:.3} to {high:.3}")
}

/// All summaries at full precision: one row per run, configuration, class and metric.
pub(crate) fn score_data(summaries: &[ScoreSummary]) -> Table {
    let columns = vec![
        Column::words("run", "run"),
        Column::words("configuration", "configuration"),
        Column::numbers("label", "label"),
        Column::words("class", "class"),
        Column::words("metric", "metric"),
        Column::numbers("n", "cases"),
        Column::numbers("planned", "planned"),
        Column::numbers("missing", "missing"),
        Column::numbers("empty_references", "empty references"),
        Column::numbers("mean", "mean"),
        Column::numbers("sd", "SD"),
        Column::numbers("median", "median"),
        Column::numbers("quartile_1", "first quartile"),
        Column::numbers("quartile_3", "third quartile"),
        Column::numbers("interval_low", "95 % CI, low"),
        Column::numbers("interval_high", "95 % CI, high"),
        Column::numbers("sd_over_folds", "SD over folds"),
        Column::numbers("folds", "folds"),
        Column::numbers("sd_over_seeds", "SD over seeds"),
        Column::numbers("seeds", "seeds"),
    ];
    let mut table = Table::new("scores", "Scores", columns);
    table.rows = summaries.iter().map(data_cells).collect();
    table
}

fn data_cells(summary: &ScoreSummary) -> Vec<Cell> {
    let low = |interval: Option<Interval>| number(interval.map(|interval| interval.low));
    let high = |interval: Option<Interval>| number(interval.map(|interval| interval.high));
    vec![
        Cell::text(&summary.run),
        Cell::text(&summary.configuration),
        Cell::count(summary.label.into()),
        Cell::text(&summary.class),
        Cell::text(summary.metric.name()),
        Cell::count(summary.n),
        Cell::count(summary.planned),
        Cell::count(summary.missing),
        Cell::count(summary.empty_references),
        number(summary.mean),
        number(summary.sd),
        number(summary.median),
        low(summary.quartiles),
        high(summary.quartiles),
        low(summary.interval),
        high(summary.interval),
        number(summary.over_folds.sd),
        Cell::count(summary.over_folds.groups),
        number(summary.over_seeds.sd),
        Cell::count(summary.over_seeds.groups),
    ]
}

fn number(value: Option<f64>) -> Cell {
    Cell::number(value, 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Dice of eight cases, in two folds and one seed.
    fn summary(run: &str, class: &str, mean: f64) -> ScoreSummary {
        ScoreSummary {
            run: run.to_owned(),
            configuration: "3d_fullres".to_owned(),
            label: 1,
            class: class.to_owned(),
            metric: Metric::Dice,
            metric_title: Metric::Dice.title(1.0),
            n: 8,
            planned: 8,
            missing: 0,
            empty_references: 0,
            mean: Some(mean),
            sd: Some(0.02),
            median: Some(mean),
            quartiles: Some(Interval { low: mean - 0.1, high: mean + 0.1 }),
            interval: Some(Interval { low: mean - 0.05, high: mean + 0.05 }),
            over_folds: Spread { sd: Some(0.01), groups: 2 },
            over_seeds: Spread { sd: None, groups: 1 },
        }
    }

    fn shown(table: &Table) -> Vec<Vec<&str>> {
        table.rows.iter().map(|row| row.iter().map(|cell| cell.shown.as_str()).collect()).collect()
    }

    fn ranks_of(table: &Table) -> Vec<Option<Rank>> {
        table.rows.iter().map(|row| row.iter().find_map(|cell| cell.rank)).collect()
    }

    #[test]
    fn missing_cases_are_counted_and_marked() {
        let incomplete = ScoreSummary { n: 6, missing: 2, empty_references: 1, ..summary("a", "x", 0.8) };
        let table = score_table(&[incomplete], Metric::Dice);
        assert_eq!(
            shown(&table)[0],
            [
                "3d_fullres",
                "x",
                "0.800 ± 0.020 †",
                "0.750 to 0.850",
                "0.800 [0.700 to 0.900]",
                "6 of 8, 2 missing",
                "1",
                "0.010 (2)",
                "one seed"
            ]
        );
        assert_eq!(table.notes, [INCOMPLETE_NOTE]);
    }

    #[test]
    fn the_best_mean_of_a_class_is_marked_only_if_there_are_several() {
        let summaries =
            [summary("a", "x", 0.8), summary("b", "x", 0.9), summary("c", "x", 0.7), summary("a", "y", 0.5)];
        let table = score_table(&summaries, Metric::Dice);
        assert_eq!(ranks_of(&table), [Some(Rank::Second), Some(Rank::Best), None, None]);
    }

    #[test]
    fn an_incomplete_mean_does_not_compete() {
        let incomplete = ScoreSummary { n: 6, missing: 2, ..summary("b", "x", 0.9) };
        let table = score_table(&[summary("a", "x", 0.8), incomplete, summary("c", "x", 0.7)], Metric::Dice);
        assert_eq!(ranks_of(&table), [Some(Rank::Best), None, Some(Rank::Second)]);
    }

    #[test]
    fn every_row_of_the_data_has_a_cell_per_column() {
        let table = score_data(&[summary("a", "x", 0.8)]);
        assert_eq!(table.rows[0].len(), table.columns.len());
    }
}
