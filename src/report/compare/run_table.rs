//! Runs in one table: a row per run and model, with the keys in which the plans differ, and one metric.
//!
//! Input: plans, each with the record of its run, if it was run. Output: a [`Table`] with notes on everything that is missing.
//! A mean is over the cases that all seeds have scored, and the table shows their number.

use std::collections::{BTreeMap, BTreeSet};

use crate::evaluate::metric::Metric;
use crate::plan::compare::{Change, changed_keys};
use crate::plan::name::short_keys;
use crate::report::compare::models::class_names;
use crate::report::record::RunRecord;
use crate::report::statistics::summary::case_values;
use crate::report::table::{Cell, Column, Rank, Table, UNDEFINED, ranks};
use crate::statistics::mean;
use crate::units::counted;

/// Tables of a plan that are not compared.
const NOT_COMPARED: [&str; 3] = ["name", "schema", "runtime"];

/// A plan, and its run if it was run.
#[derive(Clone, Debug)]
pub(crate) struct ComparedRun {
    /// Name of the run.
    pub name: String,
    /// The plan with every key written out, as TOML.
    pub resolved: String,
    pub record: Option<RunRecord>,
}

/// A row of the table.
struct Row {
    run: String,
    /// Values of the keys in which the plans differ; `None` if the plan lacks the key.
    keys: Vec<Option<String>>,
    /// `None` if the plan was never run.
    result: Option<ModelResult>,
}

/// The scores of one model of a run.
struct ModelResult {
    model: String,
    /// Mean over classes of the means over cases. `None` if a class has none.
    mean: Option<f64>,
    /// Mean over cases by class.
    classes: BTreeMap<String, Option<f64>>,
    /// Cases with a score by every seed.
    cases: BTreeSet<String>,
    /// Number of validation cases of the planned folds.
    planned: usize,
    /// Number of seeds.
    seeds: usize,
}

/// Compares runs by one metric. Values of the surface Dice are comparable only with equal tolerances; a note warns if they differ.
pub(crate) fn run_table(runs: &[ComparedRun], metric: Metric) -> Table {
    let differing = differing_keys(runs);
    let classes = class_names(records(runs));
    let titles: BTreeSet<String> = records(runs).map(|record| record.metric_title(metric)).collect();
    let title = titles.iter().next().cloned().unwrap_or_else(|| metric.name().to_owned());

    let mut notes = Vec::new();
    let mut rows = Vec::new();
    for (at, run) in runs.iter().enumerate() {
        let keys: Vec<Option<String>> = differing.values().map(|values| values[at].clone()).collect();
        rows.extend(rows_of(run, metric, &title, &keys, &mut notes));
    }
    notes.extend(caveats(runs, &rows, &titles));

    let keys: Vec<&str> = differing.keys().map(String::as_str).collect();
    let mut table = Table::new("comparison", title.clone(), columns(&keys, &classes, metric, &title));
    table.rows = rows.iter().zip(rank_rows(&rows, metric)).map(|(row, rank)| cells(row, &classes, rank)).collect();
    table.notes = notes;
    table
}

fn records(runs: &[ComparedRun]) -> impl Iterator<Item = &RunRecord> {
    runs.iter().filter_map(|run| run.record.as_ref())
}

/// The keys in which some plans differ, each with the value of every plan.
fn differing_keys(runs: &[ComparedRun]) -> BTreeMap<String, Vec<Option<String>>> {
    let Some((first, others)) = runs.split_first() else { return BTreeMap::new() };
    let is_compared = |change: &Change| {
        let table = change.key.split('.').next().unwrap_or_default();
        !NOT_COMPARED.contains(&table)
    };
    let mut values = BTreeMap::<String, Vec<Option<String>>>::new();
    for (at, other) in others.iter().enumerate() {
        for change in changed_keys(&first.resolved, &other.resolved).into_iter().filter(is_compared) {
            // Plans that do not differ from the first one have its value.
            let all = values.entry(change.key).or_insert_with(|| vec![change.from; runs.len()]);
            all[at + 1] = change.to;
        }
    }
    values
}

/// The rows of one run: one per model, or one without a result if it was never run.
fn rows_of(
    run: &ComparedRun,
    metric: Metric,
    title: &str,
    keys: &[Option<String>],
    notes: &mut Vec<String>,
) -> Vec<Row> {
    let Some(record) = &run.record else {
        notes.push(format!("{} has not been run.", run.name));
        return vec![Row { run: run.name.clone(), keys: keys.to_vec(), result: None }];
    };
    let unscored = record.networks.iter().filter(|network| network.state.evaluated.is_none());
    notes.extend(unscored.map(|network| format!("{}: {} has no scores.", run.name, network.id)));
    let mut rows = Vec::new();
    for model in record.models() {
        let result = result_of(record, model, metric, title, notes);
        rows.push(Row { run: run.name.clone(), keys: keys.to_vec(), result: Some(result) });
    }
    rows
}

