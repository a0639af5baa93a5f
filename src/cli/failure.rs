//! How a failed verb ends: a report for a person, and an exit code for a script.

use std::error::Error;
use std::fmt;

use miette::Report;

use crate::cli::output::say;
use crate::plan::read::Diagnostic;
use crate::store::claim::ClaimError;

/// Why a verb did not do what it was asked to.
#[derive(Debug)]
pub(super) struct Failure {
    code: u8,
    report: Option<Report>,
    /// What to do next, on a line of its own that can be copied.
    command: Option<String>,
}

impl Failure {
    /// Exit code 1: it was tried and did not work.
    pub(super) fn failed(report: Report) -> Self {
        Self { code: 1, report: Some(report), command: None }
    }

    /// Exit code 1, where the result is that two things differ.
    pub(super) fn different() -> Self {
        Self { code: 1, report: None, command: None }
    }

    /// Exit code 2: the plan or the arguments are wrong.
    pub(super) fn wrong_input(report: Report) -> Self {
        Self { code: 2, report: Some(report), command: None }
    }

    /// Exit code 2 where files may not be written, 1 where they cannot.
    pub(super) fn of_claim(error: ClaimError) -> Self {
        match error {
            ClaimError::Store(_) => Self::failed(plain(error)),
            error => Self::wrong_input(plain(error)),
        }
    }

    /// Exit code 3: files of a data set or of a run are damaged.
    pub(super) fn damaged_data(report: Report) -> Self {
        Self { code: 3, report: Some(report), command: None }
    }

    /// Exit code 3, where everything has been said already.
    pub(super) fn damaged_data_listed() -> Self {
        Self { code: 3, report: None, command: None }
    }

    /// Exit code 4: interrupted; a checkpoint is there, and the text says how to go on.
    pub(super) fn interrupted() -> Self {
        Self { code: 4, report: None, command: None }
    }

    /// The exit code that an experiment says.
    pub(super) fn of_code(code: u8, report: Report) -> Self {
        Self { code, report: Some(report), command: None }
    }

    /// With the command that does what was meant.
    pub(super) fn offering(self, command: String) -> Self {
        Self { command: Some(command), ..self }
    }

    /// The exit code.
    pub(super) fn code(&self) -> u8 {
        self.code
    }

    /// Whether a person or the system has asked to stop.
    pub(super) fn is_interrupted(&self) -> bool {
        self.code == 4
    }

    /// Prints the report and gives the exit code.
    pub(super) fn report(self) -> u8 {
        if let Some(report) = self.report {
            say(format_args!("{report:?}"));
        }
        if let Some(command) = self.command {
            say(format_args!("  {command}"));
        }
        self.code
    }
}

/// Prints what of a plan may be meant and is worth a look.
pub(super) fn warn(warnings: &[Fault]) {
    for warning in warnings {
        say(format_args!("{:?}", Report::new(warning.clone())));
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = self.command.iter().map(|command| format!("\n  {command}"));
        let report = self.report.iter().map(ToString::to_string);
        write!(out, "{}", report.chain(command).collect::<String>())
    }
}

/// A report of an error that has no source text to point at.
pub(super) fn plain(error: impl Error + Send + Sync + 'static) -> Report {
    miette::miette!("{error}")
}
