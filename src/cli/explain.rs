//! `segplan explain`: what a key of a plan means.

use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::output::print;
use crate::plan::explain::explain as find;

const EXAMPLES: &str = "\
Examples:
  segplan explain                                    the tables of a plan
  segplan explain train                              the keys of a table
  segplan explain batch_size                         a key, wherever it stands
  segplan explain configurations.2d.patch_size";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A key, a table, or the last name of a key
    key: Option<String>,
}

pub(super) fn explain(arguments: &Arguments) -> Result<(), Failure> {
    let found = find(arguments.key.as_deref()).map_err(|near| {
        let key = arguments.key.as_deref().unwrap_or_default();
        let help = match near.as_slice() {
            [] => {
                "`segplan explain` alone lists the tables of a plan, and `segplan explain TABLE` their keys".to_owned()
            }
            near => format!("did you mean `{}`?", near.join("` or `")),
        };
        Failure::wrong_input(miette::miette!(help = help, "a plan has no key `{key}`"))
    })?;
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    print(texts.join("\n"));
    Ok(())
}
