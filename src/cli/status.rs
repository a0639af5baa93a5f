//! `segplan status`: what of a plan is done, what is stale and why, and what is next.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::failure::Failure;
use crate::cli::output::{self, print_line};
use crate::cli::run::into_failure;
use crate::cli::terminal::Terminal;
use crate::cli::threads::use_threads;
use crate::cli::variant::{Only, chosen};
use crate::experiment::graph::Graph;
use crate::experiment::{Options, Stage};
use crate::plan::read::{LoadedPlan, load};

const EXAMPLES: &str = "\
Examples:
  segplan status experiments/phantom.toml                         what is done, what is next
  segplan status experiments/phantom.toml --estimate              with what is left to pay
  segplan status experiments/phantom.toml --set train.batches=9   what would become stale
  segplan status experiments/phantom.toml --format json           all work, with what it needs

Nothing is written and nothing is run.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The plan
    plan: PathBuf,
    /// Change a value of the plan first; the file stays as it is
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    only: Only,
    /// Also estimate memory, disk and time of what is not done
    #[arg(long)]
    estimate: bool,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For a terminal
    Text,
    /// For a program
    Json,
}

pub(super) fn status(arguments: &Arguments) -> Result<(), Failure> {
    let loaded = load(&arguments.plan, &arguments.set).map_err(|error| Failure::wrong_input(error.into()))?;
    use_threads(loaded.plan.runtime.threads)?;
    let options = Options {
        until: Stage::Evaluate,
        configurations: arguments.only.configurations.clone(),
        folds: arguments.only.folds.clone(),
        keep_going: false,
    };
    let plans = chosen(&loaded, arguments.only.variant.as_deref())?;
    print(&plans, &options, arguments.estimate, arguments.format)
}

/// Prints the work of some plans.
pub(super) fn print(plans: &[&LoadedPlan], options: &Options, estimate: bool, format: Format) -> Result<(), Failure> {
    let terminal = Terminal::new();
    let mut all = Vec::new();
    for loaded in plans {
        let mut graph = Graph::read(loaded, options, &terminal).map_err(into_failure)?;
        if estimate {
            graph.estimate(loaded, &terminal).map_err(into_failure)?;
        }
        all.push(graph);
    }
    match format {
        Format::Text => {
            let texts: Vec<String> = all.iter().map(Graph::text).collect();
            output::print(texts.join("\n"));
        }
        Format::Json if plans.len() == 1 => print_line(format_args!("{:#}", all[0].json())),
        Format::Json => print_line(format_args!("{:#}", all.iter().map(Graph::json).collect::<serde_json::Value>())),
    }
    Ok(())
}
