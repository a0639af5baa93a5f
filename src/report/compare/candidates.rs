//! The candidates of a cross-validation, single configurations and ensembles, and which of them was chosen.

use crate::report::compare::Comparison;
use crate::report::record::Record;
use crate::select::{Candidate, joined};
use crate::store::table::{Columns, TableError};

/// The candidates of some runs as a table; none where no run has chosen.
pub fn table(records: &[Record]) -> Option<Comparison> {
    let classes = classes(records);
    let several = records.len() > 1;
    let run = |name: &str| several.then(|| name.to_owned());
    let mut head: Vec<String> =
        run("run").into_iter().chain(["candidate", "mean foreground Dice"].map(str::to_owned)).collect();
    head.extend(classes.iter().map(|class| format!("Dice, {class}")));
    head.extend(["cases", "chosen"].map(str::to_owned));
    let mut rows = vec![head];
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"));
    for (record, place, candidate) in candidates(records) {
        let mut row: Vec<String> = run(&record.plan.name).into_iter().collect();
        row.extend([joined(&candidate.configurations), number(Some(candidate.mean_foreground_dice))]);
        row.extend(classes.iter().map(|class| number(candidate.classes.get(class).copied())));
        row.extend([candidate.cases.to_string(), if place == 0 { "chosen" } else { "" }.to_owned()]);
        rows.push(row);
    }
    let first = if several { 2 } else { 1 };
    (rows.len() > 1).then(|| Comparison {
        name: "candidates",
        title: "Candidates and the choice",
        words: "Every configuration and every ensemble of two, by the mean over classes of the mean Dice over all cases of \
                all folds; the first one was chosen, the simpler one on a tie. An ensemble labels by the mean of its members' \
                probabilities."
            .to_owned(),
        best: (first..=first + classes.len()).collect(),
        rows,
    })
}

/// Writes the candidates as Parquet: one row a candidate and class, at full precision.
///
/// # Errors
///
/// When the file cannot be written.
pub fn parquet(records: &[Record], path: &std::path::Path) -> Result<(), TableError> {
    let rows: Vec<_> = candidates(records)
        .flat_map(|(record, place, candidate)| {
            let name = joined(&candidate.configurations);
            candidate.classes.iter().map(move |(class, &dice)| (record, place, candidate, name.clone(), class, dice))
        })
        .collect();
    Columns::default()
        .texts("run", rows.iter().map(|(record, ..)| record.plan.name.as_str()))
        .texts("candidate", rows.iter().map(|(_, _, _, name, ..)| name.as_str()))
        .counts("place", rows.iter().map(|&(_, place, ..)| place as u64 + 1))
        .numbers("mean_foreground_dice", rows.iter().map(|(_, _, candidate, ..)| candidate.mean_foreground_dice))
        .texts("class", rows.iter().map(|(.., class, _)| class.as_str()))
        .numbers("dice", rows.iter().map(|&(.., dice)| dice))
        .counts("cases", rows.iter().map(|(_, _, candidate, ..)| candidate.cases as u64))
        .flags("chosen", rows.iter().map(|&(_, place, ..)| place == 0))
        .write(path)
}

/// All candidates, each with its run and its place there, from 0.
fn candidates(records: &[Record]) -> impl Iterator<Item = (&Record, usize, &Candidate)> {
    records.iter().flat_map(|record| {
        let all = record.selection.iter().flat_map(|selection| &selection.candidates);
        all.enumerate().map(move |(place, candidate)| (record, place, candidate))
    })
}

/// Classes of all candidates, each once, in the order of the plans' labels.
fn classes(records: &[Record]) -> Vec<String> {
    let mut classes = Vec::new();
    for record in records.iter().filter(|record| record.selection.is_some()) {
        for class in record.plan.data.labels.values() {
            if !classes.contains(class) {
                classes.push(class.clone());
            }
        }
    }
    classes
}
