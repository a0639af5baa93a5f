//! What a run folder says: plan, manifest, fingerprint, folds, logs and scores, and what of them is missing.
//!
//! Input: a run folder, which is only read. Output: a [`Record`]. Deliberately absent: any number made of the scores.

pub mod ensembles;
pub mod scores;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::fingerprint::{CaseFingerprint, Fingerprint};
use crate::plan::read::PlanError;
use crate::plan::read::load_resolved;
use crate::plan::schema::{ConfigurationName, Plan};
use crate::report::record::ensembles::Ensemble;
use crate::report::record::scores::{Row, Scores};
use crate::report::text::missing;

pub use crate::run::Split;
use crate::run::folder::{FoldFolder, RunFolder};
use crate::run::log::{EpochRow, read_epochs};
use crate::select::{Selection, joined};
use crate::store::table::TableError;
use crate::store::{self, StoreError};

/// A run folder could not be read.
#[derive(Debug, Error)]
pub enum RecordError {
    /// There is no plan in it.
    #[error("`{}` holds no run: it has no `plan.toml`; make one with `segplan run PLAN`", .0.display())]
    NoRun(PathBuf),
    /// Two runs cannot be told apart.
    #[error("two of the runs are called `{0}`; give each run once, and runs to compare different names")]
    SameName(String),
    /// The folds were edited after networks were trained with them.
    #[error(
        "`{}` has other folds than these results were made with: {}; put the file back as it was, or run the plan again, which says \
         what else to do",
        path.display(),
        networks.join(", ")
    )]
    EditedSplit {
        /// The file of folds.
        path: PathBuf,
        /// Whose results they are.
        networks: Vec<String>,
    },
    /// Its plan has faults.
    #[error("the saved plan: {0}")]
    Plan(#[from] Box<PlanError>),
    /// A file could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A table could not be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A file is not of the expected form.
    #[error("`{}` is damaged: {source}; run the plan again to have it written anew", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

/// Who made a run, with what: the part of `manifest.json` that a report speaks of.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Manifest {
    /// Version of the program.
    pub version: String,
    /// Commit of the repository that the run was started in.
    pub git_commit: Option<String>,
    /// Whether that repository had changes.
    pub git_dirty: Option<bool>,
    /// Device that it was computed on.
    pub device: String,
    /// The machine.
    pub host: Host,
    /// The data set.
    pub dataset: DatasetRecord,
}

/// The machine of a run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Host {
    /// Operating system.
    pub os: String,
    /// Architecture.
    pub arch: String,
    /// Processor.
    pub processor: Option<String>,
    /// Its cores.
    pub cores: usize,
}

/// The data set of a run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DatasetRecord {
    /// Its folder.
    pub folder: PathBuf,
    /// Its training cases.
    pub cases: usize,
}

/// Which stages of a fold are done, each with the digest of the plan that it was done by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct State {
    /// Weights are there.
    pub trained: Option<String>,
    /// All held-out cases are predicted.
    pub predicted: Option<String>,
    /// All held-out cases are scored.
    pub evaluated: Option<String>,
    /// Digest of the split that it was done with; nothing is known of it where it is absent.
    #[serde(default)]
    pub split: Option<String>,
}

/// One planned network: a configuration, a seed, a fold.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Configuration.
    pub configuration: ConfigurationName,
    /// Seed.
    pub seed: u64,
    /// Fold, counted from 0.
    pub fold: usize,
    /// Its folder.
    pub folder: FoldFolder,
    /// What of it is done.
    pub state: State,
    /// Its epochs; empty where it was not trained.
    pub epochs: Vec<EpochRow>,
}

