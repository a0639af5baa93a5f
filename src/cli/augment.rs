//! `segplan augment`: training patches before and after augmentation.

use std::path::PathBuf;

use clap::Args;

use crate::cli::exit_code::ExitCode;
use crate::cli::failure::{Failure, plain};
use crate::cli::output::print_line;
use crate::cli::terminal::Terminal;
use crate::cli::threads::use_threads;
use crate::cli::variant::parse_configuration;
use crate::plan::read::load;
use crate::plan::schema::ConfigurationName;
use crate::preview::{Preview, Request, preview};
use crate::run::Listener;

const EXAMPLES: &str = "\
Example:
  segplan augment experiments/phantom.toml -n 4 --set augment.rotation.probability=1";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The plan
    plan: PathBuf,
    /// Training case, such as `hippocampus_001`; by default the first one
    #[arg(long)]
    case: Option<String>,
    /// Number of patches
    #[arg(short = 'n', long = "samples", value_name = "NUMBER", default_value_t = 8, value_parser = samples)]
    samples: usize,
    /// Folder for the contact sheet
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Configuration; by default the last one of `run.configurations`
    #[arg(long, value_name = "NAME", value_parser = parse_configuration)]
    configuration: Option<ConfigurationName>,
    /// Override a value of the plan, such as `augment.rotation.probability=1`; the plan file is not changed
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Replace the contact sheet, even if segplan did not write it
    #[arg(long)]
    overwrite: bool,
}

/// Maximum number of rows of a contact sheet.
const MAX_SAMPLES: usize = 64;

fn samples(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|count| (1..=MAX_SAMPLES).contains(count))
        .ok_or_else(|| format!("expected 1 to {MAX_SAMPLES}"))
}

pub(super) fn augment(arguments: &Arguments) -> Result<(), Failure> {
    let loaded = load(&arguments.plan, &arguments.set).map_err(|error| Failure::wrong_input(error.into()))?;
    use_threads(loaded.plan.runtime.threads)?;
    let terminal = Terminal::new();
    let request = Request {
        case: arguments.case.as_deref(),
        configuration: arguments.configuration,
        samples: arguments.samples,
        output: &arguments.output,
        overwrite: arguments.overwrite,
    };
    let shown = preview(&loaded, &request, &terminal)
        .map_err(|error| Failure::new(ExitCode::of_preview(&error), plain(error)))?;
    for (number, words) in (1..).zip(&shown.draws) {
        print_line(format_args!("{number:>3}  {}", words.join(", ")));
    }
    let Preview { case, configuration, sheet, .. } = &shown;
    terminal.say(&format!("patches of `{case}` for {configuration} → {}", sheet.display()));
    Ok(())
}
