//! From a run to a results folder that nnU-Net v2 predicts with.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use burn::tensor::Device;

use crate::device::open_device;
use crate::network::{PlannedNetwork, weights};
use crate::nnunet::checkpoint::Checkpoint;
use crate::nnunet::export::{Exported, export};
use crate::nnunet::model::error::ModelError;
use crate::nnunet::model::folder::{DATASET, FINAL_CHECKPOINT, PLANS};
use crate::nnunet::model::weights::export_weights;
use crate::nnunet::terms::nnunet_name;
use crate::plan::read::load_resolved;
use crate::plan::schema::{ConfigurationName, Plan};
use crate::run::folder::RunFolder;
use crate::run::{Listener, NetworkId, NetworkState};
use crate::store::write_atomic;

/// Trainer that nnU-Net builds the network with. Any that builds the network of the plans will do; this one exists everywhere.
const TRAINER: &str = "nnUNetTrainer";

/// A run to export.
#[derive(Clone, Debug)]
pub struct ModelExport<'a> {
    /// The run folder.
    pub run: &'a Path,
    /// Configuration; needed if several are trained.
    pub configuration: Option<ConfigurationName>,
}

/// A trained configuration that nnU-Net can represent.
#[derive(Debug)]
pub struct ExportedModel {
    /// Notes for the user.
    pub notes: Vec<String>,
    files: Exported,
    /// The plan, with every parameter that nnU-Net's network has.
    complete: Plan,
    run_plan: Plan,
    configuration: ConfigurationName,
    /// Weights by fold.
    folds: BTreeMap<usize, PathBuf>,
}

/// Checks a run, and finds its networks.
///
/// # Errors
///
/// When the run has no trained network of one configuration, or nnU-Net cannot represent it.
pub fn export_model(request: &ModelExport<'_>) -> Result<ExportedModel, ModelError> {
    let path = request.run.to_owned();
    let folder = RunFolder { root: path.clone() };
    let plan = load_resolved(&folder.resolved_plan()).map_err(|error| ModelError::Plan(Box::new(error)))?.plan;
    let (configuration, networks) = choose(&folder, &plan, request.configuration)?;
    let mut notes = Vec::new();
    let mut folds = BTreeMap::new();
    for id in networks {
        match folds.entry(id.fold) {
            Entry::Vacant(entry) => _ = entry.insert(folder.network(id).weights()),
            Entry::Occupied(_) => notes.push(format!("{id} is left out: nnU-Net has one network per fold")),
        }
    }
    let mut run_plan = plan;
    // The axes of nnU-Net's cases are then those of this network's patches.
    let kept = [Some(configuration), configuration.first_stage()];
    run_plan.configurations.retain(|name, _| kept.contains(&Some(*name)));
    let files = export(&run_plan);
    if !files.inexact.is_empty() {
        return Err(ModelError::NotExpressible { path, reasons: files.inexact });
    }
    let mut complete = run_plan.clone();
    complete.network.upsampling_bias = true;
    complete.network.head_bias = true;
    complete.network.deep_supervision = true;
    notes.extend(files.absent.iter().cloned());
    Ok(ExportedModel { notes, files, complete, run_plan, configuration, folds })
}

/// The configuration, and its trained networks: by default the only one that has some.
fn choose(
    folder: &RunFolder,
    plan: &Plan,
    wanted: Option<ConfigurationName>,
) -> Result<(ConfigurationName, Vec<NetworkId>), ModelError> {
    let mut trained = BTreeMap::new();
    for &name in plan.configurations.keys().filter(|name| wanted.is_none_or(|wanted| wanted == **name)) {
        let mut networks = Vec::new();
        for id in NetworkId::all(plan, name) {
            if NetworkState::read(&folder.network(id))?.trained.is_some() {
                networks.push(id);
            }
        }
        if !networks.is_empty() {
            trained.insert(name, networks);
        }
    }
    let names: Vec<&str> = trained.keys().map(|name| name.as_str()).collect();
    let reason = match names.len() {
        0 => "it has no trained network".to_owned(),
        1 => String::new(),
        _ => format!("several configurations are trained; choose one with `--configuration`: {}", names.join(", ")),
    };
    match trained.pop_first() {
        Some(one) if reason.is_empty() => Ok(one),
        _ => Err(ModelError::Unsupported { path: folder.root.clone(), reason }),
    }
}

impl ExportedModel {
    /// The files that are written, in a results folder.
    pub fn names(&self) -> Vec<PathBuf> {
        let checkpoints = self.folds.keys().map(|&fold| checkpoint_name(fold));
        [PLANS, DATASET].map(PathBuf::from).into_iter().chain(checkpoints).collect()
    }

    /// Writes a results folder.
    ///
    /// # Errors
    ///
    /// When the weights of the run are damaged, or a file cannot be written.
    pub fn write(&self, folder: &Path, listener: &dyn Listener) -> Result<(), ModelError> {
        let device = open_device(&self.run_plan.runtime.device)?;
        listener.begin("exporting networks", self.folds.len());
        for (&fold, weights) in &self.folds {
            self.checkpoint(fold, weights, &device)?.write(&folder.join(checkpoint_name(fold)))?;
            listener.advance();
        }
        listener.end();
        write_atomic(&folder.join(DATASET), self.files.dataset_text().as_bytes())?;
        write_atomic(&folder.join(PLANS), self.files.plans_text().as_bytes())?;
        Ok(())
    }

    fn checkpoint(&self, fold: usize, path: &Path, device: &Device) -> Result<Checkpoint, ModelError> {
        // The network checks that the file is its own.
        let network = PlannedNetwork::new(&self.run_plan, self.configuration).load(path, device)?;
        let complete = PlannedNetwork::new(&self.complete, self.configuration);
        Ok(Checkpoint {
            weights: export_weights(complete, weights::to_host(&network), device),
            trainer: TRAINER.to_owned(),
            configuration: nnunet_name(self.configuration).to_owned(),
            fold: fold.to_string(),
            mirror_axes: self.mirror_axes(),
        })
    }

    /// Axes along which predictions are mirrored, in nnU-Net's order, which lacks the slice axis in 2D.
    fn mirror_axes(&self) -> Option<Vec<usize>> {
        let predict = &self.run_plan.predict;
        let first = usize::from(self.configuration.is_2d());
        let axes: Vec<usize> = predict.mirror_axes.iter().filter_map(|axis| axis.checked_sub(first)).collect();
        (predict.test_time_mirroring && !axes.is_empty()).then_some(axes)
    }
}

fn checkpoint_name(fold: usize) -> PathBuf {
    Path::new(&format!("fold_{fold}")).join(FINAL_CHECKPOINT)
}
