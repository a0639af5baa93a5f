//! `segplan show`: a plan as it is in effect.

use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::{Failure, warn};
use crate::cli::output::print;
use crate::plan::read::load;
use crate::plan::show::{Shown, text};

const EXAMPLES: &str = "\
Examples:
  segplan show experiments/hippocampus-laptop.toml --origin     file and line of each value
  segplan show experiments/phantom.toml --resolved              every key, the defaults' too
  segplan show experiments/phantom.toml --set train.batches=9   with a change, as `run` takes it";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The plan
    plan: PathBuf,
    /// Also show what no file says: the defaults
    #[arg(long)]
    resolved: bool,
    /// Name the layer, file and line that set each value
    #[arg(long)]
    origin: bool,
    /// Change a value of the plan first, such as `train.max_epochs=10`; the file stays as it is
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

pub(super) fn show(arguments: &Arguments) -> Result<(), Failure> {
    let loaded = load(&arguments.plan, &arguments.set).map_err(|error| Failure::wrong_input(error.into()))?;
    warn(&loaded.warnings);
    print(text(&loaded, Shown { resolved: arguments.resolved, origin: arguments.origin }));
    Ok(())
}
