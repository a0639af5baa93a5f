//! `segplan show`: the values of a plan in effect.

use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::{Failure, warn};
use crate::cli::output::print;
use crate::plan::compare::show::{Options, show as show_plan};
use crate::plan::read::load;

const EXAMPLES: &str = "\
Examples:
  # with file and line of each value
  segplan show experiments/hippocampus-laptop.toml --origin
  # all keys, including those of the recipe
  segplan show experiments/phantom.toml --resolved
  # values set by hand, with those of the rules and the recipe
  segplan show experiments/phantom.toml --changed
  # with a value changed, as for `run`
  segplan show experiments/phantom.toml --set train.max_epochs=9

Environment variables set keys, too: SEGPLAN_TRAIN__MAX_EPOCHS=9";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The plan
    plan: PathBuf,
    /// Show all keys, including those of the recipe
    #[arg(long)]
    resolved: bool,
    /// Only show values that differ from those that the rules and the recipe give
    #[arg(long, conflicts_with = "resolved")]
    changed: bool,
    /// Show the layer, file and line that set each value
    #[arg(long)]
    origin: bool,
    /// Override a value of the plan, such as `train.max_epochs=10`; the plan file is not changed
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

pub(super) fn show(arguments: &Arguments) -> Result<(), Failure> {
    let loaded = load(&arguments.plan, &arguments.set).map_err(|error| Failure::wrong_input(error.into()))?;
    warn(&loaded.warnings);
    let options = Options { resolved: arguments.resolved, changed: arguments.changed, origin: arguments.origin };
    print(show_plan(&loaded, options));
    Ok(())
}
