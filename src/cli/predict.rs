//! `segplan predict`: segments new images with a finished run.

use std::path::PathBuf;

use clap::Args;

use crate::cli::exit_code::{EXIT_CODES, ExitCode};
use crate::cli::failure::{Failure, plain};
use crate::cli::signals::stop_on_signals;
use crate::cli::terminal::Terminal;
use crate::cli::threads::use_threads;
use crate::cli::variant::parse_configuration;
use crate::plan::schema::ConfigurationName;
use crate::run::Listener;
use crate::segment::{Request, SegmentError, segment};
use crate::units::counted;

const EXAMPLES: &str = "\
Examples:
  segplan predict --run runs/hippocampus --input images --output segmentations
  segplan predict --run runs/heart --input in --output out --configuration 2d

Ctrl-C, SIGTERM and SIGUSR1 stop after the current tile; the same command resumes with the remaining images.
An image whose axes are in another order than those of the training cases is reordered, and its labels are reordered back.";

#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(super) struct Arguments {
    /// Run folder, such as `runs/hippocampus`
    #[arg(long)]
    run: PathBuf,
    /// Folder of images: one file per case, or `CASE_0000.nii.gz` for each channel
    #[arg(long)]
    input: PathBuf,
    /// Folder for the segmentations: uint8 label maps on the grids of the images
    #[arg(long)]
    output: PathBuf,
    /// Configuration to use; by default the one with the best cross-validation scores
    #[arg(long, value_name = "NAME", value_parser = parse_configuration)]
    configuration: Option<ConfigurationName>,
    /// Device to compute on; by default that of the run
    #[arg(long)]
    device: Option<String>,
    /// Also write the probabilities of all classes or regions to `probabilities/` of the output folder: 4D NIfTI in steps of
    /// 1/255, before post-processing
    #[arg(long)]
    probabilities: bool,
    /// Memory for images and probabilities, GiB; by default that of the run. The rest is spilled to disk
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u64).range(1..))]
    memory_gib: Option<u64>,
    /// Replace files of the output folder that segplan did not write, or that were changed since
    #[arg(long)]
    overwrite: bool,
}

pub(super) fn predict(arguments: &Arguments) -> Result<(), Failure> {
    use_threads(0)?;
    let interrupted = stop_on_signals()?;
    let terminal = Terminal::new();
    let request = Request {
        run: &arguments.run,
        input: &arguments.input,
        output: &arguments.output,
        configuration: arguments.configuration,
        device: arguments.device.as_deref(),
        probabilities: arguments.probabilities,
        memory_gib: arguments.memory_gib,
        overwrite: arguments.overwrite,
    };
    let done = segment(&request, &terminal, &interrupted).map_err(|error| match error {
        SegmentError::Plan(error) => Failure::wrong_input((*error).into()),
        SegmentError::Claim(error) => Failure::of_claim(error),
        error => Failure::new(ExitCode::of_segment(&error), plain(error)),
    })?;
    let images = counted(done.images, "image");
    if done.interrupted {
        terminal.say(&format!("interrupted: {} of {images} segmented. Run the same command to resume.", done.done));
        return Err(Failure::silent(ExitCode::Interrupted));
    }
    if done.before > 0 {
        terminal.say(&format!("kept {} of {images}: these networks have segmented them before", done.before));
    }
    let names = done.configurations.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + ");
    let networks = counted(done.networks, "network");
    terminal.say(&format!("{images} segmented with {names} ({networks}) → {}", arguments.output.display()));
    Ok(())
}
