//! `segplan diff`: the values in which two plans differ, and the consequences.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::exit_code::ExitCode;
use crate::cli::failure::Failure;
use crate::cli::output::{print, print_line};
use crate::network::PlannedNetwork;
use crate::plan::compare::load_named;
use crate::plan::compare::{Cost, compare};
use crate::plan::schema::{ConfigurationName, Plan};

const EXAMPLES: &str = "\
Examples:
  segplan diff experiments/hippocampus.toml experiments/hippocampus-laptop.toml
  segplan diff HEAD~1:experiments/phantom.toml experiments/phantom.toml
  segplan diff runs/phantom experiments/phantom.toml --format md

Exit codes: 0 the plans have the same values, 1 they differ, 2 wrong input";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A plan, a run folder, or a file at a git revision as REV:path
    before: String,
    /// The plan to compare with, named in the same way
    after: String,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Path of both files, beside which the plans that they extend are searched for (for git's diff driver)
    #[arg(long, value_name = "PATH")]
    beside: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Text for a terminal
    Text,
    /// Markdown
    Md,
    /// JSON
    Json,
}

pub(super) fn diff(arguments: &Arguments) -> Result<(), Failure> {
    let plan =
        |name: &str| load_named(name, arguments.beside.as_deref()).map_err(|error| Failure::wrong_input(error.into()));
    let (before, after) = (plan(&arguments.before)?, plan(&arguments.after)?);
    let diff = compare(&before, &after, &cost);
    // Git passes its driver temporary names for files that are not in the working folder.
    let names = match &arguments.beside {
        Some(path) => ["a", "b"].map(|side| format!("{side}/{}", path.display())),
        None => [arguments.before.clone(), arguments.after.clone()],
    };
    let names = [names[0].as_str(), names[1].as_str()];
    match arguments.format {
        Format::Text => print(diff.text(names)),
        Format::Md => print(diff.markdown(names)),
        Format::Json => print_line(format_args!("{:#}", serde_json::json!(diff))),
    }
    if diff.is_empty() { Ok(()) } else { Err(Failure::silent(ExitCode::Failed)) }
}

fn cost(plan: &Plan, name: ConfigurationName) -> Cost {
    let network = PlannedNetwork::new(plan, name);
    let (configuration, topology) = (network.configuration(), network.topology());
    Cost {
        parameters: topology.parameters(),
        step_voxels: (configuration.patch_size.voxels() * configuration.batch_size) as u64,
        receptive_field: topology.receptive_field(),
        training_bytes: network.training_bytes(),
    }
}
