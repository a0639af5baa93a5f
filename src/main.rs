//! The `segplan` program: see [`segplan::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    segplan::cli::main()
}
