//! What of an experiment failed, while the rest of it went on or was left.

use std::fmt::Write as _;

use crate::experiment::ExperimentError;
use crate::experiment::events::NetworkId;
use crate::experiment::graph::stage_before;

/// Exit code of a run of which a part failed.
pub const PARTLY: u8 = 5;

/// Networks that failed, and those that were not begun for it.
#[derive(Debug, Default)]
pub struct Failures {
    failed: Vec<(NetworkId, ExperimentError)>,
    /// Networks that need one that failed, each with that one.
    without: Vec<(NetworkId, NetworkId)>,
    /// Networks that were left after the first failure.
    left: Vec<NetworkId>,
    /// Number of networks that came to their end.
    done: usize,
}

impl Failures {
    /// Notes a network that came to its end.
    pub(super) fn done(&mut self) {
        self.done += 1;
    }

    /// Notes a network that failed.
    pub(super) fn add(&mut self, id: NetworkId, error: ExperimentError) {
        self.failed.push((id, error));
    }

    /// Notes a network that is not looked at after a failure; it may have been done before.
    pub(super) fn leave(&mut self, id: NetworkId, is_done: bool) {
        if is_done {
            self.done += 1;
        } else {
            self.left.push(id);
        }
    }

    /// Whether a network cannot be begun since one that it needs failed; then that is noted.
    pub(super) fn block(&mut self, id: NetworkId) -> bool {
        let is_needed =
            |other: &NetworkId| Some(other.configuration) == stage_before(id.configuration) && other.seed == id.seed;
        let cause = self.failed.iter().map(|(failed, _)| *failed).find(is_needed);
        self.without.extend(cause.map(|cause| (id, cause)));
        cause.is_some()
    }

    /// Whether this network failed.
    pub(super) fn has(&self, id: NetworkId) -> bool {
        self.failed.iter().any(|(failed, _)| *failed == id)
    }

    /// Whether nothing failed.
    pub fn is_empty(&self) -> bool {
        self.failed.is_empty()
    }

    /// Exit code of the program: 5 where a part of the matrix failed, that of the first failure where nothing was done.
    pub fn exit_code(&self) -> u8 {
        match self.failed.first() {
            None => 0,
            Some((_, error)) if self.done == 0 => error.exit_code(),
            Some(_) => PARTLY,
        }
    }

    /// What failed and why, what was not begun, and how to go on.
    pub fn text(&self) -> String {
        let all = self.failed.len() + self.without.len() + self.left.len() + self.done;
        let mut text = format!("{} of {all} networks failed:", self.failed.len());
        for (id, error) in &self.failed {
            let _ = write!(text, "\n  {id}: {error}");
        }
        for (id, cause) in &self.without {
            let _ = write!(text, "\n  {id}: not begun, since it needs {cause}");
        }
        for id in &self.left {
            let _ = write!(text, "\n  {id}: not begun; `--keep-going` goes on after a failure");
        }
        let _ =
            write!(text, "\nScores are of the {} others alone. The same command does again what failed.", self.done);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::schema::ConfigurationName;

    const fn network(configuration: ConfigurationName, fold: usize) -> NetworkId {
        NetworkId { configuration, seed: 1, fold }
    }

    #[test]
    fn what_failed_is_said_with_what_needs_it() {
        let mut failures = Failures::default();
        failures.done();
        failures.add(network(ConfigurationName::LowRes, 1), ExperimentError::Locked("x".to_owned()));
        assert!(!failures.block(network(ConfigurationName::FullRes, 0)));
        assert!(failures.block(network(ConfigurationName::Cascade, 0)));
        assert!(!failures.block(NetworkId { seed: 2, ..network(ConfigurationName::Cascade, 0) }), "another seed");
        let text = failures.text();
        assert!(text.starts_with("1 of 3 networks failed:\n  3d_lowres fold 1 seed 1: "), "{text}");
        assert!(text.contains("3d_cascade fold 0 seed 1: not begun, since it needs 3d_lowres fold 1 seed 1"), "{text}");
        assert_eq!(failures.exit_code(), 5);
    }

    #[test]
    fn a_run_of_which_nothing_was_done_ends_as_its_first_failure() {
        let mut failures = Failures::default();
        assert_eq!(failures.exit_code(), 0);
        failures.add(network(ConfigurationName::TwoD, 0), ExperimentError::Locked("x".to_owned()));
        assert_eq!(failures.exit_code(), 1);
    }
}
