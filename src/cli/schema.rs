//! `segplan schema`: the JSON Schema of a plan.

use clap::Args;

use crate::plan::keys::json_schema_text;

const EXAMPLES: &str = "\
Example:
  segplan schema > plan.schema.json

An editor that knows Taplo's comments completes and checks a plan whose first line is
  #:schema plan.schema.json";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {}

#[expect(clippy::print_stdout, reason = "the schema is the result of this verb")]
pub(super) fn schema(_: &Arguments) {
    print!("{}", json_schema_text());
}
