//! How a failed command ends: a report for the user and an exit code for scripts.

use std::error::Error;
use std::fmt;

use miette::Report;

use crate::cli::exit_code::ExitCode;
use crate::cli::output::say;
use crate::experiment::ExperimentError;
use crate::nnunet::model::ModelError;
use crate::plan::read::Diagnostic;
use crate::segment::SegmentError;
use crate::store::claim::ClaimError;

/// Why a command failed.
#[derive(Debug)]
pub(super) struct Failure {
    code: ExitCode,
    report: Option<Report>,
    /// The next command, printed on a separate line so that it can be copied.
    command: Option<String>,
}

impl Failure {
    pub(super) fn new(code: ExitCode, report: Report) -> Self {
        Self { code, report: Some(report), command: None }
    }

    /// A failure whose reason is already printed.
    pub(super) fn silent(code: ExitCode) -> Self {
        Self { code, report: None, command: None }
    }

    pub(super) fn failed(report: Report) -> Self {
        Self::new(ExitCode::Failed, report)
    }

    pub(super) fn wrong_input(report: Report) -> Self {
        Self::new(ExitCode::WrongInput, report)
    }

    pub(super) fn damaged_data(report: Report) -> Self {
        Self::new(ExitCode::DamagedData, report)
    }

    pub(super) fn of_claim(error: ClaimError) -> Self {
        Self::new(ExitCode::of_claim(&error), plain(error))
    }

    pub(super) fn of_model(error: ModelError) -> Self {
        match error {
            ModelError::Plan(faults) => Self::wrong_input((*faults).into()),
            error => Self::new(ExitCode::of_model(&error), plain(error)),
        }
    }

    pub(super) fn of_segment(error: SegmentError) -> Self {
        match error {
            SegmentError::Plan(error) => Self::wrong_input((*error).into()),
            error => Self::new(ExitCode::of_segment(&error), plain(error)),
        }
    }

    pub(super) fn of_experiment(error: ExperimentError) -> Self {
        let command = match error {
            ExperimentError::Plan(faults) => return Self::wrong_input(faults.into()),
            ExperimentError::OtherPlan { ref command, .. } => Some(command.clone()),
            ExperimentError::EditedSplit(ref edited) => Some(edited.command.clone()),
            _ => None,
        };
        let failure = Self::new(ExitCode::of_experiment(&error), plain(error));
        match command {
            Some(command) => failure.offering(command),
            None => failure,
        }
    }

    /// Adds the command that does what the user wanted.
    pub(super) fn offering(self, command: String) -> Self {
        Self { command: Some(command), ..self }
    }

    pub(super) fn code(&self) -> ExitCode {
        self.code
    }

    /// Prints the report. Returns the exit code.
    pub(super) fn report(self) -> ExitCode {
        if let Some(report) = self.report {
            say(format_args!("{report:?}"));
        }
        if let Some(command) = self.command {
            say(format_args!("  {command}"));
        }
        self.code
    }
}

/// Prints warnings about a plan, one line each.
pub(super) fn warn(warnings: &[Diagnostic]) {
    for warning in warnings {
        say(format_args!("warning: {}", warning.one_line()));
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = self.command.iter().map(|command| format!("\n  {command}"));
        let report = self.report.iter().map(ToString::to_string);
        write!(out, "{}", report.chain(command).collect::<String>())
    }
}

/// The report of an error without source text to point at.
pub(super) fn plain(error: impl Error + Send + Sync + 'static) -> Report {
    miette::miette!("{error}")
}
