//! `segplan plan`: from a data set to its plan.

use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::{Failure, plain};
use crate::cli::terminal::Terminal;
use crate::dataset::scan;
use crate::experiment::events::Events;
use crate::fingerprint::measure;
use crate::plan::make::make;
use crate::plan::schema::Aspect;
use crate::store::write_atomic;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folder of the data set (Decathlon or nnU-Net v2 raw)
    dataset: PathBuf,
    /// File to write; standard output where it is not given
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Name of the experiment; the data set's own without its task number where it is not given
    #[arg(long)]
    name: Option<String>,
    /// What the aspect ratio of a 3D patch follows: `mm` as in Table 1 of the paper, or `voxel` as in its text
    #[arg(long, default_value = "mm", value_parser = ["mm", "voxel"])]
    aspect: String,
    /// Replace the file if it is there
    #[arg(long)]
    overwrite: bool,
}

#[expect(clippy::print_stdout, reason = "without a file, the plan is the result of this verb")]
pub(super) fn plan(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(path) = arguments.output.as_ref().filter(|path| path.exists() && !arguments.overwrite) {
        let path = path.display();
        return Err(Failure::wrong_input(miette::miette!(
            "`{path}` is there already; a plan that a person may have edited is replaced with `--overwrite` only"
        )));
    }
    let dataset = scan(&arguments.dataset).map_err(|error| Failure::wrong_input(plain(error)))?;
    let terminal = Terminal::new();
    terminal.begin("measuring the data set", dataset.training.len());
    let fingerprint = measure(&dataset, &|| terminal.advance());
    terminal.end();
    let fingerprint = fingerprint.map_err(|error| Failure::damaged_data(plain(error)))?;
    todo_api();
    Ok(())
}
