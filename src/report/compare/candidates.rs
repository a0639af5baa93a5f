//! Model selection: the candidates of a cross-validation, and the selected one.

use crate::report::compare::models::class_names;
use crate::report::record::RunRecord;
use crate::report::table::{Cell, Column, Table, ranks};
use crate::select::{Candidate, joined};

/// A candidate of a run.
struct RankedCandidate<'a> {
    run: &'a str,
    /// Position among the candidates of the run, from 0; the first one is selected.
    position: usize,
    candidate: &'a Candidate,
}

/// The candidates of some runs for readers: one row per candidate. Returns `None` if no run has selected one.
pub(crate) fn candidate_table(records: &[RunRecord]) -> Option<Table> {
    let candidates = candidates(records);
    let several_runs = records.len() > 1;
    let classes = class_names(records.iter().filter(|record| record.selection.is_some()));
    let mut columns =
        vec![Column::words("candidate", "candidate"), Column::numbers("mean_foreground_dice", "mean foreground Dice")];
    columns.extend(classes.iter().map(|class| Column::numbers(format!("dice_{class}"), format!("Dice, {class}"))));
    columns.extend([Column::numbers("cases", "cases"), Column::words("selected", "selected")]);
    if several_runs {
        columns.insert(0, Column::words("run", "run"));
    }
    let mut table = Table::new("candidates", "Model selection", columns);
    table.description = String::from(
        "All configurations and all ensembles of two, ranked by the mean over classes of the mean Dice over the \
                         validation cases of all folds; the first is selected, on a tie the simpler one. An ensemble averages \
                         the probabilities of its members.",
    );
    table.rows = candidates.iter().map(|one| row(one, &classes, several_runs)).collect();
    rank_numbers(&mut table);
    (!table.rows.is_empty()).then_some(table)
}

fn row(one: &RankedCandidate<'_>, classes: &[String], with_run: bool) -> Vec<Cell> {
    let candidate = one.candidate;
    let mut cells =
        vec![Cell::text(joined(&candidate.configurations)), Cell::number(Some(candidate.mean_foreground_dice), 4)];
    cells.extend(classes.iter().map(|class| Cell::number(candidate.classes.get(class).copied(), 4)));
    cells.extend([Cell::count(candidate.cases), Cell::flag(one.position == 0, "selected")]);
    if with_run {
        cells.insert(0, Cell::text(one.run));
    }
    cells
}

/// Ranks each column of Dice values.
fn rank_numbers(table: &mut Table) {
    for column in 0..table.columns.len() {
        let merits: Vec<Option<f64>> = table.rows.iter().map(|row| row[column].as_number()).collect();
        for (row, rank) in table.rows.iter_mut().zip(ranks(&merits)) {
            row[column].rank = rank;
        }
    }
}

/// The candidates of some runs for programs: one row per candidate and class.
pub(crate) fn candidate_data(records: &[RunRecord]) -> Table {
    let columns = vec![
        Column::words("run", "run"),
        Column::words("candidate", "candidate"),
        Column::numbers("rank", "rank"),
        Column::numbers("mean_foreground_dice", "mean foreground Dice"),
        Column::words("class", "class"),
        Column::numbers("dice", "Dice"),
        Column::numbers("cases", "cases"),
        Column::words("selected", "selected"),
    ];
    let mut table = Table::new("candidates", "Model selection", columns);
    for one in candidates(records) {
        let candidate = one.candidate;
        for (class, &dice) in &candidate.classes {
            table.rows.push(vec![
                Cell::text(one.run),
                Cell::text(joined(&candidate.configurations)),
                Cell::count(one.position + 1),
                Cell::number(Some(candidate.mean_foreground_dice), 4),
                Cell::text(class),
                Cell::number(Some(dice), 4),
                Cell::count(candidate.cases),
                Cell::flag(one.position == 0, "selected"),
            ]);
        }
    }
    table
}

fn candidates(records: &[RunRecord]) -> Vec<RankedCandidate<'_>> {
    let mut all = Vec::new();
    for record in records {
        let candidates = record.selection.iter().flat_map(|selection| &selection.candidates).enumerate();
        let run = record.plan.name.as_str();
        all.extend(candidates.map(|(position, candidate)| RankedCandidate { run, position, candidate }));
    }
    all
}
