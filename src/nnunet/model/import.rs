//! From trained models of nnU-Net v2 to a run folder that predicts at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;

use crate::device::open_device;
use crate::network::{PlannedNetwork, weights};
use crate::nnunet::checkpoint::Checkpoint;
use crate::nnunet::import::{Imported, import};
use crate::nnunet::model::error::ModelError;
use crate::nnunet::model::folder::{ModelFolder, find_model_folders, is_archive};
use crate::nnunet::model::mirroring::mirror_axes;
use crate::nnunet::model::names::{merge_plans, name_models};
use crate::nnunet::model::postprocessing::read_postprocessing;
use crate::nnunet::model::unpack::unpack;
use crate::nnunet::model::weights::import_weights;
use crate::plan::compare::stage_digests;
use crate::plan::edit::resolved_text;
use crate::plan::read::load_from;
use crate::plan::schema::{ConfigurationName, Plan, PostprocessRule};
use crate::postprocess::Decision;
use crate::run::folder::RunFolder;
use crate::run::postprocessing::{Postprocessing, RecordedDecision};
use crate::run::{Filter, Listener, NetworkId, NetworkState};
use crate::store::{tensors, write_atomic};

/// Smallest number of folds that a plan may have.
const MIN_FOLDS: usize = 2;

/// A model to import.
#[derive(Clone, Debug)]
pub struct ModelImport<'a> {
    /// A results folder of nnU-Net, a folder of some, or an archive.
    pub model: &'a Path,
    /// The run folder to write; its name becomes that of the experiment.
    pub run: &'a Path,
    /// Name of the checkpoints, such as `checkpoint_final.pth`.
    pub checkpoint: &'a str,
}

/// An imported model.
#[derive(Clone, Debug)]
pub struct ImportedModel {
    /// Its networks.
    pub networks: Vec<NetworkId>,
    /// Notes for the user.
    pub notes: Vec<String>,
}

/// The parts of an import that all networks share.
struct Job<'a> {
    plan: &'a Plan,
    folder: &'a RunFolder,
    device: Device,
    listener: &'a dyn Listener,
}

/// Imports trained models into a new run folder. If that fails, the folder does not remain.
///
/// # Errors
///
/// When there is no model, a file is damaged, the folder exists, or segplan would predict differently than nnU-Net.
pub fn import_model(request: &ModelImport<'_>, listener: &dyn Listener) -> Result<ImportedModel, ModelError> {
    let run = request.run;
    let is_used = fs::read_dir(run).is_ok_and(|mut entries| entries.next().is_some());
    if is_used || run.is_file() {
        return Err(ModelError::Exists(run.to_owned()));
    }
    let unpacked = is_archive(request.model).then(|| unpack(request.model, beside(run))).transpose()?;
    let root = unpacked.as_ref().map_or(request.model, |unpacked| unpacked.folder.as_path());
    let models: Vec<ModelFolder> = find_model_folders(root)
        .map_err(|_| ModelError::NoModel(request.model.to_owned()))?
        .iter()
        .map(|path| ModelFolder::read(path, request.checkpoint))
        .collect::<Result<_, _>>()?;
    let imported = name_models(models).and_then(|models| import_into(run, &models, listener));
    if imported.is_err() {
        // Nothing else was in it.
        let _ = fs::remove_dir_all(run);
    }
    imported
}

/// A new folder beside the run, for what an archive contains.
fn beside(run: &Path) -> PathBuf {
    let name = format!(".{}.{}.partial", run.file_name().unwrap_or_default().to_string_lossy(), std::process::id());
    run.with_file_name(name)
}

fn import_into(
    run: &Path,
    models: &BTreeMap<ConfigurationName, ModelFolder>,
    listener: &dyn Listener,
) -> Result<ImportedModel, ModelError> {
    let mut notes = Vec::new();
    let mut plan = make_plan(run, models, &mut notes)?;
    let filters = read_filters(&mut plan, models, &mut notes)?;
    let folder = RunFolder { root: run.to_owned() };
    let text = resolved_text(&plan);
    load_from(&folder.resolved_plan(), &|_| Ok(text.clone())).map_err(|error| ModelError::Plan(Box::new(error)))?;
    let job = Job { plan: &plan, folder: &folder, device: open_device(&plan.runtime.device)?, listener };
    listener.begin("importing networks", models.values().map(|model| model.folds.len()).sum());
    let networks = import_networks(&job, models);
    listener.end();
    let networks = networks?;
    write_filters(&job, filters)?;
    // Last, so that an interrupted import is no run.
    write_atomic(&folder.resolved_plan(), text.as_bytes())?;
    Ok(ImportedModel { networks, notes })
}

