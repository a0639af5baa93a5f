//! The failures of a run, the work that they block, and the work that was not started.

use std::fmt::Write as _;

use crate::experiment::error::ExperimentError;
use crate::experiment::work::{Piece, Work};
use crate::units::{counted, listed};

/// The failures of a run.
#[derive(Debug, Default)]
pub struct Failures {
    failed: Vec<Failure>,
    /// Work that was not started after the first failure.
    not_started: Vec<Work>,
    /// Whether any network that was asked for is done.
    has_done: bool,
}

/// A piece of work that failed.
#[derive(Debug)]
struct Failure {
    work: Work,
    error: ExperimentError,
    /// Work that needs it, directly or not.
    blocked: Vec<Work>,
}

impl Failures {
    /// Records a failure.
    pub(super) fn add(&mut self, work: Work, error: ExperimentError) {
        self.failed.push(Failure { work, error, blocked: Vec::new() });
    }

    /// Records that a piece of work was not started since the run ended with the first failure.
    pub(super) fn add_not_started(&mut self, work: Work) {
        self.not_started.push(work);
    }

    /// Records that a network that was asked for is done.
    pub(super) fn add_done(&mut self) {
        self.has_done = true;
    }

    /// Whether a piece of work needs something that failed or is blocked; if so, records it as blocked.
    pub(super) fn blocks(&mut self, piece: &Piece) -> bool {
        let is_cause = |failure: &&mut Failure| {
            piece.needs.iter().any(|work| *work == failure.work || failure.blocked.contains(work))
        };
        let cause = self.failed.iter_mut().find(is_cause);
        cause.map(|failure| failure.blocked.push(piece.work)).is_some()
    }

    /// Whether nothing failed.
    pub fn is_empty(&self) -> bool {
        self.failed.is_empty()
    }

    /// The first error.
    pub fn first(&self) -> Option<&ExperimentError> {
        self.failed.first().map(|failure| &failure.error)
    }

    /// Whether any network that was asked for is done, now or before.
    pub fn has_done(&self) -> bool {
        self.has_done
    }

    /// The failures with their reasons, blocked and unstarted work, and a remedy.
    pub fn text(&self) -> String {
        let mut text = format!("{} failed:", counted(self.failed.len(), "step"));
        for Failure { work, error, blocked } in &self.failed {
            let _ = write!(text, "\n  {work}: {error}");
            if !blocked.is_empty() {
                let _ = write!(text, "\n    blocks {}: {}", counted(blocked.len(), "step"), names(blocked));
            }
        }
        if !self.not_started.is_empty() {
            let _ = write!(
                text,
                "\n{} not started: {}; `--keep-going` continues after a failure",
                counted(self.not_started.len(), "step"),
                names(&self.not_started)
            );
        }
        text.push_str("\nRun the same command to retry.");
        text
    }
}

fn names(work: &[Work]) -> String {
    listed(&work.iter().map(ToString::to_string).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::schema::ConfigurationName;
    use crate::plan::schema::ConfigurationName::{Cascade, FullRes, LowRes};
    use crate::run::NetworkId;

    const fn network(configuration: ConfigurationName, fold: usize) -> NetworkId {
        NetworkId { configuration, seed: 1, fold }
    }

    fn error() -> ExperimentError {
        ExperimentError::Locked("x".to_owned())
    }

    fn piece(work: Work, needs: &[Work]) -> Piece {
        Piece { work, needs: needs.to_vec() }
    }

    #[test]
    fn a_failure_blocks_what_needs_it_and_what_needs_that() {
        let (low, cascade) = (Work::Train(network(LowRes, 1)), Work::Train(network(Cascade, 0)));
        let mut failures = Failures::default();
        failures.add(low, error());
        assert!(!failures.blocks(&piece(Work::Train(network(FullRes, 0)), &[Work::Split])));
        assert!(failures.blocks(&piece(cascade, &[Work::Split, low])));
        assert!(failures.blocks(&piece(Work::Predict(network(Cascade, 0)), &[cascade])));
        failures.add_not_started(Work::Select);
        insta::assert_snapshot!(failures.text(), @r"
        1 step failed:
          train 3d_lowres fold 1 seed 1: another process is running `x`; wait until it ends, or stop it
            blocks 2 steps: train 3d_cascade fold 0 seed 1, predict 3d_cascade fold 0 seed 1
        1 step not started: select; `--keep-going` continues after a failure
        Run the same command to retry.
        ");
    }
}
