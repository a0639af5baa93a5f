//! `segplan verify`: all problems of a data set at once.

use std::path::PathBuf;

use clap::Args;

use crate::cli::exit_code::ExitCode;
use crate::cli::failure::{Failure, plain};
use crate::cli::output::print_line;
use crate::cli::terminal::Terminal;
use crate::dataset::{scan, verify as check};
use crate::plan::schema::recipe;
use crate::run::Listener;
use crate::units::counted;

const EXAMPLES: &str = "\
Example:
  segplan verify data/Task04_Hippocampus

Exit codes: 0 no problem found, 2 not a data set, 3 the data set has problems";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Folder of the data set (Decathlon or nnU-Net v2 raw)
    dataset: PathBuf,
    /// Memory limit for the images of one case, GiB: larger cases are reported; the default is that of `runtime.memory_gib`
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    memory_gib: Option<u64>,
}

pub(super) fn verify(arguments: &Arguments) -> Result<(), Failure> {
    let dataset = scan(&arguments.dataset).map_err(|error| Failure::wrong_input(plain(error)))?;
    let cases = dataset.training.len() + dataset.test.len();
    let terminal = Terminal::new();
    terminal.begin("checking cases", cases);
    let memory_bytes = arguments.memory_gib.map_or_else(recipe::memory_bytes, |gib| gib << 30);
    let faults = check(&dataset, memory_bytes, &|| terminal.advance());
    terminal.end();
    for note in &dataset.notes {
        print_line(format_args!("note: {note}"));
    }
    for fault in &faults {
        print_line(fault);
    }
    if faults.is_empty() {
        print_line(format_args!("`{}`: {}, no problem found", dataset.name, counted(cases, "case")));
        return Ok(());
    }
    let found = counted(faults.len(), "problem");
    terminal.say(&format!("`{}`: {found} in {}", dataset.name, counted(cases, "case")));
    Err(Failure::silent(ExitCode::DamagedData))
}
