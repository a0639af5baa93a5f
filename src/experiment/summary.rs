//! The report at the end of a run.

use std::path::Path;

use crate::evaluate::scores::{self, Score};
use crate::evaluate::summary::summarize;
use crate::experiment::error::ExperimentError;
use crate::experiment::failures::Failures;
use crate::experiment::options::{Options, Stage};
use crate::plan::read::LoadedPlan;
use crate::plan::schema::Plan;
use crate::run::folder::RunFolder;
use crate::run::read_json;
use crate::select::Selection;
use crate::units::{counted, plural, shell_word};

/// The end of a run.
#[derive(Debug)]
pub struct Summary {
    /// The scores as a table, if there are any.
    pub table: Option<String>,
    /// The finished work, the folder of the results, and the next command.
    pub text: String,
    /// Failed work.
    pub failures: Failures,
}

/// Writes the scores of a run and renders them, with the ranking of the candidates if there is one.
pub(super) fn write_scores(
    plan: &Plan,
    folder: &RunFolder,
    rows: &[Score],
    is_ranked: bool,
) -> Result<Option<String>, ExperimentError> {
    if rows.is_empty() {
        return Ok(None);
    }
    scores::write(&folder.scores(), rows)?;
    let table = summarize(rows).table(plan.evaluate.surface_tolerance_mm);
    let selection: Option<Selection> = if is_ranked { read_json(&folder.selection())? } else { None };
    Ok(Some(match selection {
        Some(selection) => format!("{table}\n\n{}", selection.table()),
        None => table,
    }))
}

/// The finished work, the folder of the results, and the next command.
pub(super) fn closing_text(
    loaded: &LoadedPlan,
    options: &Options,
    folder: &Path,
    is_new: bool,
    rows: &[Score],
) -> String {
    let file = loaded.file().map_or_else(|| "PLAN".to_owned(), |file| shell_word(&file.display().to_string()));
    let next = if options.until < Stage::Evaluate { "run" } else { "report" };
    let done = match options.until {
        _ if !is_new => "up to date: nothing to do".to_owned(),
        Stage::Fingerprint => "the fingerprint is computed".to_owned(),
        Stage::Preprocess => "all cases are preprocessed".to_owned(),
        Stage::Train => "all networks are trained".to_owned(),
        Stage::Predict => "all validation cases are predicted".to_owned(),
        Stage::Evaluate => scored_text(&loaded.plan, rows),
    };
    format!("{done}. Results: {}. Next: segplan {next} {file}", folder.display())
}

/// How many of the data set's cases have scores, and in which folds: `scored 3 of 12 cases (fold 0 of 0-4)`.
fn scored_text(plan: &Plan, rows: &[Score]) -> String {
    let mut cases: Vec<&str> = rows.iter().map(|row| row.case.0.as_str()).collect();
    let mut folds: Vec<usize> = rows.iter().map(|row| row.network.fold).collect();
    cases.sort_unstable();
    cases.dedup();
    folds.sort_unstable();
    folds.dedup();
    let total = plan.data.cases;
    if folds.len() == plan.split.folds {
        return format!("scored {} in {}", counted(cases.len(), "case"), counted(folds.len(), "fold"));
    }
    let names: Vec<String> = folds.iter().map(ToString::to_string).collect();
    let (names, last) = (names.join(", "), plan.split.folds - 1);
    let noun = plural(folds.len(), "fold");
    format!("scored {} of {} ({noun} {names} of 0-{last})", cases.len(), counted(total, "case"))
}