fn result_of(record: &RunRecord, model: String, metric: Metric, title: &str, notes: &mut Vec<String>) -> ModelResult {
    let cases = complete_cases(record, &model);
    let mut classes = BTreeMap::new();
    for (&label, class) in &record.plan.data.labels {
        let values = case_values(record, &model, label, metric);
        let values: Vec<f64> =
            values.into_iter().filter(|(case, _)| cases.contains(case)).map(|(_, value)| value).collect();
        let undefined = cases.len() - values.len();
        if undefined > 0 {
            notes.push(format!(
                "{} {model}: {title} of {class} is undefined in {undefined} of {}; its mean is over the others.",
                record.plan.name,
                counted(cases.len(), "case")
            ));
        }
        classes.insert(class.clone(), mean(&values));
    }
    let means: Option<Vec<f64>> = classes.values().copied().collect();
    ModelResult {
        mean: means.and_then(|means| mean(&means)),
        classes,
        cases,
        planned: record.validation_cases().count(),
        seeds: record.plan.run.seeds.len(),
        model,
    }
}

/// Validation cases of the planned folds that every seed of a model has scored.
fn complete_cases(record: &RunRecord, model: &str) -> BTreeSet<String> {
    let mut seeds = BTreeMap::<&str, BTreeSet<u64>>::new();
    for score in record.scores.iter().filter(|score| score.network.configuration == model) {
        seeds.entry(&score.case.0).or_default().insert(score.network.seed);
    }
    let planned = record.plan.run.seeds.len();
    let is_complete = |case: &&str| seeds.get(case).is_some_and(|seeds| seeds.len() == planned);
    record.validation_cases().map(|(_, case)| case).filter(is_complete).map(str::to_owned).collect()
}

/// Notes on what the comparison cannot show.
fn caveats(runs: &[ComparedRun], rows: &[Row], titles: &BTreeSet<String>) -> Vec<String> {
    let mut notes = Vec::new();
    let mut cases =
        rows.iter().filter_map(|row| row.result.as_ref()).map(|result| &result.cases).filter(|all| !all.is_empty());
    if let Some(first) = cases.next()
        && cases.any(|other| other != first)
    {
        notes.push("The rows are over different cases, so their means cannot be compared directly.".to_owned());
    }
    if titles.len() > 1 {
        let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
        notes.push(format!(
            "The runs use different tolerances ({}), so their values cannot be compared.",
            titles.join(", ")
        ));
    }
    let single_seed: Vec<&str> = runs
        .iter()
        .filter(|run| run.record.as_ref().is_some_and(|record| record.plan.run.seeds.len() == 1))
        .map(|run| run.name.as_str())
        .collect();
    if !single_seed.is_empty() {
        let runs = if single_seed.len() == records(runs).count() {
            String::new()
        } else {
            format!(" in {}", single_seed.join(", "))
        };
        notes.push(format!("One seed only{runs}: a difference may be due to the randomness of training."));
    }
    notes
}

/// Marks the best mean; nothing if the rows are over different cases.
fn rank_rows(rows: &[Row], metric: Metric) -> Vec<Option<Rank>> {
    let mut scored = rows.iter().filter_map(|row| row.result.as_ref()).filter(|result| result.mean.is_some());
    let is_comparable = scored.next().is_some_and(|first| scored.all(|other| other.cases == first.cases));
    if !is_comparable {
        return vec![None; rows.len()];
    }
    let merit = |row: &Row| row.result.as_ref().and_then(|result| result.mean).map(|mean| metric.better().merit(mean));
    let only_best = |rank: Option<Rank>| rank.filter(|&rank| rank == Rank::Best);
    ranks(&rows.iter().map(merit).collect::<Vec<_>>()).into_iter().map(only_best).collect()
}

fn columns(keys: &[&str], classes: &[String], metric: Metric, title: &str) -> Vec<Column> {
    let mut columns = vec![Column::words("run", "run")];
    columns.extend(keys.iter().zip(short_keys(keys)).map(|(key, short)| Column::words(*key, short)));
    columns.push(Column::words("configuration", "configuration"));
    columns.push(Column::numbers(metric.name(), format!("mean {title}")));
    columns.extend(classes.iter().map(|class| Column::numbers(format!("{}_{class}", metric.name()), class.clone())));
    columns.extend([
        Column::numbers("cases", "cases"),
        Column::numbers("planned", "planned"),
        Column::numbers("seeds", "seeds"),
    ]);
    columns
}

fn cells(row: &Row, classes: &[String], rank: Option<Rank>) -> Vec<Cell> {
    let or_dash = |value: Option<&str>| Cell::text(value.unwrap_or(UNDEFINED));
    let mut cells = vec![Cell::text(&row.run)];
    cells.extend(row.keys.iter().map(|key| or_dash(key.as_deref())));
    match &row.result {
        None => {
            cells.push(Cell::text("not run"));
            cells.push(Cell::number(None, 3));
            cells.extend(classes.iter().map(|_| Cell::number(None, 3)));
            cells.extend([0; 3].map(Cell::count));
        }
        Some(result) => {
            cells.push(Cell::text(&result.model));
            cells.push(Cell::number(result.mean, 3).ranked(rank));
            cells.extend(classes.iter().map(|class| Cell::number(result.classes.get(class).copied().flatten(), 3)));
            cells.extend([result.cases.len(), result.planned, result.seeds].map(Cell::count));
        }
    }
    cells
}
