//! The arguments of `segplan import`.

use std::path::PathBuf;

use clap::Args;

use crate::nnunet::model::FINAL_CHECKPOINT;

const EXAMPLES: &str = "\
Examples:
  # a plan
  segplan import nnUNet_preprocessed/Dataset004_Hippocampus -o hippocampus.toml
  # a trained model, to predict with
  segplan import nnUNetTrainer__nnUNetPlans__3d_fullres -o runs/hippocampus
  # both stages of a cascade, or several configurations
  segplan import nnUNet_results/Dataset004_Hippocampus -o runs/hippocampus
  # a file of nnUNetv2_export_model_to_zip
  segplan import hippocampus.zip -o runs/hippocampus

With a plan, the folds of `splits_final.json` are copied to the run folder of
the experiment, unless it has folds already.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Arguments {
    /// Folder with `nnUNetPlans.json`, `dataset.json` and optionally `splits_final.json`, such as `nnUNet_preprocessed/Dataset004_Hippocampus`;
    /// or a trained model: its results folder, a folder of several, or a zip file of them
    pub(super) source: PathBuf,
    /// Name of the plans file in a folder of preprocessed data
    #[arg(long, default_value = "nnUNetPlans.json")]
    pub(super) plans: String,
    /// Name of the checkpoints of a trained model
    #[arg(long, default_value = FINAL_CHECKPOINT)]
    pub(super) checkpoint: String,
    /// Plan to write, whose name is that of the experiment; for a trained model, run folder to write, such as `runs/hippocampus`
    #[arg(short, long)]
    pub(super) output: PathBuf,
    /// Overwrite an existing plan
    #[arg(long)]
    pub(super) overwrite: bool,
}
