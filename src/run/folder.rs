//! The layout of `runs/`: one method per file name.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::plan::compare::RESOLVED_PLAN;
use crate::plan::schema::ConfigurationName;
use crate::run::network::NetworkId;
use crate::volume::io::format::file_name;

/// The folder of one run, `runs/<name>/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    /// Path of the folder.
    pub root: PathBuf,
}

impl RunFolder {
    /// The folder of the run `name` in `runs`.
    pub fn new(runs: &Path, name: &str) -> Self {
        Self { root: runs.join(name) }
    }

    /// The plan with every key written out.
    pub fn resolved_plan(&self) -> PathBuf {
        self.root.join(RESOLVED_PLAN)
    }

    /// The plan file as it was when the run started.
    pub fn input_plan(&self) -> PathBuf {
        self.root.join("plan.input.toml")
    }

    /// The lock that one process holds while it works on the run.
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Whether any network was started, finished or not.
    pub fn has_networks(&self) -> bool {
        let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
        let is_seed = |name: &OsStr| name.to_str().is_some_and(|name| name.starts_with("seed_"));
        entries(&self.root).any(|configuration| entries(&configuration.path()).any(|seed| is_seed(&seed.file_name())))
    }

    /// Version, machine, device, overrides and times: [`Manifest`](crate::run::manifest::Manifest).
    pub fn manifest(&self) -> PathBuf {
        self.root.join("manifest.json")
    }

    /// [`SavedFingerprint`](crate::run::fingerprint::SavedFingerprint).
    pub fn fingerprint(&self) -> PathBuf {
        self.root.join("fingerprint.json")
    }

    /// Digests of the data set's files when the run last started.
    pub fn contents(&self) -> PathBuf {
        self.root.join("data.json")
    }

    /// The folds, in nnU-Net's format: [`Split`](crate::run::Split)s.
    pub fn splits(&self) -> PathBuf {
        self.root.join("splits_final.json")
    }

    /// Scores of all scored folds, configurations and ensembles.
    pub fn scores(&self) -> PathBuf {
        self.root.join("scores.parquet")
    }

    /// All candidates of the cross-validation, best first.
    pub fn selection(&self) -> PathBuf {
        self.root.join("selection.json")
    }

    /// The post-processing of each candidate, with the evidence for it.
    pub fn postprocessing(&self) -> PathBuf {
        self.root.join("postprocessing.json")
    }

    /// Folder of the predictions that the cascade's second stage takes as input: of each case, by the network of `3d_lowres` and
    /// this seed that was validated on it.
    pub fn first_stage_predictions(&self, seed: u64) -> PathBuf {
        self.seed(ConfigurationName::LowRes.as_str(), seed).join("first_stage_predictions")
    }

    /// The folder of one network.
    pub fn network(&self, id: NetworkId) -> FoldFolder {
        self.fold(id.configuration.as_str(), id.seed, id.fold)
    }

    /// The folder of one fold of a configuration or of an ensemble, such as `2d+3d_fullres`.
    pub fn fold(&self, configuration: &str, seed: u64, fold: usize) -> FoldFolder {
        FoldFolder { root: self.seed(configuration, seed).join(format!("fold_{fold}")) }
    }

    fn seed(&self, configuration: &str, seed: u64) -> PathBuf {
        self.root.join(configuration).join(format!("seed_{seed}"))
    }
}

/// The folder of one network, or of one fold of an ensemble: `runs/<name>/<configuration>/seed_<seed>/fold_<fold>/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoldFolder {
    /// Path of the folder.
    pub root: PathBuf,
}

impl FoldFolder {
    /// [`EpochRow`](crate::run::log::EpochRow)s.
    pub fn epochs(&self) -> PathBuf {
        self.root.join("epochs.parquet")
    }

    /// [`StepRow`](crate::run::log::StepRow)s.
    pub fn steps(&self) -> PathBuf {
        self.root.join("steps.parquet")
    }

    /// Everything that training needs to resume.
    pub fn checkpoint(&self) -> PathBuf {
        self.root.join("checkpoint.safetensors")
    }

    /// The trained weights.
    pub fn weights(&self) -> PathBuf {
        self.root.join("weights.safetensors")
    }

    /// [`NetworkState`](crate::run::NetworkState).
    pub fn state(&self) -> PathBuf {
        self.root.join("state.json")
    }

    /// Plot of losses and stopping rule, without extension.
    pub fn plateau_plot(&self) -> PathBuf {
        self.root.join("plateau")
    }

    /// Plot of the learning rate, without extension.
    pub fn learning_rate_plot(&self) -> PathBuf {
        self.root.join("learning_rate")
    }

    /// Folder of the predictions of the validation cases.
    pub fn validation(&self) -> PathBuf {
        self.root.join("validation")
    }

    /// Prediction of one validation case.
    pub fn prediction(&self, case: &str) -> PathBuf {
        self.validation().join(file_name(case))
    }

    /// Folder of the predictions of the validation cases before post-processing.
    pub fn raw_validation(&self) -> PathBuf {
        self.root.join("validation_raw")
    }

    /// Prediction of one validation case before post-processing.
    pub fn raw_prediction(&self, case: &str) -> PathBuf {
        self.raw_validation().join(file_name(case))
    }

    /// Picture of one validation case: `best`, `median` or `worst`.
    pub fn picture(&self, name: &str) -> PathBuf {
        self.root.join(format!("{name}.png"))
    }

    /// Confusion of classes, per case.
    pub fn confusion(&self) -> PathBuf {
        self.root.join("confusion.parquet")
    }

    /// Scores, one row per validation case and class.
    pub fn scores(&self) -> PathBuf {
        self.root.join("scores.parquet")
    }
}

/// Folder of the preprocessed cases with this digest. Runs that preprocess alike share it.
pub fn prepared_folder(runs: &Path, digest: &str) -> PathBuf {
    runs.join("prepared").join(digest)
}

/// Digests of data set files that were hashed before.
pub fn known_files(runs: &Path) -> PathBuf {
    runs.join("prepared").join("files.json")
}

/// File of one case in a [`prepared_folder`] or in [`RunFolder::first_stage_predictions`].
pub fn prepared_case(folder: &Path, case: &str) -> PathBuf {
    folder.join(format!("{case}.safetensors"))
}
