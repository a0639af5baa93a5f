//! `segplan predict`: segments new images with a trained model.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use crate::cli::exit_code::{EXIT_CODES, ExitCode};
use crate::cli::failure::{Failure, plain};
use crate::cli::signals::stop_on_signals;
use crate::cli::terminal::Terminal;
use crate::cli::threads::use_threads;
use crate::cli::variant::parse_configuration;
use crate::dataset::input::Input;
use crate::plan::schema::ConfigurationName;
use crate::run::Listener;
use crate::segment::{Request, segment};
use crate::units::counted;
use crate::volume::io::format::DEFAULT_ENDING;

fn examples() -> String {
    format!(
        "\
Examples:
  # all images of a folder
  segplan predict --run runs/heart --input images --output segmentations
  # one image, with a package of `segplan package`
  segplan predict --model heart.segplan --input a{DEFAULT_ENDING} --output a_seg{DEFAULT_ENDING}
  # one case with two channels, in the order of the model
  segplan predict --model m.segplan --input 1{DEFAULT_ENDING} --input 2{DEFAULT_ENDING} --output o
  # a list of cases
  segplan predict --model heart.segplan --input-list cases.txt --output out
  # faster and less accurate: one fold, larger strides, no mirroring
  segplan predict --run r --input in --output o --fold 0 --step 1 --no-mirroring

Ctrl-C, SIGTERM and SIGUSR1 stop after the current tile; the same command resumes with the remaining images.
An image whose axes are in another order than those of the training cases is reordered, and its labels are reordered back.
`segplan-prediction.json` in the output folder, or a file such as `a_seg{DEFAULT_ENDING}.json` beside a single label map, records the networks, \
the settings and the digests of the images."
    )
}

#[derive(Debug, Args)]
#[command(
    after_help = format!("{}\n\n{EXIT_CODES}", examples()),
    group(ArgGroup::new("trained").args(["run", "model"]).required(true)),
    group(ArgGroup::new("images").args(["input", "input_list"]).required(true))
)]
pub(super) struct Arguments {
    /// Run folder, such as `runs/hippocampus`
    #[arg(long)]
    run: Option<PathBuf>,
    /// Package of `segplan package`, such as `heart.segplan`, or a run folder
    #[arg(long)]
    model: Option<PathBuf>,
    /// Folder of images: one file per case, or `CASE_0000.nii.gz` for each channel. Or the image of one case; repeated for its
    /// channels, in the order of the model
    #[arg(long)]
    input: Vec<PathBuf>,
    /// Text file with one case per line: its image, or the images of its channels separated by commas. Paths are relative to this
    /// file
    #[arg(long, value_name = "FILE")]
    input_list: Option<PathBuf>,
    /// Folder for the segmentations: uint8 label maps on the grids of the images. For a single case also the path of its label map
    #[arg(long)]
    output: PathBuf,
    /// Configuration to use; by default the one with the best cross-validation scores
    #[arg(long, value_name = "NAME", value_parser = parse_configuration)]
    configuration: Option<ConfigurationName>,
    /// Use only the networks of this fold, counted from 0; can be repeated
    #[arg(long = "fold", value_name = "FOLD")]
    folds: Vec<usize>,
    /// Stride between tiles as a fraction of the patch; short for `--set predict.tile_step_fraction=FRACTION`
    #[arg(long, value_name = "FRACTION")]
    step: Option<f64>,
    /// Do not average over mirrored tiles; short for `--set predict.test_time_mirroring=false`
    #[arg(long)]
    no_mirroring: bool,
    /// Change a key of `[predict]` for this prediction; can be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Device to compute on; by default that of the run, and `cpu` for a package
    #[arg(long)]
    device: Option<String>,
    /// Also write the probabilities of all classes or regions to `probabilities/` of the output folder: 4D NIfTI in steps of
    /// 1/255, before post-processing
    #[arg(long)]
    probabilities: bool,
    /// Memory for images and probabilities, GiB; by default that of the run, and 4 for a package. The rest is spilled to disk
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u64).range(1..))]
    memory_gib: Option<u64>,
    /// Replace files of the output folder that segplan did not write, or that were changed since
    #[arg(long)]
    overwrite: bool,
}

impl Arguments {
    /// All changed keys; those of `--set` come last, so that they count.
    fn settings(&self) -> Vec<String> {
        let step = self.step.map(|step| format!("predict.tile_step_fraction={step}"));
        let mirroring = self.no_mirroring.then(|| "predict.test_time_mirroring=false".to_owned());
        step.into_iter().chain(mirroring).chain(self.settings.iter().cloned()).collect()
    }

    fn input(&self) -> Result<Input, Failure> {
        match &self.input_list {
            Some(list) => Ok(Input::List(list.clone())),
            None => Input::of_paths(&self.input).map_err(|error| Failure::wrong_input(plain(error))),
        }
    }
}

pub(super) fn predict(arguments: &Arguments) -> Result<(), Failure> {
    use_threads(0)?;
    let interrupted = stop_on_signals()?;
    let terminal = Terminal::new();
    let Some(model) = arguments.model.as_ref().or(arguments.run.as_ref()) else {
        unreachable!("one of the two is required")
    };
    let request = Request {
        model,
        input: &arguments.input()?,
        output: &arguments.output,
        configuration: arguments.configuration,
        folds: &arguments.folds,
        settings: &arguments.settings(),
        device: arguments.device.as_deref(),
        probabilities: arguments.probabilities,
        memory_gib: arguments.memory_gib,
        overwrite: arguments.overwrite,
    };
    let done = segment(&request, &terminal, &interrupted).map_err(Failure::of_segment)?;
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
