//! `segplan status`: finished, stale and remaining work, and the next command.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::cli::failure::Failure;
use crate::cli::output::{self, print_line};
use crate::cli::terminal::Terminal;
use crate::cli::threads::use_threads;
use crate::cli::variant::{Only, chosen};
use crate::experiment::{Options, Stage, Status};
use crate::plan::read::PlanError;
use crate::plan::read::{LoadedPlan, load, load_resolved};
use crate::run::folder::RunFolder;
use crate::store::rows::rows_as_text;

const EXAMPLES: &str = "\
Examples:
  # finished and remaining steps
  segplan status experiments/phantom.toml
  # the same for a run folder
  segplan status runs/phantom
  # with the cost of the remaining work
  segplan status experiments/phantom.toml --estimate
  # steps that another value would make stale
  segplan status experiments/phantom.toml --set train.max_epochs=9
  # every step, with what it needs
  segplan status experiments/phantom.toml --format json

Nothing is written and nothing is run.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The plan, or a run folder
    #[arg(value_name = "PLAN_OR_RUN")]
    plan: PathBuf,
    /// Override a value of the plan, such as `train.max_epochs=10`; the plan file is not changed
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    only: Only,
    /// Also estimate memory, disk space and time of the remaining work
    #[arg(long)]
    estimate: bool,
    /// Also show which step needs which
    #[arg(long)]
    graph: bool,
    /// Output format
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

/// The parts of a status that are printed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Printed {
    pub(super) estimate: bool,
    pub(super) graph: bool,
    pub(super) format: Format,
}

pub(super) fn status(arguments: &Arguments) -> Result<(), Failure> {
    let loaded =
        load_plan_or_run(&arguments.plan, &arguments.set).map_err(|error| Failure::wrong_input(error.into()))?;
    use_threads(loaded.plan.runtime.threads)?;
    let options = Options {
        until: Stage::Evaluate,
        configurations: arguments.only.configurations.clone(),
        folds: arguments.only.folds.clone(),
        keep_going: false,
    };
    let plans = chosen(&loaded, arguments.only.variant.as_deref())?;
    let Arguments { estimate, graph, format, .. } = *arguments;
    print(&plans, &options, Printed { estimate, graph, format })
}

/// Loads a plan, or the plan of a run folder, which may have been moved since.
fn load_plan_or_run(path: &Path, set: &[String]) -> Result<LoadedPlan, PlanError> {
    if !path.is_dir() {
        return load(path, set);
    }
    let mut loaded = load_resolved(&RunFolder { root: path.to_owned() }.resolved_plan())?;
    if let (Some(runs), Some(name)) = (path.parent(), path.file_name()) {
        runs.clone_into(&mut loaded.plan.runtime.runs);
        loaded.plan.name = name.to_string_lossy().into_owned();
    }
    Ok(loaded)
}

/// Prints the work of some plans.
pub(super) fn print(plans: &[&LoadedPlan], options: &Options, printed: Printed) -> Result<(), Failure> {
    let terminal = Terminal::new();
    let mut all = Status::read_all(plans, options, &terminal).map_err(Failure::of_experiment)?;
    if printed.estimate {
        for (status, loaded) in all.iter_mut().zip(plans) {
            status.estimate(loaded, &terminal).map_err(Failure::of_experiment)?;
        }
    }
    match printed.format {
        Format::Text => output::print(text(&all, printed.graph)),
        Format::Json if plans.len() == 1 => print_line(format_args!("{:#}", all[0].json())),
        Format::Json => print_line(format_args!("{:#}", all.iter().map(Status::json).collect::<serde_json::Value>())),
    }
    Ok(())
}

/// Each status; for several, a line per plan at the end.
fn text(all: &[Status], graph: bool) -> String {
    let of_one = |status: &Status| {
        let graph = if graph { format!("\n{}", status.graph_text()) } else { String::new() };
        format!("{}{graph}", status.text())
    };
    let mut texts: Vec<String> = all.iter().map(of_one).collect();
    if all.len() > 1 {
        let rows: Vec<Vec<String>> = all.iter().map(|status| vec![status.name.clone(), status.summary()]).collect();
        texts.push(rows_as_text(&rows));
    }
    texts.join("\n")
}
