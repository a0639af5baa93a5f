//! The way to standard output and standard error.
//!
//! A reader that has gone, such as `head`, is no failure: the verb finishes its work, and what nobody reads is dropped. Any other
//! failure of standard output, such as a full disk, is one: the verb ends with exit code 1, even if it did everything else.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};
use std::process;
use std::sync::{Mutex, PoisonError};

use crate::cli::exit_code::ExitCode;

/// Why standard output could not be written.
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Prints a part of a verb's result.
pub(super) fn print(text: impl Display) {
    note(write!(io::stdout().lock(), "{text}"));
}

/// Prints a line of a verb's result.
pub(super) fn print_line(text: impl Display) {
    note(writeln!(io::stdout().lock(), "{text}"));
}

/// Prints a line for the person at the terminal.
pub(super) fn say(text: impl Display) {
    // There is nowhere left to say that this failed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn note(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        FAILED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// The exit code of a verb: its own, unless its result could not be written.
pub(super) fn finish(code: ExitCode) -> process::ExitCode {
    note(io::stdout().lock().flush());
    match FAILED.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(error) => {
            say(format_args!("cannot write to standard output: {error}"));
            process::ExitCode::from(if code == ExitCode::Done { ExitCode::Failed.number() } else { code.number() })
        }
        None => process::ExitCode::from(code.number()),
    }
}
