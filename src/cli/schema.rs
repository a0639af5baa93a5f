//! `segplan schema`: the JSON Schema of a plan.

use std::path::Path;

use clap::Args;

use crate::cli::failure::{Failure, plain};
use crate::cli::output::{print, say};
use crate::plan::keys::json_schema_text;
use crate::plan::edit::SCHEMA_FILE;
use crate::store::{read_text_if_present, write_atomic};

const EXAMPLES: &str = "\
Example:
  segplan schema > plan.schema.json

An editor that knows Taplo's comments (VS Code with Even Better TOML, Helix, Neovim, Zed) completes and checks a plan
whose first line is
  #:schema plan.schema.json
`segplan plan -o FILE` and `segplan import` write that line, and the schema beside the plan.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {}

pub(super) fn schema(_: &Arguments) {
    print(json_schema_text());
}

/// Puts the schema beside a plan whose first line names it. A file of that name that holds anything else stays, unless it may be
/// overwritten: it may be another version's, or a person's.
pub(super) fn write_beside(plan: &Path, overwrite: bool) -> Result<(), Failure> {
    let path = plan.with_file_name(SCHEMA_FILE);
    let existing = read_text_if_present(&path).map_err(|error| Failure::failed(plain(error)))?;
    let schema = json_schema_text();
    if existing.as_ref() == Some(&schema) {
        return Ok(());
    }
    if existing.is_some() && !overwrite {
        let path = path.display();
        say(format_args!(
            "`{path}` stays as it is, which is not the schema of this version: `segplan schema` prints that"
        ));
        return Ok(());
    }
    write_atomic(&path, schema.as_bytes()).map_err(|error| Failure::failed(plain(error)))
}
