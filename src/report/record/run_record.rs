//! The content of a run folder.

use std::collections::BTreeMap;

use crate::evaluate::metric::Metric;
use crate::evaluate::scores::Score;
use crate::fingerprint::CaseFingerprint;
use crate::plan::schema::{ConfigurationName, Plan};
use crate::report::record::ensembles::EnsembleFold;
use crate::run::folder::{FoldFolder, RunFolder};
use crate::run::log::EpochRow;
use crate::run::manifest::Manifest;
use crate::run::{NetworkId, NetworkState, Split};
use crate::select::{Selection, joined};

/// A run, as it is on disk. Parts that do not exist yet are empty or `None`.
#[derive(Clone, Debug)]
pub(crate) struct RunRecord {
    pub folder: RunFolder,
    pub plan: Plan,
    /// Text of the plan file as it was when the run began.
    pub plan_text: String,
    /// Text of the resolved plan.
    pub resolved_text: String,
    pub manifest: Option<Manifest>,
    /// Text of the manifest.
    pub manifest_text: String,
    /// Fingerprint of each case of the data set.
    pub cases: Vec<CaseFingerprint>,
    /// Training and validation cases of each fold.
    pub splits: Vec<Split>,
    /// All planned networks, trained or not.
    pub networks: Vec<NetworkRecord>,
    /// All planned folds of the ensembles that exist.
    pub ensembles: Vec<EnsembleFold>,
    /// The ranked candidates. `None` until the cross-validation is complete.
    pub selection: Option<Selection>,
    /// Scores of all networks and ensembles that have been evaluated.
    pub scores: Vec<Score>,
}

/// A planned network.
#[derive(Clone, Debug)]
pub(crate) struct NetworkRecord {
    pub id: NetworkId,
    pub folder: FoldFolder,
    pub state: NetworkState,
    /// Its epoch log; empty if it has not been trained.
    pub epochs: Vec<EpochRow>,
}

/// One fold of a model: of a configuration, or of an ensemble of two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ModelFold<'a> {
    /// Name of the configuration, or those of an ensemble joined by `+`.
    pub(crate) model: &'a str,
    pub seed: u64,
    /// Counted from 0.
    pub fold: usize,
    pub folder: &'a FoldFolder,
    pub state: &'a NetworkState,
}

impl RunRecord {
    /// The validation cases of the planned folds, with their fold: the cases that should have a score.
    pub(crate) fn validation_cases(&self) -> impl Iterator<Item = (usize, &str)> {
        let folds = self.plan.run.folds.iter().filter_map(|&fold| Some((fold, self.splits.get(fold)?)));
        folds.flat_map(|(fold, split)| split.val.iter().map(move |case| (fold, case.0.as_str())))
    }

    /// The configurations that the plan runs, in its order.
    pub(crate) fn configurations(&self) -> &[ConfigurationName] {
        &self.plan.run.configurations
    }

    /// Names of all models: the configurations, then the ensembles.
    pub(crate) fn models(&self) -> Vec<String> {
        let mut names: Vec<String> = self.configurations().iter().map(ToString::to_string).collect();
        for ensemble in &self.ensembles {
            if !names.contains(&ensemble.name) {
                names.push(ensemble.name.clone());
            }
        }
        names
    }

    /// All planned folds of all models.
    pub(crate) fn model_folds(&self) -> impl Iterator<Item = ModelFold<'_>> {
        let networks = self.networks.iter().map(|network| ModelFold {
            model: network.id.configuration.as_str(),
            seed: network.id.seed,
            fold: network.id.fold,
            folder: &network.folder,
            state: &network.state,
        });
        let ensembles = self.ensembles.iter().map(|ensemble| ModelFold {
            model: &ensemble.name,
            seed: ensemble.seed,
            fold: ensemble.fold,
            folder: &ensemble.folder,
            state: &ensemble.state,
        });
        networks.chain(ensembles)
    }

    /// The scores of one class by a model.
    pub(crate) fn scores_of(&self, model: &str, label: u8) -> impl Iterator<Item = &Score> {
        self.scores.iter().filter(move |score| score.network.configuration == model && score.label == u64::from(label))
    }

    /// The scores of one fold of a model.
    pub(crate) fn scores_of_fold(&self, of: ModelFold<'_>) -> impl Iterator<Item = &Score> {
        self.scores.iter().filter(move |score| {
            let network = &score.network;
            network.configuration == of.model && network.seed == of.seed && network.fold == of.fold
        })
    }

    /// Networks that have at least one epoch in their log.
    pub(crate) fn trained_networks(&self) -> impl Iterator<Item = &NetworkRecord> {
        self.networks.iter().filter(|network| !network.epochs.is_empty())
    }

    /// The selected model; the only one, if there is one alone.
    pub(crate) fn selected_model(&self) -> Option<String> {
        match (&self.selection, self.configurations()) {
            (Some(selection), _) => selection.candidates.first().map(|first| joined(&first.configurations)),
            (None, [only]) => Some(only.to_string()),
            (None, _) => None,
        }
    }

    /// Name of a class; that of label 0 is `background`.
    pub(crate) fn class_name(&self, label: u8) -> &str {
        match label {
            0 => "background",
            label => self.plan.data.labels.get(&label).map_or("?", String::as_str),
        }
    }

    /// Label of a metric with its unit and tolerance, such as `NSD (1 mm)`.
    pub(crate) fn metric_title(&self, metric: Metric) -> String {
        metric.title(self.plan.evaluate.surface_tolerance_mm)
    }

    /// Volume of a voxel of each case, ml.
    pub(crate) fn voxel_volumes_ml(&self) -> BTreeMap<&str, f64> {
        self.cases.iter().map(|case| (case.id.0.as_str(), case.spacing.0.iter().product::<f64>() / 1000.0)).collect()
    }
}
