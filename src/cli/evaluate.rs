//! `segplan evaluate`: predictions against references, folder by folder.

use std::fs;
use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::{Failure, plain};
use crate::cli::output::print_line;
use crate::evaluate::evaluate_folders;
use crate::evaluate::summary::summarize;
use crate::store::claim::claim_file;

const EXAMPLES: &str = "\
Examples:
  segplan evaluate --reference labels --prediction segmentations
  segplan evaluate --reference labels --prediction segmentations --tolerance 2 -o scores.parquet";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Folder of reference label maps
    #[arg(long)]
    reference: PathBuf,
    /// Folder of predicted label maps of the same names
    #[arg(long)]
    prediction: PathBuf,
    /// Within which distance surfaces agree in the normalised surface Dice (NSD), mm
    #[arg(long, value_name = "MM", default_value_t = 1.0)]
    tolerance: f64,
    /// Write one row a case and label to this Parquet file
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Replace that file if it exists
    #[arg(long, requires = "output")]
    overwrite: bool,
}

pub(super) fn evaluate(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(path) = &arguments.output {
        let folders = [&arguments.reference, &arguments.prediction];
        let inputs: Vec<PathBuf> = folders
            .iter()
            .filter_map(|folder| fs::read_dir(folder).ok())
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        claim_file(path, &inputs, arguments.overwrite).map_err(Failure::of_claim)?;
    }
    let scores = evaluate_folders(&arguments.reference, &arguments.prediction, arguments.tolerance)
        .map_err(|error| Failure::damaged_data(plain(error)))?;
    if let Some(path) = &arguments.output {
        crate::evaluate::scores::write(path, &scores).map_err(|error| Failure::failed(plain(error)))?;
    }
    print_line(summarize(&scores).table());
    Ok(())
}
