//! Standard output and standard error; the only place that writes to them.
//!
//! A closed pipe, as in `segplan explain | head`, is not a failure: the verb finishes, and further output is dropped. Any other write
//! error, such as a full disk, makes the verb end with exit code 1, even if everything else succeeded.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};
use std::process;
use std::sync::{Mutex, PoisonError};

use crate::cli::exit_code::ExitCode;

/// The first error in writing to standard output.
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Prints a part of a verb's result.
pub(super) fn print(text: impl Display) {
    note(write!(io::stdout().lock(), "{text}"));
}

/// Prints a line of a verb's result.
pub(super) fn print_line(text: impl Display) {
    note(writeln!(io::stdout().lock(), "{text}"));
}

/// Prints a line of progress, warnings or errors to standard error.
pub(super) fn say(text: impl Display) {
    // A failure to write to standard error cannot be reported anywhere.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn note(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        FAILED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// The exit code of a verb: its own, or 1 if it succeeded and its result could not be written.
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
