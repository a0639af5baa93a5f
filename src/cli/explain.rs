//! `segplan explain`: the meaning of a key of a plan.

use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::output::print;
use crate::plan::explain::explain as find;

const EXAMPLES: &str = "\
Examples:
  # the tables of a plan
  segplan explain
  # the keys of a table
  segplan explain train
  # a key in any table
  segplan explain batch_size
  # keys by words
  segplan explain \"early stopping\"
  # a key by its path
  segplan explain configurations.2d.patch_size";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A key, a table, the name of a key, or words of its explanation
    key: Vec<String>,
}

pub(super) fn explain(arguments: &Arguments) -> Result<(), Failure> {
    let asked = arguments.key.join(" ");
    let found = find(Some(asked.as_str()).filter(|asked| !asked.is_empty())).map_err(|near| {
        let help = match near.as_slice() {
            [] => "`segplan explain` lists the tables of a plan, and `segplan explain TABLE` the keys of a table"
                .to_owned(),
            near => format!("did you mean `{}`?", near.join("` or `")),
        };
        Failure::wrong_input(miette::miette!(help = help, "no key of a plan matches `{asked}`"))
    })?;
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    print(texts.join("\n"));
    Ok(())
}
