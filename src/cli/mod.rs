//! The command line: one subcommand per verb, one file per subcommand. The only room that prints.
//!
//! Results go to standard output; progress, warnings and errors go to standard error. Both go through `output`.

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
mod package;
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
mod threads;
mod variant;
mod verify;

use std::process;

use clap::{CommandFactory, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::cli::exit_code::{EXIT_CODES, ExitCode};
use crate::cli::failure::Failure;

/// Medical image segmentation experiments as one editable TOML plan (nnU-Net, 2018).
#[derive(Debug, Parser)]
#[command(name = "segplan", version, max_term_width = 100, arg_required_else_help = true, after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  # generate, train and evaluate the built-in data set
  segplan run experiments/phantom.toml
  # list every problem in a data set
  segplan verify data/Task04_Hippocampus
  # measure it and write its plan
  segplan plan data/Task04_Hippocampus -o experiments/hippocampus.toml
  # train and evaluate one network
  segplan run experiments/hippocampus.toml --fold 0 --configuration 3d_fullres
  # segment new images
  segplan predict --run runs/hippocampus --input images --output segmentations";

#[derive(Debug, Subcommand)]
enum Verb {
    /// List every problem in a data set: files, shapes, geometry, labels
    Verify(verify::Arguments),
    /// Measure a data set and write its plan, or update an existing one
    Plan(plan::Arguments),
    /// Show the plan in effect, with the file and line of each value
    Show(show::Arguments),
    /// Change values in a plan file; everything else in it is kept
    Set(set::Arguments),
    /// Explain a key: meaning, unit, default, source, and the rule that plans it
    Explain(explain::Arguments),
    /// Compare two plans: which steps would rerun, and the cost of the networks
    Diff(diff::Arguments),
    /// Print the JSON Schema of plans, for editors
    Schema(schema::Arguments),
    /// Import a plan or a trained model of nnU-Net v2
    Import(import::Arguments),
    /// Export a plan or trained networks for nnU-Net v2
    Export(export::Arguments),
    /// Draw training patches of a case before and after augmentation
    Augment(augment::Arguments),
    /// Run every step of a plan that is not up to date: preprocess, train, predict, evaluate
    Run(run::Arguments),
    /// Show what is finished, what is stale and why, and what runs next
    Status(status::Arguments),
    /// Segment new images with the networks of a run
    Predict(predict::Arguments),
    /// Package the trained networks of a run as one file to hand on
    Package(package::Arguments),
    /// Score a folder of predictions against a folder of references
    Evaluate(evaluate::Arguments),
    /// Compare runs, or the variants of a sweep, by a metric
    Compare(compare::Arguments),
    /// Write tables, figures, an HTML page and a methods paragraph for runs
    Report(report::Arguments),
    /// Measure the speed of training, data loading, preprocessing and prediction of a plan
    Bench(bench::Arguments),
    /// Generate the built-in synthetic data set
    Phantom(phantom::Arguments),
    /// Show the backends, devices, memory, disk space and data sets on this machine
    Doctor(doctor::Arguments),
    /// Print a completion script for a shell
    Completions(completions::Arguments),
}

/// Parses the command line, runs the verb, and returns its exit code.
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
        Verb::Package(arguments) => package::package(&arguments),
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
