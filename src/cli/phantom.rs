//! `segplan phantom`: the built-in synthetic data set.

use std::fs;
use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::{Failure, plain};
use crate::cli::terminal::Terminal;
use crate::dataset::DatasetError;
use crate::dataset::phantom::{PhantomConfig, generate};
use crate::run::Listener;
use crate::units::counted;

const EXAMPLES: &str = "\
Example:
  segplan phantom data/Phantom --cases 10";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Folder to create, in the layout of the Decathlon
    folder: PathBuf,
    /// Number of cases
    #[arg(long, default_value_t = PhantomConfig::default().cases)]
    cases: usize,
    /// Seed of shapes and noise
    #[arg(long, default_value_t = PhantomConfig::default().seed)]
    seed: u64,
    /// Replace a phantom that was generated before
    #[arg(long)]
    overwrite: bool,
}

pub(super) fn phantom(arguments: &Arguments) -> Result<(), Failure> {
    let folder = arguments.folder.display();
    let is_empty = fs::read_dir(&arguments.folder).is_ok_and(|mut entries| entries.next().is_none());
    if arguments.folder.exists() && !is_empty && !arguments.overwrite {
        let help = "name a new folder, or replace it with `--overwrite`; `segplan run` generates the data of the phantom's plan by itself";
        return Err(Failure::wrong_input(miette::miette!(help = help, "`{folder}` is not empty")));
    }
    let config = PhantomConfig { cases: arguments.cases, seed: arguments.seed, ..PhantomConfig::default() };
    let terminal = Terminal::new();
    terminal.begin("generating phantom data", config.cases);
    let made = generate(&arguments.folder, &config, arguments.overwrite, &|| terminal.advance());
    terminal.end();
    made.map_err(|error| match error {
        DatasetError::Claim(error) => Failure::of_claim(error),
        error => Failure::failed(plain(error)),
    })?;
    terminal.say(&format!("generated {} in `{folder}`", counted(config.cases, "case")));
    Ok(())
}
