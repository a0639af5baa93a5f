//! `segplan export`: a plan, or the networks of a run, in the files of nnU-Net v2.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};

use crate::cli::failure::{Failure, plain};
use crate::cli::terminal::Terminal;
use crate::cli::variant::parse_configuration;
use crate::nnunet::export::export as export_plan;
use crate::nnunet::model::{ModelExport, export_model};
use crate::plan::compare::load_named;
use crate::plan::schema::ConfigurationName;
use crate::run::Listener;
use crate::run::folder::RunFolder;
use crate::store::claim::Claim;
use crate::store::{read_text_if_present, write_atomic};
use crate::units::counted;

const EXAMPLES: &str = "\
Examples:
  segplan export --nnunet experiments/hippocampus.toml -o Dataset004_Hippocampus
  # with its folds
  segplan export --nnunet runs/hippocampus -o Dataset004_Hippocampus
  # trained networks, for nnUNetv2_predict_from_modelfolder
  segplan export --nnunet-model runs/hippocampus -o nnunet-hippocampus";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, group = ArgGroup::new("format").required(true))]
pub(super) struct Arguments {
    /// A plan, a run folder, or a file at a git revision as REV:path
    plan: String,
    /// Write a plan as nnU-Net v2 does: `nnUNetPlans.json`, `dataset.json`, and `splits_final.json` of a run
    #[arg(long, group = "format")]
    nnunet: bool,
    /// Write the trained networks of a run as a results folder of nnU-Net v2, which predicts with them
    #[arg(long, group = "format")]
    nnunet_model: bool,
    /// Configuration of the networks, if several are trained
    #[arg(long, value_name = "NAME", value_parser = parse_configuration, requires = "nnunet_model")]
    configuration: Option<ConfigurationName>,
    /// Folder to write to
    #[arg(short, long)]
    output: PathBuf,
    /// Overwrite existing files
    #[arg(long)]
    overwrite: bool,
}

pub(super) fn export(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.nnunet_model { export_networks(arguments) } else { export_files(arguments) }
}

fn export_files(arguments: &Arguments) -> Result<(), Failure> {
    let plan = load_named(&arguments.plan, None).map_err(|error| Failure::wrong_input(error.into()))?;
    let exported = export_plan(&plan);
    let mut files = vec![("nnUNetPlans.json", exported.plans_text()), ("dataset.json", exported.dataset_text())];
    let folder = Path::new(&arguments.plan);
    if folder.is_dir() {
        let splits = read_text_if_present(&RunFolder::new(folder, "").splits());
        if let Some(splits) = splits.map_err(|error| Failure::wrong_input(plain(error)))? {
            files.push(("splits_final.json", splits));
        }
    }
    let names: Vec<PathBuf> = files.iter().map(|(name, _)| PathBuf::from(name)).collect();
    claim(arguments, &names)?;
    for (name, text) in files {
        write_atomic(&arguments.output.join(name), text.as_bytes()).map_err(|error| Failure::failed(plain(error)))?;
    }
    report(arguments, exported.inexact.iter().chain(&exported.absent));
    Ok(())
}

fn export_networks(arguments: &Arguments) -> Result<(), Failure> {
    let request = ModelExport { run: Path::new(&arguments.plan), configuration: arguments.configuration };
    let model = export_model(&request).map_err(Failure::of_model)?;
    let names = model.names();
    claim(arguments, &names)?;
    let terminal = Terminal::new();
    model.write(&arguments.output, &terminal).map_err(Failure::of_model)?;
    terminal.say(&format!("exported {}", counted(names.len() - 2, "network")));
    report(arguments, model.notes.iter());
    Ok(())
}

fn claim(arguments: &Arguments, names: &[PathBuf]) -> Result<(), Failure> {
    let inputs = [PathBuf::from(&arguments.plan)];
    let claim = Claim::new(&arguments.output, names, &inputs).overwriting(arguments.overwrite);
    claim.check().map(drop).map_err(Failure::of_claim)
}

fn report<'a>(arguments: &Arguments, left_out: impl Iterator<Item = &'a String>) {
    let terminal = Terminal::new();
    terminal.say(&format!("written to `{}`. Not represented in nnU-Net's format:", arguments.output.display()));
    for what in left_out {
        terminal.say(&format!("* {what}"));
    }
}
