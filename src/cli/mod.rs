//! The command line: one subcommand a verb. The only room that prints.
//!
//! Results go to standard output; progress and errors go to standard error; both by `output`.

mod augment;
mod bench;
mod compare;
mod completions;
mod diff;
mod doctor;
mod evaluate;
mod exit_code;
mod explain;
mod export;
mod failure;
mod import;
mod output;
mod pace;
mod phantom;
mod plan;
mod predict;
mod report;
mod run;
mod schema;
mod set;
mod show;
mod signals;
mod status;
mod terminal;
mod variant;
mod verify;

use std::process;

use clap::{CommandFactory, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::cli::exit_code::{EXIT_CODES, ExitCode};
use crate::cli::failure::Failure;
use crate::units::counted;

/// nnU-Net (2018) experiments from one declarative, editable TOML plan.
#[derive(Debug, Parser)]
#[command(name = "segplan", version, max_term_width = 100, arg_required_else_help = true, after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  segplan run experiments/phantom.toml             make, train and evaluate the built-in data set
  segplan verify data/Task04_Hippocampus           list every fault of a data set
  segplan plan data/Task04_Hippocampus -o experiments/hippocampus.toml
  segplan run experiments/hippocampus.toml --fold 0 --configuration 3d_fullres
  segplan predict --run runs/hippocampus --input new_images --output segmentations";

#[derive(Debug, Subcommand)]
enum Verb {
    /// List every fault of a data set: files, shapes, placement, labels
    Verify(verify::Arguments),
    /// Measure a data set and write its plan
    Plan(plan::Arguments),
    /// Show a plan as it is in effect, and where each value comes from
    Show(show::Arguments),
    /// Change values of a plan file, and no other byte of it
    Set(set::Arguments),
    /// Say what a key of a plan means: unit, default, source, and the rule that plans it
    Explain(explain::Arguments),
    /// Compare two plans by what they mean: which stages run again, what networks cost
    Diff(diff::Arguments),
    /// Print the JSON Schema of a plan, for editors
    Schema(schema::Arguments),
    /// Make a plan of nnU-Net v2's plans
    Import(import::Arguments),
    /// Write a plan as nnU-Net v2 reads it
    Export(export::Arguments),
    /// Draw training patches of a case before and after their random transforms
    Augment(augment::Arguments),
    /// Do whatever of a plan is not yet done: prepare, train, predict, evaluate, draw
    Run(run::Arguments),
    /// Say what of a plan is done, what is stale and why, and what is next
    Status(status::Arguments),
    /// Segment new images with a finished run
    Predict(predict::Arguments),
    /// Score a folder of predictions against a folder of references
    Evaluate(evaluate::Arguments),
    /// Table runs, or the variants of a sweep, side by side by any metric
    Compare(compare::Arguments),
    /// Turn finished runs into tables, figures and a page
    Report(report::Arguments),
    /// Time training step, forward pass, loader, preprocessing and prediction of a plan
    Bench(bench::Arguments),
    /// Make the built-in data set
    Phantom(phantom::Arguments),
    /// Say what this build and this machine can do: backends, memory, disk, data
    Doctor(doctor::Arguments),
    /// Print what a shell needs to complete the verbs and their flags
    Completions(completions::Arguments),
}

/// Reads the command line, does what it says, and reports how that went.
pub fn main() -> process::ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false).init();
    let done = match Arguments::parse().verb {
        Verb::Verify(arguments) => verify::verify(&arguments),
        Verb::Plan(arguments) => plan::plan(&arguments),
        Verb::Show(arguments) => show::show(&arguments),
        Verb::Set(arguments) => set::set(&arguments),
        Verb::Diff(arguments) => diff::diff(&arguments),
        Verb::Explain(arguments) => explain::explain(&arguments),
        Verb::Schema(arguments) => {
            schema::schema(&arguments);
            Ok(())
        }
        Verb::Import(arguments) => import::import(&arguments),
        Verb::Export(arguments) => export::export(&arguments),
        Verb::Augment(arguments) => augment::augment(&arguments),
        Verb::Run(arguments) => run::run(&arguments),
        Verb::Status(arguments) => status::status(&arguments),
        Verb::Predict(arguments) => predict::predict(&arguments),
        Verb::Evaluate(arguments) => evaluate::evaluate(&arguments),
        Verb::Compare(arguments) => compare::compare(&arguments),
        Verb::Report(arguments) => report::report(&arguments),
        Verb::Bench(arguments) => bench::run(&arguments),
        Verb::Phantom(arguments) => phantom::phantom(&arguments),
        Verb::Doctor(arguments) => doctor::doctor(&arguments),
        Verb::Completions(arguments) => {
            completions::completions(&arguments, &mut Arguments::command());
            Ok(())
        }
    };
    output::finish(done.map_or_else(Failure::report, |()| ExitCode::Done))
}

/// Uses as many threads as the plan says; all cores for 0.
fn use_threads(threads: usize) -> Result<(), Failure> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|error| Failure::failed(miette::miette!("cannot start {}: {error}", counted(threads, "thread"))))
}
