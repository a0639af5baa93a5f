//! `segplan report`: tables, figures, a page and texts of finished runs.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::failure::{Failure, plain};
use crate::cli::output::print_line;
use crate::cli::variant::chosen;
use crate::plan::read::{LoadedPlan, load};
use crate::report::error::ReportError;
use crate::report::folder::ReportFolder;
use crate::report::record::RecordError;
use crate::report::{Images, WrittenReport, write_report};
use crate::run::folder::RunFolder;

const EXAMPLES: &str = "\
Examples:
  segplan report experiments/hippocampus.toml
  segplan report runs/hippocampus runs/hippocampus-laptop -o reports/comparison";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Plans or run folders; several runs, or the variants of a sweep, are compared by paired tests
    #[arg(required = true, value_name = "PLAN_OR_RUN")]
    runs: Vec<PathBuf>,
    /// Folder of the report [default: reports/NAME, by the name of the first run]
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Exclude all images of the data set, for reports that may be shared when the data may not
    #[arg(long)]
    without_images: bool,
    /// Overwrite files that segplan did not write, or that were changed since
    #[arg(long)]
    overwrite: bool,
}

pub(super) fn report(arguments: &Arguments) -> Result<(), Failure> {
    let runs = arguments.runs.iter().map(|path| run_folders(path)).collect::<Result<Vec<_>, _>>()?.concat();
    let failure = |error: ReportError| match error {
        ReportError::Record(RecordError::Plan(error)) => Failure::wrong_input((*error).into()),
        ReportError::Record(error) => Failure::wrong_input(plain(error)),
        ReportError::Claim(error) => Failure::of_claim(error),
        ReportError::Store(error) if error.source.kind() == ErrorKind::AlreadyExists => {
            Failure::wrong_input(plain(error))
        }
        other => Failure::failed(plain(other)),
    };
    let output = arguments.output.clone().unwrap_or_else(|| {
        let name = runs[0].file_name().unwrap_or_default().to_string_lossy().into_owned();
        ReportFolder::new(Path::new("reports"), &name).root
    });
    let images = if arguments.without_images { Images::Exclude } else { Images::Include };
    let WrittenReport { folder, notes } = write_report(&runs, &output, images, arguments.overwrite).map_err(failure)?;
    for note in notes {
        print_line(format_args!("note: {note}"));
    }
    print_line(format_args!("report written to `{}`; open `{}`", folder.root.display(), folder.page().display()));
    Ok(())
}

/// The run folders of an argument: the folder itself, or those of a plan file and all its variants.
fn run_folders(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let loaded = load(path, &[]).map_err(|error| Failure::wrong_input(error.into()))?;
    let folder = |loaded: &&LoadedPlan| RunFolder::new(&loaded.plan.runtime.runs, &loaded.plan.name).root;
    Ok(chosen(&loaded, None)?.iter().map(folder).collect())
}
