//! `segplan import` of plans.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::cli::failure::{Failure, plain};
use crate::cli::import::arguments::Arguments;
use crate::cli::schema::write_beside;
use crate::cli::terminal::Terminal;
use crate::nnunet::import::{import, usual_names};
use crate::plan::read::load_from;
use crate::run::Listener;
use crate::run::folder::RunFolder;
use crate::store::claim::claim_file;
use crate::store::{read_text, read_text_if_present, write_atomic};

pub(super) fn import_plan(arguments: &Arguments) -> Result<(), Failure> {
    let path = &arguments.output;
    let inputs = [&arguments.plans, "dataset.json", "splits_final.json"].map(|name| arguments.source.join(name));
    claim_file(path, &inputs, arguments.overwrite).map_err(Failure::of_claim)?;
    let (plans, dataset) =
        (json(&arguments.source.join(&arguments.plans))?, json(&arguments.source.join("dataset.json"))?);
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut imported =
        import(&name, &plans, &dataset, &usual_names()).map_err(|error| Failure::wrong_input(plain(error)))?;
    load_from(path, &|_| Ok(imported.text.clone())).map_err(|error| Failure::wrong_input(error.into()))?;
    write_atomic(path, imported.text.as_bytes()).map_err(|error| Failure::failed(plain(error)))?;
    write_beside(path, arguments.overwrite)?;
    let terminal = Terminal::new();
    let given = read_text_if_present(&arguments.source.join("splits_final.json"));
    if let Some(splits) = given.map_err(|error| Failure::wrong_input(plain(error)))? {
        let place: PathBuf = RunFolder::new(&imported.plan.runtime.runs, &name).splits();
        if place.exists() {
            imported.absent.push(format!("`splits_final.json`: `{}` exists already", place.display()));
        } else {
            write_atomic(&place, splits.as_bytes()).map_err(|error| Failure::failed(plain(error)))?;
            terminal.say(&format!("folds copied to `{}`", place.display()));
        }
    }
    terminal.say(&format!("written to `{}`. Not imported:", path.display()));
    for what in imported.inexact.iter().chain(&imported.others).chain(&imported.absent) {
        terminal.say(&format!("* {what}"));
    }
    Ok(())
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = read_text(path).map_err(|error| {
        let help = "expected a folder of nnU-Net's preprocessed data, such as nnUNet_preprocessed/Dataset004_Hippocampus, or of a \
                    trained model, such as nnUNetTrainer__nnUNetPlans__3d_fullres";
        Failure::wrong_input(miette::miette!(help = help, "{error}"))
    })?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::wrong_input(miette::miette!("`{}` is not a file of nnU-Net v2: {error}", path.display()))
    })
}
