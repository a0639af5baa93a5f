//! `segplan run`: whatever of a plan is not yet done.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;

use crate::cli::failure::{Failure, plain};
use crate::cli::terminal::Terminal;
use crate::cli::use_threads;
use crate::experiment::events::Events;
use crate::experiment::{self, ExperimentError, Options, Outcome, Stage};
use crate::plan::load::load;
use crate::plan::schema::ConfigurationName;

const EXAMPLES: &str = "\
Examples:
  segplan run experiments/phantom.toml
  segplan run experiments/hippocampus.toml --fold 0 --configuration 3d_fullres
  segplan run experiments/hippocampus.toml --until preprocess
  segplan run experiments/hippocampus.toml --device cuda:0 --set train.max_epochs=50 --set name=short

What is done already is not done again. Ctrl-C writes a checkpoint; the same command goes on.
What the plan needs of the data set, of this build, of memory and of disk is checked before anything runs.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The plan
    plan: PathBuf,
    /// Change a value of the plan for this run, such as `train.max_epochs=10`; the file stays as it is
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Device to compute on; short for `--set runtime.device=…`
    #[arg(long)]
    device: Option<String>,
    /// Only this fold, counted from 0; may be given several times
    #[arg(long = "fold", value_name = "FOLD")]
    folds: Vec<usize>,
    /// Only this configuration; may be given several times
    #[arg(long = "configuration", value_name = "NAME", value_parser = configuration)]
    configurations: Vec<ConfigurationName>,
    /// Stop after this stage
    #[arg(long, value_enum, default_value_t = Stage::Evaluate)]
    until: Stage,
}

pub(super) fn configuration(name: &str) -> Result<ConfigurationName, String> {
    ConfigurationName::ALL.into_iter().find(|known| known.as_str() == name).ok_or_else(|| {
        let known: Vec<&str> = ConfigurationName::ALL.iter().map(|name| name.as_str()).collect();
        format!("expected one of {}", known.join(", "))
    })
}

#[expect(clippy::print_stdout, reason = "the table of scores is the result of this verb")]
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut overrides = arguments.set.clone();
    overrides.extend(arguments.device.as_ref().map(|device| format!("runtime.device={device}")));
    let loaded = load(&arguments.plan, &overrides).map_err(|error| Failure::wrong_input(error.into()))?;
    use_threads(loaded.plan.runtime.threads)?;
    let interrupted = stop_on_signals()?;
    let terminal = Terminal::new();
    let options = Options {
        until: arguments.until,
        configurations: arguments.configurations.clone(),
        folds: arguments.folds.clone(),
    };
    let outcome = experiment::run(&loaded, &options, &terminal, &interrupted);
    terminal.end();
    match outcome.map_err(into_failure)? {
        Outcome::Interrupted => {
            let plan = arguments.plan.display();
            terminal.say(&format!("interrupted; a checkpoint is written. Go on with: segplan run {plan}"));
            Err(Failure::interrupted())
        }
        Outcome::Done(summary) => {
            if let Some(table) = summary.table {
                println!("{table}");
            }
            terminal.say(&summary.text);
            Ok(())
        }
    }
}

/// A flag that Ctrl-C and SIGTERM set. A second signal ends the process at once; the last checkpoint stays.
pub(super) fn stop_on_signals() -> Result<Arc<AtomicBool>, Failure> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    let handler = move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(4);
        }
    };
    ctrlc::set_handler(handler).map_err(|error| Failure::failed(plain(error)))?;
    Ok(interrupted)
}

pub(super) fn into_failure(error: ExperimentError) -> Failure {
    let error = match error {
        ExperimentError::Plan(faults) => return Failure::wrong_input(faults.into()),
        error => error,
    };
    match error.exit_code() {
        2 => Failure::wrong_input(plain(error)),
        3 => Failure::damaged_data(plain(error)),
        _ => Failure::failed(plain(error)),
    }
}
