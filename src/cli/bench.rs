//! `segplan bench`: how fast this machine is with a plan.

use std::path::PathBuf;

use clap::Args;

use crate::bench::bench;
use crate::cli::exit_code::ExitCode;
use crate::cli::failure::{Failure, plain};
use crate::cli::output::print_line;
use crate::cli::terminal::Terminal;
use crate::cli::threads::use_threads;
use crate::cli::variant::parse_configuration;
use crate::plan::read::load;
use crate::plan::schema::ConfigurationName;

const EXAMPLES: &str = "\
Examples:
  segplan bench experiments/phantom.toml
  segplan bench experiments/hippocampus.toml --device cuda:0 --configuration 2d";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The plan
    plan: PathBuf,
    /// Configuration to time; by default the first one of the plan
    #[arg(long, value_name = "NAME", value_parser = parse_configuration)]
    configuration: Option<ConfigurationName>,
    /// Override a value of the plan, such as `configurations.3d_fullres.batch_size=2`; the plan file is not changed
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Device to compute on; short for `--set runtime.device=…`
    #[arg(long)]
    device: Option<String>,
    /// Number of measurements of each part after a warm-up; medians are printed
    #[arg(long, default_value_t = 5)]
    repetitions: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut overrides = arguments.set.clone();
    overrides.extend(arguments.device.as_ref().map(|device| format!("runtime.device={device}")));
    let loaded = load(&arguments.plan, &overrides).map_err(|error| Failure::wrong_input(error.into()))?;
    use_threads(loaded.plan.runtime.threads)?;
    let name = arguments.configuration.unwrap_or(loaded.plan.run.configurations[0]);
    let timings = bench(&loaded, name, arguments.repetitions, &Terminal::new())
        .map_err(|error| Failure::new(ExitCode::of_bench(&error), plain(error)))?;
    if arguments.json {
        print_line(serde_json::to_string(&timings).expect("timings are plain numbers"));
    } else {
        print_line(timings.table());
    }
    Ok(())
}
