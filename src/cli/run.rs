//! `segplan run`: every step of a plan that is not done yet.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use clap::{Args, ValueEnum};

use crate::cli::exit_code::{EXIT_CODES, ExitCode};
use crate::cli::failure::Failure;
use crate::cli::output::print_line;
use crate::cli::signals::stop_on_signals;
use crate::cli::status::{self, Format, Printed};
use crate::cli::terminal::Terminal;
use crate::cli::threads::use_threads;
use crate::cli::variant::{Only, chosen};
use crate::experiment::{self, Options, Outcome, Stage};
use crate::plan::read::{LoadedPlan, load};
use crate::report::live::LivePlots;
use crate::run::{Listener, Listeners};

const EXAMPLES: &str = "\
Examples:
  # every step that is not done yet
  segplan run experiments/phantom.toml
  # list these steps and their cost
  segplan run experiments/phantom.toml --dry-run
  # one network
  segplan run experiments/hippocampus.toml --fold 0 --configuration 3d_fullres
  # other values under another name
  segplan run experiments/phantom.toml --set train.max_epochs=9 --set name=short
  # on a GPU
  segplan run experiments/hippocampus.toml --device cuda:0
  # all variants and folds, whatever fails
  segplan run my-sweep.toml --keep-going
  # one variant
  segplan run my-sweep.toml --variant batch_size=9

Prints an estimate first and the actual time at the end. Finished steps are not repeated. Ctrl-C, SIGTERM and SIGUSR1 \
write a checkpoint; the same command resumes. Data set, device, memory and disk space are checked before anything runs.";

#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(super) struct Arguments {
    /// The plan
    plan: PathBuf,
    /// Override a value of the plan, such as `train.max_epochs=10`; the plan file is not changed
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Device to compute on; short for `--set runtime.device=…`
    #[arg(long)]
    device: Option<String>,
    /// Memory for images and probabilities, GiB; short for `--set runtime.memory_gib=…`
    #[arg(long, value_name = "GIB")]
    memory_gib: Option<u64>,
    #[command(flatten)]
    only: Only,
    /// Stop after this stage
    #[arg(long, value_enum, default_value_t = Until::Evaluate)]
    until: Until,
    /// After a failure, continue with everything that does not depend on it
    #[arg(long)]
    keep_going: bool,
    /// List the steps and estimate their memory, disk space and time; nothing is run
    #[arg(long)]
    dry_run: bool,
    /// Output format of `--dry-run`
    #[arg(long, value_enum, default_value_t = Format::Text, requires = "dry_run")]
    format: Format,
}

/// The last stage of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Until {
    /// Compute the fingerprint and compare it with the plan
    Fingerprint,
    /// Preprocess the cases
    Preprocess,
    /// Train the networks
    Train,
    /// Predict the validation cases
    Predict,
    /// Score the predictions and choose the best candidate
    Evaluate,
}

impl Until {
    fn stage(self) -> Stage {
        match self {
            Self::Fingerprint => Stage::Fingerprint,
            Self::Preprocess => Stage::Preprocess,
            Self::Train => Stage::Train,
            Self::Predict => Stage::Predict,
            Self::Evaluate => Stage::Evaluate,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut overrides = arguments.set.clone();
    overrides.extend(arguments.device.as_ref().map(|device| format!("runtime.device={device}")));
    overrides.extend(arguments.memory_gib.map(|gib| format!("runtime.memory_gib={gib}")));
    let loaded = load(&arguments.plan, &overrides).map_err(|error| Failure::wrong_input(error.into()))?;
    let plans = chosen(&loaded, arguments.only.variant.as_deref())?;
    use_threads(loaded.plan.runtime.threads)?;
    let options = Options {
        until: arguments.until.stage(),
        configurations: arguments.only.configurations.clone(),
        folds: arguments.only.folds.clone(),
        keep_going: arguments.keep_going,
    };
    if arguments.dry_run {
        let estimate = arguments.format == Format::Text;
        return status::print(&plans, &options, Printed { estimate, graph: false, format: arguments.format });
    }
    let interrupted = stop_on_signals()?;
    let (mut failed, mut done) = (Vec::new(), 0);
    for (at, plan) in plans.iter().enumerate() {
        if plans.len() > 1 {
            Terminal::new().say(&format!("variant {} of {}: {}", at + 1, plans.len(), plan.plan.name));
        }
        match run_plan(plan, &options, &interrupted) {
            Ok(()) => done += 1,
            Err(failure) if failure.code() == ExitCode::Interrupted || plans.len() == 1 => return Err(failure),
            Err(failure) => failed.push(VariantFailure { name: &plan.plan.name, failure }),
        }
        if !failed.is_empty() && !arguments.keep_going {
            break;
        }
    }
    let not_started = &plans[failed.len() + done..];
    summarize_failures(&failed, done, not_started)
}

fn run_plan(loaded: &LoadedPlan, options: &Options, interrupted: &AtomicBool) -> Result<(), Failure> {
    let terminal = Terminal::new();
    let warn = |text: &str| terminal.say(text);
    let plots = LivePlots::new(&warn);
    let listeners = Listeners(vec![&terminal, &plots]);
    let outcome = experiment::run(loaded, options, &listeners, interrupted);
    terminal.end();
    match outcome.map_err(Failure::of_experiment)? {
        Outcome::Interrupted => {
            terminal.say("interrupted; progress is saved. Run the same command to resume.");
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

/// A variant of a sweep that failed.
struct VariantFailure<'a> {
    name: &'a str,
    failure: Failure,
}

/// Reports each failed variant, and those that were not started.
fn summarize_failures(failed: &[VariantFailure<'_>], done: usize, not_started: &[&LoadedPlan]) -> Result<(), Failure> {
    let Some(VariantFailure { failure: first, .. }) = failed.first() else { return Ok(()) };
    let mut text = format!("{} of {} variants failed:", failed.len(), failed.len() + done + not_started.len());
    for VariantFailure { name, failure } in failed {
        let _ = write!(text, "\n{name}: {failure}");
    }
    for plan in not_started {
        let _ = write!(text, "\n{}: not started; `--keep-going` continues after a failure", plan.plan.name);
    }
    let code = if done > 0 { ExitCode::PartFailed } else { first.code() };
    Err(Failure::new(code, miette::miette!("{text}")))
}