/// A run, as it is on disk.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its folder.
    pub folder: RunFolder,
    /// The plan.
    pub plan: Plan,
    /// Text of the plan file, with its reasons.
    pub input: String,
    /// Text of the resolved plan.
    pub resolved: String,
    /// Text of the manifest.
    pub manifest_text: String,
    /// The manifest.
    pub manifest: Option<Manifest>,
    /// What was measured of each case of the data set.
    pub cases: Vec<CaseFingerprint>,
    /// The folds.
    pub splits: Vec<Split>,
    /// All planned networks, whether they were trained or not.
    pub networks: Vec<Planned>,
    /// All folds of the ensembles that were made.
    pub ensembles: Vec<Ensemble>,
    /// The candidates of the cross-validation, and the choice; none before it is complete.
    pub selection: Option<Selection>,
    /// The scores.
    pub scores: Scores,
    /// What is missing or empty, a sentence each.
    pub gaps: Vec<String>,
}

/// The saved fingerprint, as far as it is read.
#[derive(Deserialize)]
struct Measured {
    fingerprint: Fingerprint,
}

impl Record {
    /// Reads a run folder.
    ///
    /// What is not there yet is listed in [`Record::gaps`]; only a missing plan is an error.
    ///
    /// # Errors
    ///
    /// When there is no plan, or a file that is there cannot be understood.
    pub fn read(root: &Path) -> Result<Self, RecordError> {
        let folder = RunFolder { root: root.to_owned() };
        if store::read_text_if_present(&folder.resolved_plan())?.is_none() {
            return Err(RecordError::NoRun(root.to_owned()));
        }
        let loaded = load_resolved(&folder.resolved_plan()).map_err(Box::new)?;
        let measured: Option<Measured> = read_json(&folder.fingerprint())?;
        let mut record = Self {
            input: store::read_text_if_present(&folder.input_plan())?.unwrap_or_default(),
            resolved: loaded.input,
            manifest_text: store::read_text_if_present(&folder.manifest())?.unwrap_or_default(),
            manifest: read_json(&folder.manifest())?,
            cases: measured.map(|measured| measured.fingerprint.cases).unwrap_or_default(),
            splits: read_json(&folder.splits())?.unwrap_or_default(),
            networks: networks(&folder, &loaded.plan)?,
            ensembles: ensembles::read(&folder, &loaded.plan)?,
            selection: ensembles::selection(&folder)?,
            scores: Scores::default(),
            gaps: Vec::new(),
            plan: loaded.plan,
            folder,
        };
        record.scores = read_scores(record.folders().map(|(.., folder)| folder))?;
        record.refuse_edited_split()?;
        record.gaps = missing::find(&record);
        Ok(record)
    }

    /// A score of a case that the file of folds does not hold out may be that of a case that was trained on.
    fn refuse_edited_split(&self) -> Result<(), RecordError> {
        let states = self
            .networks
            .iter()
            .map(|one| &one.state)
            .chain(self.ensembles.iter().map(|one| &one.state))
            .zip(self.folders());
        let is_other = |(state, (name, seed, fold, _)): &(&State, (&str, u64, usize, &FoldFolder))| {
            let Some(split) = self.splits.get(*fold) else { return false };
            let own = |row: &&Row| row.configuration == *name && row.seed == *seed && row.fold == *fold;
            let is_held_out = |row: &Row| split.val.iter().any(|case| case.0 == row.case);
            state.split.as_ref().is_some_and(|digest| *digest != split.digest())
                || !self.scores.rows.iter().filter(own).all(is_held_out)
        };
        let names = states.filter(is_other).map(|(_, (name, seed, fold, _))| format!("{name} fold {fold} seed {seed}"));
        let networks: Vec<String> = names.collect();
        if networks.is_empty() {
            Ok(())
        } else {
            Err(RecordError::EditedSplit { path: self.folder.splits(), networks })
        }
    }

    /// Held-out cases of the planned folds: those that should have a score.
    pub fn held_out(&self) -> impl Iterator<Item = (usize, &str)> {
        let folds = self.plan.run.folds.iter().filter_map(|&fold| Some((fold, self.splits.get(fold)?)));
        folds.flat_map(|(fold, split)| split.val.iter().map(move |case| (fold, case.0.as_str())))
    }

