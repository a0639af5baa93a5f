//! `segplan schema`: the JSON Schema of a plan.

use std::path::Path;

use clap::Args;

use crate::cli::failure::{Failure, plain};
use crate::cli::output::{print, say};
use crate::plan::edit::SCHEMA_FILE;
use crate::plan::schema::json_schema::json_schema_text;
use crate::store::{read_text_if_present, write_atomic};

const EXAMPLES: &str = "\
Example:
  segplan schema > plan.schema.json

Editors that support Taplo's comments (VS Code with Even Better TOML, Helix, Neovim, Zed) complete and check a plan whose
first line is
  #:schema plan.schema.json
`segplan plan -o FILE` and `segplan import` write that line, and the schema beside the plan.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {}

pub(super) fn schema(_: &Arguments) {
    print(json_schema_text());
}

/// Writes the schema beside a plan whose first line names it. An existing file with other content is kept unless `overwrite` is set: it
/// may belong to another version, or have been written by hand.
pub(super) fn write_beside(plan: &Path, overwrite: bool) -> Result<(), Failure> {
    let path = plan.with_file_name(SCHEMA_FILE);
    let existing = read_text_if_present(&path).map_err(|error| Failure::failed(plain(error)))?;
    let schema = json_schema_text();
    if existing.as_ref() == Some(&schema) {
        return Ok(());
    }
    if existing.is_some() && !overwrite {
        let path = path.display();
        say(format_args!("kept `{path}`, which is not the schema of this version (`segplan schema` prints it)"));
        return Ok(());
    }
    write_atomic(&path, schema.as_bytes()).map_err(|error| Failure::failed(plain(error)))
}
