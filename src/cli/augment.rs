//! `segplan augment`: what training patches look like before and after their random transforms.

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
  segplan augment experiments/phantom.toml -n 4 -o patches --set augment.rotation_probability=1";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The plan
    plan: PathBuf,
    /// Training case, such as `hippocampus_001`; the first one where it is not given
    #[arg(long)]
    case: Option<String>,
    /// Number of patches
    #[arg(short = 'n', long = "samples", value_name = "NUMBER", default_value_t = 8, value_parser = samples)]
    samples: usize,
    /// Folder to write the contact sheet to
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Configuration; the last one of `run.configurations` where it is not given
    #[arg(long, value_name = "NAME", value_parser = parse_configuration)]
    configuration: Option<ConfigurationName>,
    /// Change a value of the plan for this look at it, such as `augment.rotation.probability=1`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Replace the contact sheet, even if segplan did not write it
    #[arg(long)]
    overwrite: bool,
}

/// So many rows still make a picture that can be looked at.
const MOST: usize = 64;

fn samples(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| (1..=MOST).contains(count)).ok_or_else(|| format!("expected 1 to {MOST}"))
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
    terminal.say(&format!("patches of `{case}` for {configuration}; see `{}`", sheet.display()));
    Ok(())
}
