//! The open run that every stage works on.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Device;

use crate::dataset::contents::Contents;
use crate::dataset::{Case, CaseId, Dataset};
use crate::experiment::error::ExperimentError;
use crate::network::PlannedNetwork;
use crate::plan::compare::stage_digests;
use crate::plan::schema::{ConfigurationName, Plan};
use crate::preprocess::cache::{Preparation, PreparedCase};
use crate::run::folder::{FoldFolder, RunFolder, prepared_case, prepared_folder};
use crate::run::{Listener, NetworkId, Split, Watch};

/// An open run: its data set is found, its fingerprint computed, its folds drawn.
pub(in crate::experiment) struct Context<'a> {
    pub(in crate::experiment) plan: &'a Plan,
    pub(in crate::experiment) dataset: Dataset,
    pub(in crate::experiment) contents: Contents,
    /// Digest of `contents`.
    pub(in crate::experiment) data: String,
    pub(in crate::experiment) splits: Vec<Split>,
    pub(in crate::experiment) folder: RunFolder,
    pub(in crate::experiment) device: Device,
    pub(in crate::experiment) listener: &'a dyn Listener,
    pub(in crate::experiment) interrupted: &'a AtomicBool,
}

/// Whether a stage came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::experiment) enum Ending {
    Done,
    /// Stopped by a signal; it resumes from where it stopped.
    Interrupted,
}

impl Context<'_> {
    pub(in crate::experiment) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    pub(super) fn watch(&self) -> Watch<'_> {
        Watch { listener: self.listener, interrupted: self.interrupted }
    }

    pub(super) fn network_folder(&self, id: NetworkId) -> FoldFolder {
        self.folder.network(id)
    }

    pub(super) fn planned(&self, id: NetworkId) -> PlannedNetwork<'_> {
        PlannedNetwork::new(self.plan, id.configuration)
    }

    /// Folder of the cases that are preprocessed for a configuration.
    pub(super) fn prepared_folder(&self, name: ConfigurationName) -> PathBuf {
        prepared_folder(&self.plan.runtime.runs, &stage_digests(self.plan, name).preprocess)
    }

    /// A training case of the data set.
    pub(super) fn case(&self, id: &CaseId) -> Result<&Case, ExperimentError> {
        let found = self.dataset.training.iter().find(|case| case.id == *id);
        found.ok_or_else(|| ExperimentError::UnknownCase { case: id.clone(), dataset: self.dataset.name.clone() })
    }

    /// Opens a case that is preprocessed for a configuration; a damaged file is replaced.
    pub(super) fn open_prepared(&self, name: ConfigurationName, id: &CaseId) -> Result<PreparedCase, ExperimentError> {
        let folder = self.prepared_folder(name);
        let cases = Preparation {
            dataset: &self.dataset,
            contents: &self.contents,
            plan: self.plan,
            configuration: &self.plan.configurations[&name],
            folder: &folder,
        };
        Ok(cases.open(id, &|damage| self.listener.replacing(damage))?)
    }

    /// Opens a case as input of a network: for the cascade's second stage with the prediction of the first.
    ///
    /// # Errors
    ///
    /// Also if the prediction does not agree with the folds: a case that the network is validated on must be predicted by its own
    /// fold of the first stage, and every other case by another fold.
    pub(super) fn open_input(&self, network: NetworkId, id: &CaseId) -> Result<PreparedCase, ExperimentError> {
        let case = self.open_prepared(network.configuration, id)?;
        if !network.configuration.is_cascade() {
            return Ok(case);
        }
        let folder = self.folder.first_stage_predictions(network.seed);
        let case = case.with_first_stage(&prepared_case(&folder, &id.0))?;
        let fold = case.first_stage().map(|prediction| prediction.origin.fold);
        let is_own = fold == Some(network.fold);
        if is_own != self.splits[network.fold].val.contains(id) {
            let fold = fold.unwrap_or(network.fold);
            return Err(ExperimentError::FirstStageSplit { case: id.clone(), network, fold });
        }
        Ok(case)
    }
}
