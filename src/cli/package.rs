//! `segplan package`: a trained model as one file to hand on.

use std::path::PathBuf;

use clap::Args;

use crate::cli::exit_code::EXIT_CODES;
use crate::cli::failure::{Failure, plain};
use crate::cli::terminal::Terminal;
use crate::cli::variant::parse_configuration;
use crate::plan::schema::ConfigurationName;
use crate::run::Listener;
use crate::segment::package::{Licence, PackageRequest, write_package};
use crate::store::claim::claim_file;
use crate::store::read_text;
use crate::units::{counted, format_bytes};
use crate::volume::io::format::DEFAULT_ENDING;

fn examples() -> String {
    format!(
        "\
Examples:
  # the best configuration or ensemble with all trained folds
  segplan package runs/heart -o heart.segplan --licence CC-BY-4.0
  # the networks of one fold, with the text of a licence
  segplan package runs/heart -o one.segplan --fold 0 --licence-file LICENSE.txt
  # use it, on this or another machine
  segplan predict --model heart.segplan --input a{DEFAULT_ENDING} --output a_seg{DEFAULT_ENDING}

A package is a ZIP file. It contains the plan, the weights, the chosen post-processing, axis order, spacings and intensity ranges of all \
training cases together, mean cross-validation scores, the licence, and a manifest with SHA-256 digests. It contains no image, no \
prediction, no name of a case and no path of this machine."
    )
}

#[derive(Debug, Args)]
#[command(after_help = format!("{}\n\n{EXIT_CODES}", examples()))]
pub(super) struct Arguments {
    /// Run folder, such as `runs/hippocampus`
    run: PathBuf,
    /// Path of the package
    #[arg(short, long)]
    output: PathBuf,
    /// Configuration to package; by default the one with the best cross-validation scores
    #[arg(long, value_name = "NAME", value_parser = parse_configuration)]
    configuration: Option<ConfigurationName>,
    /// Package only the networks of this fold, counted from 0; can be repeated
    #[arg(long = "fold", value_name = "FOLD")]
    folds: Vec<usize>,
    /// Licence of the model as an SPDX identifier, such as `CC-BY-4.0`
    #[arg(long, value_name = "SPDX", value_parser = parse_spdx, conflicts_with = "licence_file")]
    licence: Option<String>,
    /// Text of the licence of the model
    #[arg(long, value_name = "FILE")]
    licence_file: Option<PathBuf>,
    /// Overwrite an existing file
    #[arg(long)]
    overwrite: bool,
}

pub(super) fn package(arguments: &Arguments) -> Result<(), Failure> {
    let licence = match (&arguments.licence, &arguments.licence_file) {
        (Some(name), _) => Licence::Spdx(name.clone()),
        (None, Some(file)) => Licence::Text(read_text(file).map_err(|error| Failure::wrong_input(plain(error)))?),
        (None, None) => Licence::NotStated,
    };
    let inputs: Vec<PathBuf> = [&arguments.run].into_iter().chain(&arguments.licence_file).cloned().collect();
    claim_file(&arguments.output, &inputs, arguments.overwrite).map_err(Failure::of_claim)?;
    let terminal = Terminal::new();
    let request = PackageRequest {
        run: &arguments.run,
        output: &arguments.output,
        configuration: arguments.configuration,
        folds: &arguments.folds,
        licence,
    };
    let done = write_package(&request, &terminal).map_err(Failure::of_segment)?;
    if request.licence == Licence::NotStated {
        terminal.say(
            "warning: the package states no licence, so that others may not know whether they may use it; add one by \
             `--licence CC-BY-4.0` or `--licence-file FILE`",
        );
    }
    let names = done.configurations.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + ");
    let networks = counted(done.networks, "network");
    let size = format_bytes(done.bytes);
    terminal.say(&format!("packaged {names} ({networks}, {size}) → {}", arguments.output.display()));
    Ok(())
}

/// Parses an SPDX licence expression: identifiers of letters, digits, `.`, `-` and `+`, with `AND`, `OR`, `WITH` and parentheses.
fn parse_spdx(text: &str) -> Result<String, String> {
    let is_known = |letter: char| letter.is_ascii_alphanumeric() || ".-+() ".contains(letter);
    let is_expression = text.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '(');
    if is_expression && text.chars().all(is_known) && text.len() <= 200 {
        return Ok(text.to_owned());
    }
    Err("expected an SPDX identifier, such as `CC-BY-4.0`; the text of a licence is named by `--licence-file`"
        .to_owned())
}
