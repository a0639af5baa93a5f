//! `segplan set`: changes values of a plan file, and keeps everything else.

use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::{Failure, plain};
use crate::cli::output::print_line;
use crate::plan::edit::set as edit;
use crate::plan::read::read_file;
use crate::store::rewrite;

const EXAMPLES: &str = "\
Examples:
  segplan set experiments/phantom.toml train.max_epochs=50
  segplan set plan.toml runtime.device=cuda:0 'run.folds=[0, 1]'

The plan is checked before it is written. Comments, order and spaces are kept; only a generated comment above the value, which \
gives the reason of the old one, is replaced. A key that the file does not have is added to its table.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The plan file
    plan: PathBuf,
    /// Keys and their new values
    #[arg(required = true, value_name = "KEY=VALUE")]
    pairs: Vec<String>,
}

pub(super) fn set(arguments: &Arguments) -> Result<(), Failure> {
    let path = &arguments.plan;
    let before = read_file(path).map_err(|error| Failure::wrong_input(error.into()))?;
    let (text, done) = edit(path, &before, &arguments.pairs).map_err(|error| Failure::wrong_input(error.into()))?;
    if text != before {
        rewrite(path, text.as_bytes()).map_err(|error| Failure::failed(plain(error)))?;
    }
    for change in done {
        match change.from {
            Some(from) if from == change.to => print_line(format_args!("{} is already {from}", change.key)),
            Some(from) => print_line(format_args!("{}: {from} → {}", change.key, change.to)),
            None => print_line(format_args!("{}: {} (added)", change.key, change.to)),
        }
    }
    Ok(())
}