/// The plan of all models, which share their plans.
fn make_plan(
    run: &Path,
    models: &BTreeMap<ConfigurationName, ModelFolder>,
    notes: &mut Vec<String>,
) -> Result<Plan, ModelError> {
    let first = models.values().next().expect("there is at least one model");
    let names = models.iter().map(|(&name, model)| (name, model.configuration.clone())).collect();
    let name = run.file_name().unwrap_or_default().to_string_lossy();
    let plans = merge_plans(models)?;
    // The other configurations of the plans have no networks here.
    let Imported { mut plan, inexact, absent, .. } = import(&name, &plans, &first.dataset, &names)
        .map_err(|source| ModelError::Plans { path: first.path.clone(), source })?;
    if !inexact.is_empty() {
        return Err(ModelError::Inexact { path: first.path.clone(), reasons: inexact });
    }
    notes.extend(absent);
    for (name, model) in models {
        let path = model.path.file_name().unwrap_or_default().to_string_lossy();
        notes.extend(model.notes.iter().map(|note| format!("{path}: {note}")));
        if model.configuration != name.as_str() {
            notes.push(format!("`{}` is called `{name}` in segplan", model.configuration));
        }
        notes.push(format!("`{name}` was trained by `{}`: predictions do not depend on that", model.trainer));
    }
    let axes = models.iter().map(|(&name, model)| (name, model.mirror_axes.as_slice())).collect();
    plan.predict.mirror_axes =
        mirror_axes(&axes).map_err(|reason| ModelError::Unsupported { path: first.path.clone(), reason })?;
    let folds: BTreeSet<usize> = models.values().flat_map(|model| model.folds.keys().copied()).collect();
    plan.split.folds = folds.last().map_or(MIN_FOLDS, |last| (last + 1).max(MIN_FOLDS));
    plan.run.folds = folds.into_iter().collect();
    plan.data.cases = plan.data.cases.max(plan.split.folds);
    if let Some(runs) = run.parent().filter(|runs| !runs.as_os_str().is_empty()) {
        runs.clone_into(&mut plan.runtime.runs);
    }
    Ok(plan)
}

/// The post-processing of each model that has one, and the rule of the plan that applies it.
fn read_filters(
    plan: &mut Plan,
    models: &BTreeMap<ConfigurationName, ModelFolder>,
    notes: &mut Vec<String>,
) -> Result<BTreeMap<ConfigurationName, Filter>, ModelError> {
    let labels = plan.data.labels.keys().copied().collect();
    let mut filters = BTreeMap::new();
    for (&name, model) in models {
        filters.extend(read_postprocessing(&model.path, &labels, notes)?.map(|filter| (name, filter)));
    }
    plan.postprocess.rule = if filters.is_empty() { PostprocessRule::None } else { PostprocessRule::CrossValidation };
    Ok(filters)
}

fn import_networks(
    job: &Job<'_>,
    models: &BTreeMap<ConfigurationName, ModelFolder>,
) -> Result<Vec<NetworkId>, ModelError> {
    let seed = *job.plan.run.seeds.first().expect("the recipe has a seed");
    let mut networks = Vec::new();
    for (&configuration, model) in models {
        for (&fold, path) in &model.folds {
            let id = NetworkId { configuration, seed, fold };
            import_network(job, id, path)?;
            networks.push(id);
            job.listener.advance();
        }
    }
    Ok(networks)
}

fn import_network(job: &Job<'_>, id: NetworkId, path: &Path) -> Result<(), ModelError> {
    let checkpoint = Checkpoint::read(path)?;
    let network = PlannedNetwork::new(job.plan, id.configuration);
    let tensors = import_weights(network, checkpoint.weights, &job.device)
        .map_err(|reason| ModelError::Tensors { path: path.to_owned(), reason })?;
    let fold = job.folder.network(id);
    tensors::write(&fold.weights(), &weights::with_prefix("", &tensors).collect(), &())?;
    let trained = Some(stage_digests(job.plan, id.configuration).train);
    Ok(NetworkState { trained, ..NetworkState::default() }.write(&fold)?)
}

/// Records the post-processing as that of a cross-validation, whose evidence nnU-Net's files lack.
fn write_filters(job: &Job<'_>, filters: BTreeMap<ConfigurationName, Filter>) -> Result<(), ModelError> {
    if filters.is_empty() {
        return Ok(());
    }
    let record = |(name, filter): (ConfigurationName, Filter)| {
        let decision = Decision { filter, predictions: 0, classes: BTreeMap::new() };
        let digest = stage_digests(job.plan, name).predict;
        (name.to_string(), RecordedDecision { digest, decision })
    };
    let candidates = filters.into_iter().map(record).collect();
    Ok(Postprocessing { rule: job.plan.postprocess.rule, candidates }.write(job.folder)?)
}
