//! `segplan predict`: new images, segmented with a finished run.

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
  segplan predict --run runs/hippocampus --input new_images --output segmentations
  segplan predict --run runs/hippocampus --input new_images --output by_2d --configuration 2d

Ctrl-C, SIGTERM and SIGUSR1 stop after the current tile; the same command resumes with the images that are left.
An image whose axes are in another order than those of the training cases is brought into their order, and its labels back.";

#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(super) struct Arguments {
    /// Run folder, such as `runs/hippocampus`
    #[arg(long)]
    run: PathBuf,
    /// Folder of images: one NIfTI file a case, or `CASE_0000.nii.gz` for each channel
    #[arg(long)]
    input: PathBuf,
    /// Folder to write the segmentations to, as uint8 NIfTI on the images' own grids
    #[arg(long)]
    output: PathBuf,
    /// Configuration to use; the one with the best cross-validation scores where it is not given
    #[arg(long, value_name = "NAME", value_parser = parse_configuration)]
    configuration: Option<ConfigurationName>,
    /// Device to compute on; the run's own where it is not given
    #[arg(long)]
    device: Option<String>,
    /// Write the probabilities of all classes, too, to `probabilities/` of the output folder: 4D NIfTI in steps of 1/255, before
    /// post-processing
    #[arg(long)]
    probabilities: bool,
    /// Memory that images and probabilities may take, GiB; the run's own where it is not given. What does not fit waits on disk
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
        error => Failure::new(ExitCode::of_segment(&error), plain(error)),
    })?;
    if done.interrupted {
        terminal.say(&format!(
            "interrupted: {} of {} segmented; the same command resumes",
            done.done,
            counted(done.images, "image")
        ));
        return Err(Failure::silent(ExitCode::Interrupted));
    }
    if done.before > 0 {
        terminal.say(&format!("{} of {} segmented before and kept", done.before, counted(done.images, "image")));
    }
    terminal.say(&format!(
        "{} segmented by {}{} of {}; see `{}`",
        counted(done.images, "image"),
        if done.networks > 1 { "the mean of " } else { "" },
        counted(done.networks, "network"),
        done.configurations.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + "),
        arguments.output.display()
    ));
    Ok(())
}
