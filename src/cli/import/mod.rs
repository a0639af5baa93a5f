//! `segplan import`: a plan or a trained model of nnU-Net v2.

mod model;
mod plan;

use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::Failure;
use crate::nnunet::model::{FINAL_CHECKPOINT, is_model};

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
pub(super) struct Arguments {
    /// Folder with `nnUNetPlans.json`, `dataset.json` and optionally `splits_final.json`, such as `nnUNet_preprocessed/Dataset004_Hippocampus`;
    /// or a trained model: its results folder, a folder of several, or a zip file of them
    source: PathBuf,
    /// Name of the plans file in a folder of preprocessed data
    #[arg(long, default_value = "nnUNetPlans.json")]
    plans: String,
    /// Name of the checkpoints of a trained model
    #[arg(long, default_value = FINAL_CHECKPOINT)]
    checkpoint: String,
    /// Plan to write, whose name is that of the experiment; for a trained model, run folder to write, such as `runs/hippocampus`
    #[arg(short, long)]
    output: PathBuf,
    /// Overwrite an existing plan
    #[arg(long)]
    overwrite: bool,
}

pub(super) fn import(arguments: &Arguments) -> Result<(), Failure> {
    let has_plans = arguments.source.join(&arguments.plans).is_file();
    if !has_plans && is_model(&arguments.source) {
        model::import_trained(arguments)
    } else {
        plan::import_plan(arguments)
    }
}
