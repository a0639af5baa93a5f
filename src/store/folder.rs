//! The layout of a run on disk: one method a file name.

use std::path::{Path, PathBuf};

/// The folder of one experiment, `runs/<name>/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    /// The folder itself.
    pub root: PathBuf,
}

impl RunFolder {
    /// The folder of the experiment called `name` among `runs`.
    pub fn new(runs: &Path, name: &str) -> Self {
        Self { root: runs.join(name) }
    }

    /// The plan as the run uses it, every key written out.
    pub fn resolved_plan(&self) -> PathBuf {
        self.root.join("plan.toml")
    }

    /// The plan file as it was when the run began.
    pub fn input_plan(&self) -> PathBuf {
        self.root.join("plan.input.toml")
    }

    /// The file by which one process at a time has the run.
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Whether there is a network in it, be it trained or only begun.
    pub fn has_networks(&self) -> bool {
        let folders = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
        let is_seed = |name: &std::ffi::OsStr| name.to_str().is_some_and(|name| name.starts_with("seed_"));
        folders(&self.root).any(|configuration| folders(&configuration.path()).any(|seed| is_seed(&seed.file_name())))
    }

    /// Version, machine, device, overrides and times.
    pub fn manifest(&self) -> PathBuf {
        self.root.join("manifest.json")
    }

    /// What was measured of the data set.
    pub fn fingerprint(&self) -> PathBuf {
        self.root.join("fingerprint.json")
    }

    /// Digests of the data set's files, as the last run found them.
    pub fn contents(&self) -> PathBuf {
        self.root.join("data.json")
    }

    /// The folds, in nnU-Net's own form.
    pub fn splits(&self) -> PathBuf {
        self.root.join("splits_final.json")
    }

    /// Scores of all folds and configurations that are done.
    pub fn scores(&self) -> PathBuf {
        self.root.join("scores.parquet")
    }

    /// All candidates of the cross-validation, best first.
    pub fn selection(&self) -> PathBuf {
        self.root.join("selection.json")
    }

    /// What is done to the predictions of each candidate, and why.
    pub fn postprocessing(&self) -> PathBuf {
        self.root.join("postprocessing.json")
    }

    /// What the networks of `configuration` and a seed say of the cases that they were not trained on, for the cascade's
    /// next stage.
    pub fn next_stage(&self, configuration: &str, seed: u64) -> PathBuf {
        self.root.join(configuration).join(format!("seed_{seed}")).join("next_stage")
    }

    /// The folder of one trained network.
    pub fn fold(&self, configuration: &str, seed: u64, fold: usize) -> FoldFolder {
        FoldFolder { root: self.root.join(configuration).join(format!("seed_{seed}")).join(format!("fold_{fold}")) }
    }
}

/// The folder of one trained network, `runs/<name>/<configuration>/seed_<seed>/fold_<fold>/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoldFolder {
    /// The folder itself.
    pub root: PathBuf,
}

impl FoldFolder {
    /// One row an epoch.
    pub fn epochs(&self) -> PathBuf {
        self.root.join("epochs.parquet")
    }

    /// One row a training step.
    pub fn steps(&self) -> PathBuf {
        self.root.join("steps.parquet")
    }

    /// Everything that training needs to go on.
    pub fn checkpoint(&self) -> PathBuf {
        self.root.join("checkpoint.safetensors")
    }

    /// The trained weights.
    pub fn weights(&self) -> PathBuf {
        self.root.join("weights.safetensors")
    }

    /// Which stages are done, and by which plan.
    pub fn state(&self) -> PathBuf {
        self.root.join("state.json")
    }

    /// The plateau plot, without its extension.
    pub fn plateau_plot(&self) -> PathBuf {
        self.root.join("plateau")
    }

    /// The learning-rate plot, without its extension.
    pub fn learning_rate_plot(&self) -> PathBuf {
        self.root.join("learning_rate")
    }

    /// Predictions of the held-out cases.
    pub fn validation(&self) -> PathBuf {
        self.root.join("validation")
    }

    /// Prediction of one held-out case.
    pub fn prediction(&self, case: &str) -> PathBuf {
        self.validation().join(format!("{case}.nii.gz"))
    }

    /// Predictions of the held-out cases before post-processing.
    pub fn raw_validation(&self) -> PathBuf {
        self.root.join("validation_raw")
    }

    /// Prediction of one held-out case before post-processing.
    pub fn raw_prediction(&self, case: &str) -> PathBuf {
        self.raw_validation().join(format!("{case}.nii.gz"))
    }

    /// Picture of one held-out case.
    pub fn picture(&self, name: &str) -> PathBuf {
        self.root.join(format!("{name}.png"))
    }

    /// Which class was taken for which, case by case.
    pub fn confusion(&self) -> PathBuf {
        self.root.join("confusion.parquet")
    }

    /// One row a held-out case and label.
    pub fn scores(&self) -> PathBuf {
        self.root.join("scores.parquet")
    }
}

/// Folder of the prepared cases that have the given digest. Experiments that prepare alike share it.
pub fn prepared_folder(runs: &Path, digest: &str) -> PathBuf {
    runs.join("prepared").join(digest)
}

/// Digests of files of data sets that were read before.
pub fn known_files(runs: &Path) -> PathBuf {
    runs.join("prepared").join("files.json")
}

/// File of what the cascade's first stage says of one case, in a [`RunFolder::next_stage`].
pub fn next_stage_case(folder: &Path, case: &str) -> PathBuf {
    folder.join(format!("{case}.safetensors"))
}

/// File of one prepared case.
pub fn prepared_case(folder: &Path, case: &str) -> PathBuf {
    folder.join(format!("{case}.safetensors"))
}
