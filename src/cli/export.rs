//! `segplan export`: a plan in the files of nnU-Net v2.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::failure::{Failure, plain};
use crate::cli::terminal::Terminal;
use crate::nnunet::export::export as export_plan;
use crate::plan::compare::load_named;
use crate::run::Listener;
use crate::run::folder::RunFolder;
use crate::store::claim::Claim;
use crate::store::{read_text_if_present, write_atomic};

const EXAMPLES: &str = "\
Examples:
  segplan export --nnunet experiments/hippocampus.toml -o Dataset004_Hippocampus
  # with its folds
  segplan export --nnunet runs/hippocampus -o Dataset004_Hippocampus";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A plan, a run folder, or a file at a git revision as REV:path
    plan: String,
    /// Write the files of nnU-Net v2: `nnUNetPlans.json`, `dataset.json`, and `splits_final.json` of a run
    #[arg(long, required = true)]
    nnunet: bool,
    /// Folder to write to
    #[arg(short, long)]
    output: PathBuf,
    /// Overwrite existing files
    #[arg(long)]
    overwrite: bool,
}

pub(super) fn export(arguments: &Arguments) -> Result<(), Failure> {
    let plan = load_named(&arguments.plan, None).map_err(|error| Failure::wrong_input(error.into()))?;
    let exported = export_plan(&plan);
    let mut files = vec![
        ("nnUNetPlans.json", format!("{:#}\n", exported.plans)),
        ("dataset.json", format!("{:#}\n", exported.dataset)),
    ];
    let folder = Path::new(&arguments.plan);
    let inputs = [folder.to_owned()];
    if folder.is_dir() {
        let splits = read_text_if_present(&RunFolder::new(folder, "").splits());
        if let Some(splits) = splits.map_err(|error| Failure::wrong_input(plain(error)))? {
            files.push(("splits_final.json", splits));
        }
    }
    let names: Vec<PathBuf> = files.iter().map(|(name, _)| PathBuf::from(name)).collect();
    let claim = Claim::new(&arguments.output, &names, &inputs).overwriting(arguments.overwrite);
    claim.check().map_err(Failure::of_claim)?;
    for (name, text) in files {
        write_atomic(&arguments.output.join(name), text.as_bytes()).map_err(|error| Failure::failed(plain(error)))?;
    }
    let terminal = Terminal::new();
    terminal.say(&format!("written to `{}`. Not represented in nnU-Net's format:", arguments.output.display()));
    for what in exported.unsupported {
        terminal.say(&format!("* {what}"));
    }
    Ok(())
}
