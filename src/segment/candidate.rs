//! Which configurations segment, and how their predictions are post-processed.

use crate::evaluate::scores;
use crate::plan::schema::{ConfigurationName, Plan, PostprocessRule};
use crate::postprocess::Filter;
use crate::run::folder::{FoldFolder, RunFolder};
use crate::run::postprocessing::Postprocessing;
use crate::run::{Listener, NetworkId, NetworkState, RunFileError, read_json};
use crate::segment::error::SegmentError;
use crate::select::{Selection, joined};

/// The configurations of the best candidate of the cross-validation. Until that is complete, the configuration with the best scores so
/// far, or the first trained one of the plan.
pub(super) fn choose_candidate(folder: &RunFolder, plan: &Plan) -> Result<Vec<ConfigurationName>, SegmentError> {
    let selection = match read_json(&folder.selection())? {
        Some(selection) => selection,
        None if folder.scores().is_file() => Selection::of(&scores::read(&folder.scores())?),
        None => Selection { candidates: Vec::new() },
    };
    let known = |name: &String| plan.configurations.keys().copied().find(|known| known.as_str() == name);
    let best = selection.candidates.iter().find_map(|one| one.configurations.iter().map(known).collect());
    if let Some(best) = best {
        return Ok(best);
    }
    for &name in &plan.run.configurations {
        if !trained_folds(folder, plan, name)?.is_empty() {
            return Ok(vec![name]);
        }
    }
    Err(untrained(folder, None))
}

/// The post-processing of a candidate.
pub(super) fn choose_filter(
    folder: &RunFolder,
    plan: &Plan,
    names: &[ConfigurationName],
    listener: &dyn Listener,
) -> Result<Filter, SegmentError> {
    let rule = plan.postprocess.rule;
    match rule {
        PostprocessRule::None | PostprocessRule::SingleComponent => return Ok(Filter::of_plan(plan)),
        PostprocessRule::CrossValidation => (),
    }
    let candidate = joined(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
    if let Some(recorded) = Postprocessing::read(folder, rule)?.candidates.remove(&candidate) {
        return Ok(recorded.decision.filter);
    }
    listener.say(&format!(
        "{candidate}: its cross-validation, which chooses the post-processing, is not complete; no post-processing is applied"
    ));
    Ok(Filter::default())
}

/// Folders of the trained networks of a configuration.
pub(super) fn trained_folds(
    folder: &RunFolder,
    plan: &Plan,
    name: ConfigurationName,
) -> Result<Vec<FoldFolder>, RunFileError> {
    let mut trained = Vec::new();
    for id in NetworkId::all(plan, name) {
        let fold = folder.network(id);
        if NetworkState::read(&fold)?.trained.is_some() {
            trained.push(fold);
        }
    }
    Ok(trained)
}

pub(super) fn untrained(folder: &RunFolder, name: Option<ConfigurationName>) -> SegmentError {
    let of = name.map_or_else(String::new, |name| format!(" of configuration `{name}`"));
    SegmentError::Untrained { run: folder.root.display().to_string(), of }
}
