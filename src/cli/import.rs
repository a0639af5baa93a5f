//! `segplan import`: a plan of nnU-Net v2 as a plan of segplan.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use crate::cli::failure::{Failure, plain};
use crate::cli::schema::write_beside;
use crate::cli::terminal::Terminal;
use crate::nnunet::import::import as import_plan;
use crate::plan::read::load_from;
use crate::run::Listener;
use crate::run::folder::RunFolder;
use crate::store::claim::claim_file;
use crate::store::{read_text, read_text_if_present, write_atomic};

const EXAMPLES: &str = "\
Example:
  segplan import nnUNet_preprocessed/Dataset004_Hippocampus -o hippocampus.toml

The folds of `splits_final.json` are copied to the run folder of the experiment, unless it has folds already.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Folder with `nnUNetPlans.json`, `dataset.json` and optionally `splits_final.json`, such as `nnUNet_preprocessed/Dataset004_Hippocampus`
    folder: PathBuf,
    /// Name of the plans file in it
    #[arg(long, default_value = "nnUNetPlans.json")]
    plans: String,
    /// Plan to write; its name is that of the experiment
    #[arg(short, long)]
    output: PathBuf,
    /// Overwrite an existing plan
    #[arg(long)]
    overwrite: bool,
}

pub(super) fn import(arguments: &Arguments) -> Result<(), Failure> {
    let path = &arguments.output;
    let inputs = [&arguments.plans, "dataset.json", "splits_final.json"].map(|name| arguments.folder.join(name));
    claim_file(path, &inputs, arguments.overwrite).map_err(Failure::of_claim)?;
    let (plans, dataset) =
        (json(&arguments.folder.join(&arguments.plans))?, json(&arguments.folder.join("dataset.json"))?);
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut imported = import_plan(&name, &plans, &dataset).map_err(|error| Failure::wrong_input(plain(error)))?;
    load_from(path, &|_| Ok(imported.text.clone())).map_err(|error| Failure::wrong_input(error.into()))?;
    write_atomic(path, imported.text.as_bytes()).map_err(|error| Failure::failed(plain(error)))?;
    write_beside(path, arguments.overwrite)?;
    let terminal = Terminal::new();
    let given = read_text_if_present(&arguments.folder.join("splits_final.json"));
    if let Some(splits) = given.map_err(|error| Failure::wrong_input(plain(error)))? {
        let place = RunFolder::new(&imported.plan.runtime.runs, &name).splits();
        if place.exists() {
            imported.unsupported.push(format!("`splits_final.json`: `{}` exists already", place.display()));
        } else {
            write_atomic(&place, splits.as_bytes()).map_err(|error| Failure::failed(plain(error)))?;
            terminal.say(&format!("folds copied to `{}`", place.display()));
        }
    }
    terminal.say(&format!("written to `{}`. Not imported:", path.display()));
    for what in imported.unsupported {
        terminal.say(&format!("* {what}"));
    }
    Ok(())
}

fn json(path: &Path) -> Result<Value, Failure> {
    let text = read_text(path).map_err(|error| {
        let help =
            "expected a folder of nnU-Net's preprocessed data, such as nnUNet_preprocessed/Dataset004_Hippocampus";
        Failure::wrong_input(miette::miette!(help = help, "{error}"))
    })?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::wrong_input(miette::miette!("`{}` is not JSON: {error}", path.display())))
}
