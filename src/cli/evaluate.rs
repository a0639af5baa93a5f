//! `segplan evaluate`: scores a folder of predictions against a folder of references.

use std::fs;
use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::{Failure, plain};
use crate::cli::output::print_line;
use crate::cli::terminal::Terminal;
use crate::evaluate::folders::{EvaluateError, Request, evaluate_folders};
use crate::evaluate::output::{Format, per_case, write};
use crate::evaluate::summary::summarize;
use crate::plan::schema::recipe;
use crate::run::Listener;
use crate::store::claim::claim_file;
use crate::units::counted;

const EXAMPLES: &str = "\
Examples:
  # print means per class
  segplan evaluate --reference labels --prediction segmentations
  # and every case
  segplan evaluate --reference labels --prediction segmentations --per-case
  # write a file; surface Dice at 2 mm
  segplan evaluate --reference labels --prediction out --tolerance 2 -o out.csv
  # some predictions are missing
  segplan evaluate --reference labels --prediction segmentations --partial

Class names are read from a `dataset.json` in the reference folder or above it.

Exit codes: 0 scored, 2 wrong input, 3 a prediction is missing or a file is unusable";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Folder of reference label maps
    #[arg(long)]
    reference: PathBuf,
    /// Folder of predicted label maps with the same names, on the grids of their references
    #[arg(long)]
    prediction: PathBuf,
    /// Tolerance of the normalised surface Dice (NSD), mm
    #[arg(long, value_name = "MM", default_value_t = 1.0, value_parser = tolerance)]
    tolerance: f64,
    /// Score the usable predictions, and report how many are missing
    #[arg(long)]
    partial: bool,
    /// Also print one row per case and class
    #[arg(long)]
    per_case: bool,
    /// Write one row per case and class to this file: `.parquet`, `.csv`, `.json` or `.md`
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Replace the output file if it exists
    #[arg(long, requires = "output")]
    overwrite: bool,
    /// Memory limit for one label map, GiB; the default is that of `runtime.memory_gib`
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    memory_gib: Option<u64>,
}

fn tolerance(text: &str) -> Result<f64, String> {
    let expected = || "expected a number of millimetres, 0 or more".to_owned();
    text.parse().ok().filter(|value: &f64| value.is_finite() && *value >= 0.0).ok_or_else(expected)
}

pub(super) fn evaluate(arguments: &Arguments) -> Result<(), Failure> {
    let output = match &arguments.output {
        None => None,
        Some(path) => {
            let format = Format::of(path).map_err(|reason| Failure::wrong_input(miette::miette!(reason)))?;
            let folders = [&arguments.reference, &arguments.prediction];
            let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
            let inputs: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
            claim_file(path, &inputs, arguments.overwrite).map_err(Failure::of_claim)?;
            Some((path, format))
        }
    };
    let request = Request {
        reference: &arguments.reference,
        prediction: &arguments.prediction,
        tolerance_mm: arguments.tolerance,
        partial: arguments.partial,
        memory_bytes: arguments.memory_gib.map_or_else(recipe::memory_bytes, |gib| gib << 30),
    };
    let evaluated = evaluate_folders(&request).map_err(|error| match error {
        EvaluateError::Folder { .. } | EvaluateError::Empty { .. } => Failure::wrong_input(plain(error)),
        _ => Failure::damaged_data(plain(error)),
    })?;
    let terminal = Terminal::new();
    for note in &evaluated.notes {
        terminal.say(&format!("note: {note}"));
    }
    if let Some((path, format)) = output {
        write(path, format, &evaluated.scores).map_err(|error| Failure::failed(plain(error)))?;
    }
    if arguments.per_case {
        print_line(per_case(&evaluated.scores));
    }
    print_line(summarize(&evaluated.scores).table(arguments.tolerance));
    if evaluated.scored < evaluated.references {
        print_line(format_args!("PARTIAL: {} of {} scored", evaluated.scored, counted(evaluated.references, "case")));
    }
    Ok(())
}
