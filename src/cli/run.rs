//! `segplan run`: whatever of a plan is not yet done.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use clap::Args;

use crate::cli::exit_code::{EXIT_CODES, ExitCode};
use crate::cli::failure::{Failure, plain};
use crate::cli::output::print_line;
use crate::cli::signals::stop_on_signals;
use crate::cli::status::{self, Format};
use crate::cli::terminal::Terminal;
use crate::cli::threads::use_threads;
use crate::cli::variant::{Only, chosen};
use crate::experiment::{self, ExperimentError, Options, Outcome, Stage};
use crate::plan::read::{LoadedPlan, load};
use crate::plan::schema::ConfigurationName;
use crate::report::live::LivePlots;
use crate::run::{Listener, Listeners};

const EXAMPLES: &str = "\
Examples:
  segplan run experiments/phantom.toml                       whatever of it is not yet done
  segplan run experiments/phantom.toml --dry-run             what that is, and what it will cost
  segplan run experiments/hippocampus.toml --fold 0 --configuration 3d_fullres
  segplan run experiments/hippocampus.toml --set train.max_epochs=50 --set name=short
  segplan run experiments/hippocampus.toml --device cuda:0
  segplan run experiments/sweep.toml --keep-going            all variants and folds, whatever fails
  segplan run experiments/sweep.toml --variant batches=9     one variant

Finished work is not repeated. Ctrl-C, SIGTERM and SIGUSR1 write a checkpoint; the same command resumes.
How long it may take is said first; how long it took, at the end.
What the plan needs of the data set, of this build, of memory and of disk is checked before anything runs.";

#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(super) struct Arguments {
    /// The plan
    plan: PathBuf,
    /// Change a value of the plan for this run, such as `train.max_epochs=10`; the file stays as it is
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Device to compute on; short for `--set runtime.device=…`
    #[arg(long)]
    device: Option<String>,
    /// Memory that images and probabilities may take at once, GiB; short for `--set runtime.memory_gib=…`
    #[arg(long, value_name = "GIB")]
    memory_gib: Option<u64>,
    #[command(flatten)]
    only: Only,
    /// Stop after this stage
    #[arg(long, value_enum, default_value_t = Stage::Evaluate)]
    until: Stage,
    /// Go on with the other networks and variants when one fails
    #[arg(long)]
    keep_going: bool,
    /// Say what would be done, and estimate its memory, disk and time; nothing is run
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn configuration(name: &str) -> Result<ConfigurationName, String> {
    ConfigurationName::ALL.into_iter().find(|known| known.as_str() == name).ok_or_else(|| {
        let known: Vec<&str> = ConfigurationName::ALL.iter().map(|name| name.as_str()).collect();
        format!("expected one of {}", known.join(", "))
    })
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut overrides = arguments.set.clone();
    overrides.extend(arguments.device.as_ref().map(|device| format!("runtime.device={device}")));
    overrides.extend(arguments.memory_gib.map(|gib| format!("runtime.memory_gib={gib}")));
    let loaded = load(&arguments.plan, &overrides).map_err(|error| Failure::wrong_input(error.into()))?;
    let plans = chosen(&loaded, arguments.only.variant.as_deref())?;
    use_threads(loaded.plan.runtime.threads)?;
    let options = Options {
        until: arguments.until,
        configurations: arguments.only.configurations.clone(),
        folds: arguments.only.folds.clone(),
        keep_going: arguments.keep_going,
    };
    if arguments.dry_run {
        return status::print(&plans, &options, true, Format::Text);
    }
    let interrupted = stop_on_signals()?;
    let (mut failed, mut done) = (Vec::new(), 0);
    for (at, plan) in plans.iter().enumerate() {
        if plans.len() > 1 {
            Terminal::new().say(&format!("variant {} of {}: {}", at + 1, plans.len(), plan.plan.name));
        }
        match one(plan, &options, &interrupted) {
            Ok(()) => done += 1,
            Err(failure) if failure.code() == ExitCode::Interrupted || plans.len() == 1 => return Err(failure),
            Err(failure) => failed.push((plan.plan.name.as_str(), failure)),
        }
        if !failed.is_empty() && !arguments.keep_going {
            break;
        }
    }
    together(&failed, done, &plans[failed.len() + done..])
}

/// Runs one plan.
fn one(loaded: &LoadedPlan, options: &Options, interrupted: &AtomicBool) -> Result<(), Failure> {
    let terminal = Terminal::new();
    let warn = |text: &str| terminal.say(text);
    let plots = LivePlots::new(&warn);
    let listeners = Listeners(vec![&terminal, &plots]);
    let outcome = experiment::run(loaded, options, &listeners, interrupted);
    terminal.end();
    match outcome.map_err(into_failure)? {
        Outcome::Interrupted => {
            terminal.say("interrupted; what is done is kept, and the same command goes on");
            Err(Failure::silent(ExitCode::Interrupted))
        }
        Outcome::Done(summary) => {
            if let Some(table) = summary.table {
                print_line(&table);
            }
            terminal.say(&summary.text);
            let Some(first) = summary.failures.first() else { return Ok(()) };
            let code = if summary.failures.has_done() { ExitCode::PartFailed } else { ExitCode::of_experiment(first) };
            Err(Failure::new(code, miette::miette!("{}", summary.failures.text())))
        }
    }
}

/// How variants end together: each failure is reported, and those that were not begun are named.
fn together(failed: &[(&str, Failure)], done: usize, left: &[&LoadedPlan]) -> Result<(), Failure> {
    let Some((_, first)) = failed.first() else { return Ok(()) };
    let mut text = format!("{} of {} variants failed:", failed.len(), failed.len() + done + left.len());
    for (name, failure) in failed {
        let _ = write!(text, "\n{name}: {failure}");
    }
    for plan in left {
        let _ = write!(text, "\n{}: not begun; `--keep-going` goes on after a failure", plan.plan.name);
    }
    let code = if done > 0 { ExitCode::PartFailed } else { first.code() };
    Err(Failure::new(code, miette::miette!("{text}")))
}

pub(super) fn into_failure(error: ExperimentError) -> Failure {
    let command = match error {
        ExperimentError::Plan(faults) => return Failure::wrong_input(faults.into()),
        ExperimentError::OtherPlan { ref command, .. } => Some(command.clone()),
        ExperimentError::EditedSplit(ref edited) => Some(edited.command.clone()),
        _ => None,
    };
    let failure = Failure::new(ExitCode::of_experiment(&error), plain(error));
    match command {
        Some(command) => failure.offering(command),
        None => failure,
    }
}
