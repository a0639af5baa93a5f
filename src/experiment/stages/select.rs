//! Select: the ranking of all candidates by their cross-validation. Source: arXiv:1809.10486, 2.6.

use crate::evaluate::scores::{self, Score};
use crate::experiment::error::ExperimentError;
use crate::experiment::stages::context::{Context, Ending};
use crate::experiment::work::Work;
use crate::run::folder::RunFolder;
use crate::select::Selection;
use crate::store;
use crate::store::table::TableError;

/// `candidates` are the evaluated folds of all candidates.
pub(super) fn select_candidate(context: &Context<'_>, candidates: &[Work]) -> Result<Ending, ExperimentError> {
    let text = selection_text(&context.folder, candidates)?;
    store::write_atomic(&context.folder.selection(), text.as_bytes())?;
    Ok(Ending::Done)
}

/// The text of `selection.json` for the scores that these folds have.
pub(in crate::experiment) fn selection_text(folder: &RunFolder, candidates: &[Work]) -> Result<String, TableError> {
    let selection = Selection::of(&read_scores(folder, candidates)?);
    let mut text = serde_json::to_string_pretty(&selection).expect("a selection holds strings and finite numbers");
    text.push('\n');
    Ok(text)
}

/// The scores of some evaluated folds, of networks and of ensembles.
pub(in crate::experiment) fn read_scores(folder: &RunFolder, evaluated: &[Work]) -> Result<Vec<Score>, TableError> {
    let mut rows = Vec::new();
    for work in evaluated {
        let fold = match *work {
            Work::Evaluate(id) => folder.network(id),
            Work::Ensemble(id, second) => folder.fold(&format!("{}+{second}", id.configuration), id.seed, id.fold),
            _ => continue,
        };
        rows.extend(scores::read(&fold.scores())?);
    }
    Ok(rows)
}
