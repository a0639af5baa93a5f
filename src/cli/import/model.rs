//! `segplan import` of trained models.

use crate::cli::failure::Failure;
use crate::cli::import::arguments::Arguments;
use crate::cli::terminal::Terminal;
use crate::nnunet::model::{ModelImport, import_model};
use crate::plan::name::is_valid;
use crate::run::Listener;
use crate::units::counted;

pub(super) fn import_trained(arguments: &Arguments) -> Result<(), Failure> {
    let run = &arguments.output;
    let name = run.file_name().unwrap_or_default().to_string_lossy();
    if !is_valid(&name) {
        let help = "the name of a run has letters, digits, `-`, `_`, `.` and `=`, such as -o runs/hippocampus";
        return Err(Failure::wrong_input(miette::miette!(help = help, "`{name}` cannot be the name of a run")));
    }
    let terminal = Terminal::new();
    let request = ModelImport { model: &arguments.source, run, checkpoint: &arguments.checkpoint };
    let imported = import_model(&request, &terminal).map_err(Failure::of_model)?;
    for note in &imported.notes {
        terminal.say(&format!("* {note}"));
    }
    let networks = imported.networks.iter().map(|id| format!("{} fold {}", id.configuration, id.fold));
    let networks = networks.collect::<Vec<_>>().join(", ");
    let count = counted(imported.networks.len(), "network");
    terminal.say(&format!("imported {count} to `{}`: {networks}", run.display()));
    terminal
        .say(&format!("predict with: segplan predict --run {} --input IMAGES --output SEGMENTATIONS", run.display()));
    Ok(())
}
