//! `segplan verify`: every fault of a data set at once.

use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::{Failure, plain};
use crate::cli::output::print_line;
use crate::cli::terminal::Terminal;
use crate::dataset::{scan, verify as check};
use crate::experiment::events::Events;

const EXAMPLES: &str = "\
Example:
  segplan verify data/Task04_Hippocampus

Exit codes: 0 no fault, 3 the data set has faults, 2 the folder is no data set";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Folder of the data set (Decathlon or nnU-Net v2 raw)
    dataset: PathBuf,
}

pub(super) fn verify(arguments: &Arguments) -> Result<(), Failure> {
    let dataset = scan(&arguments.dataset).map_err(|error| Failure::wrong_input(plain(error)))?;
    let cases = dataset.training.len() + dataset.test.len();
    let terminal = Terminal::new();
    terminal.begin("checking cases", cases);
    let faults = check(&dataset, &|| terminal.advance());
    terminal.end();
    for fault in &faults {
        print_line(fault);
    }
    if faults.is_empty() {
        print_line(format_args!("`{}`: {cases} cases, no fault found", dataset.name));
        return Ok(());
    }
    let plural = if faults.len() == 1 { "" } else { "s" };
    terminal.say(&format!("`{}`: {} fault{plural} in {cases} cases", dataset.name, faults.len()));
    Err(Failure::damaged_data_listed())
}