    /// Configurations that are planned to be run, in their order.
    pub fn configurations(&self) -> &[ConfigurationName] {
        &self.plan.run.configurations
    }

    /// Everything that is scored: the configurations, then the ensembles of them, by name.
    pub fn systems(&self) -> Vec<String> {
        let mut names: Vec<String> = self.configurations().iter().map(ToString::to_string).collect();
        for ensemble in &self.ensembles {
            if !names.contains(&ensemble.name) {
                names.push(ensemble.name.clone());
            }
        }
        names
    }

    /// The folder of each fold of each system, with the system's name, seed and fold.
    pub fn folders(&self) -> impl Iterator<Item = (&str, u64, usize, &FoldFolder)> {
        let networks = self.networks.iter().map(|one| (one.configuration.as_str(), one.seed, one.fold, &one.folder));
        networks.chain(self.ensembles.iter().map(|one| (one.name.as_str(), one.seed, one.fold, &one.folder)))
    }

    /// The system that was chosen; the only one where there is only one.
    pub fn chosen(&self) -> Option<String> {
        match (&self.selection, self.configurations()) {
            (Some(selection), _) => selection.candidates.first().map(|first| joined(&first.configurations)),
            (None, [only]) => Some(only.to_string()),
            (None, _) => None,
        }
    }

    /// Name of a class; that of label 0 is `background`.
    pub fn class(&self, label: u8) -> &str {
        match label {
            0 => "background",
            label => self.plan.data.labels.get(&label).map_or("?", String::as_str),
        }
    }

    /// Volume of a voxel of each case, ml.
    pub fn voxel_ml(&self) -> BTreeMap<&str, f64> {
        self.cases.iter().map(|case| (case.id.0.as_str(), case.spacing.0.iter().product::<f64>() / 1000.0)).collect()
    }
}

fn networks(folder: &RunFolder, plan: &Plan) -> Result<Vec<Planned>, RecordError> {
    let mut networks = Vec::new();
    for &configuration in &plan.run.configurations {
        for &seed in &plan.run.seeds {
            for &fold in &plan.run.folds {
                let folder = folder.fold(configuration.as_str(), seed, fold);
                let state = read_json(&folder.state())?.unwrap_or_default();
                let epochs = if folder.epochs().is_file() { read_epochs(&folder.epochs())? } else { Vec::new() };
                networks.push(Planned { configuration, seed, fold, folder, state, epochs });
            }
        }
    }
    Ok(networks)
}

/// Scores of all folds that have been evaluated. Folds scored by different metrics keep those that all of them have.
fn read_scores<'a>(folders: impl Iterator<Item = &'a FoldFolder>) -> Result<Scores, RecordError> {
    let mut all = Vec::new();
    for folder in folders.filter(|folder| folder.scores().is_file()) {
        // Scores of predictions that are being made anew are none.
        let state: Option<State> = read_json(&folder.state())?;
        if state.is_none_or(|state| state.evaluated.is_some()) {
            all.push(scores::read(&folder.scores())?);
        }
    }
    let Some(first) = all.first() else { return Ok(Scores::default()) };
    let shared = |name: &&String| all.iter().all(|scores| scores.metrics.contains(name));
    let metrics: Vec<String> = first.metrics.iter().filter(shared).cloned().collect();
    let mut rows = Vec::new();
    for scores in all {
        let places: Vec<usize> =
            metrics.iter().filter_map(|name| scores.metrics.iter().position(|known| known == name)).collect();
        rows.extend(scores.rows.into_iter().map(|mut row| {
            row.values = places.iter().map(|&place| row.values[place]).collect();
            row
        }));
    }
    Ok(Scores { metrics, rows })
}

/// Reads a JSON file; nothing where there is none.
pub(in crate::report) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, RecordError> {
    let Some(text) = store::read_text_if_present(path)? else { return Ok(None) };
    let form = |source| RecordError::Form { path: path.to_owned(), source };
    serde_json::from_str(&text).map(Some).map_err(form)
}
