//! Reading a run folder.

use std::path::Path;

use crate::evaluate::scores::{self, Score};
use crate::plan::read::load_resolved;
use crate::plan::schema::Plan;
use crate::report::record::ensembles::read_ensembles;
use crate::report::record::error::RecordError;
use crate::report::record::run_record::{ModelFold, NetworkRecord, RunRecord};
use crate::run::fingerprint::SavedFingerprint;
use crate::run::folder::RunFolder;
use crate::run::log::read_epochs;
use crate::run::manifest::Manifest;
use crate::run::split::read_splits;
use crate::run::{NetworkId, NetworkState, read_json};
use crate::store::read_text_if_present;

/// Reads a run folder. Parts that do not exist yet stay empty; only a missing plan is an error.
///
/// # Errors
///
/// If there is no plan, if a file is damaged, or if the splits changed after the networks were trained.
pub(crate) fn read_run(root: &Path) -> Result<RunRecord, RecordError> {
    let folder = RunFolder { root: root.to_owned() };
    if read_text_if_present(&folder.resolved_plan())?.is_none() {
        return Err(RecordError::NoRun(root.to_owned()));
    }
    let loaded = load_resolved(&folder.resolved_plan()).map_err(Box::new)?;
    let mut record = RunRecord {
        plan_text: read_text_if_present(&folder.input_plan())?.unwrap_or_default(),
        resolved_text: loaded.input,
        manifest: Manifest::read(&folder)?,
        manifest_text: read_text_if_present(&folder.manifest())?.unwrap_or_default(),
        cases: SavedFingerprint::read(&folder)?.map(|saved| saved.fingerprint.cases).unwrap_or_default(),
        splits: read_splits(&folder.splits())?.unwrap_or_default(),
        networks: read_networks(&folder, &loaded.plan)?,
        ensembles: read_ensembles(&folder, &loaded.plan)?,
        selection: read_json(&folder.selection())?,
        scores: Vec::new(),
        plan: loaded.plan,
        folder,
    };
    record.scores = read_scores(&record)?;
    refuse_edited_split(&record)?;
    Ok(record)
}

fn read_networks(run: &RunFolder, plan: &Plan) -> Result<Vec<NetworkRecord>, RecordError> {
    let mut networks = Vec::new();
    for &configuration in &plan.run.configurations {
        for &seed in &plan.run.seeds {
            for &fold in &plan.run.folds {
                let folder = run.fold(configuration.as_str(), seed, fold);
                let state = NetworkState::read(&folder)?;
                let epochs = if folder.epochs().is_file() { read_epochs(&folder.epochs())? } else { Vec::new() };
                networks.push(NetworkRecord { id: NetworkId { configuration, seed, fold }, folder, state, epochs });
            }
        }
    }
    Ok(networks)
}

/// The scores of all folds that have been evaluated. Scores of predictions that are being repeated do not count.
fn read_scores(record: &RunRecord) -> Result<Vec<Score>, RecordError> {
    let mut all = Vec::new();
    for one in record.model_folds() {
        let is_current = one.state.evaluated.is_some() || !one.folder.state().is_file();
        if is_current && one.folder.scores().is_file() {
            all.extend(scores::read(&one.folder.scores())?);
        }
    }
    Ok(all)
}

/// A score of a case that `splits_final.json` does not list as a validation case may be that of a training case.
fn refuse_edited_split(record: &RunRecord) -> Result<(), RecordError> {
    let is_edited = |one: &ModelFold<'_>| {
        let Some(split) = record.splits.get(one.fold) else { return false };
        let is_validation_case = |score: &Score| split.val.contains(&score.case);
        !one.state.has_split(split) || !record.scores_of_fold(*one).all(is_validation_case)
    };
    let edited = record.model_folds().filter(is_edited);
    let networks: Vec<String> =
        edited.map(|one| format!("{} fold {} seed {}", one.model, one.fold, one.seed)).collect();
    if networks.is_empty() { Ok(()) } else { Err(RecordError::EditedSplit { path: record.folder.splits(), networks }) }
}
