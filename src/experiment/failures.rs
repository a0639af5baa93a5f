//! What of an experiment failed, while the rest of it went on or was left.

use std::fmt::{self, Write as _};

use crate::experiment::ExperimentError;
use crate::experiment::graph::stage_before;
use crate::plan::schema::ConfigurationName;
use crate::run::NetworkId;
use crate::units::counted;

/// What of an experiment can fail while the rest goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The cases, prepared for a configuration.
    Cases(ConfigurationName),
    /// A network.
    Network(NetworkId),
    /// What is decided on by all networks together.
    Choice,
}

/// What failed, and what was not begun for it.
#[derive(Debug, Default)]
pub struct Failures {
    failed: Vec<(Part, ExperimentError)>,
    /// Networks that need what failed, each with that.
    without: Vec<(NetworkId, Part)>,
    /// Networks that were left after the first failure.
    left: Vec<NetworkId>,
    /// Number of networks that came to their end.
    done: usize,
}

impl Part {
    /// Whether a network cannot be begun without it.
    fn is_needed_by(self, id: NetworkId) -> bool {
        let before = stage_before(id.configuration);
        match self {
            Self::Cases(name) => name == id.configuration || Some(name) == before,
            Self::Network(other) => Some(other.configuration) == before && other.seed == id.seed,
            Self::Choice => false,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cases(name) => write!(out, "preparing the cases for {name}"),
            Self::Network(id) => write!(out, "{id}"),
            Self::Choice => write!(out, "post-processing, ensembles and the choice of the best"),
        }
    }
}

impl Failures {
    /// Notes a network that came to its end.
    pub(super) fn done(&mut self) {
        self.done += 1;
    }

    /// Notes what failed.
    pub(super) fn add(&mut self, part: Part, error: ExperimentError) {
        self.failed.push((part, error));
    }

    /// Notes a network that is not looked at after a failure; it may have been done before.
    pub(super) fn leave(&mut self, id: NetworkId, is_done: bool) {
        if is_done {
            self.done += 1;
        } else {
            self.left.push(id);
        }
    }

    /// Whether a network cannot be begun since something that it needs failed; then that is noted.
    pub(super) fn block(&mut self, id: NetworkId) -> bool {
        let cause = self.failed.iter().map(|(failed, _)| *failed).find(|failed| failed.is_needed_by(id));
        self.without.extend(cause.map(|cause| (id, cause)));
        cause.is_some()
    }

    /// Whether this network failed.
    pub(super) fn has(&self, id: NetworkId) -> bool {
        self.failed.iter().any(|(failed, _)| *failed == Part::Network(id))
    }

    /// Whether nothing failed.
    pub fn is_empty(&self) -> bool {
        self.failed.is_empty()
    }

    /// The first failure.
    pub fn first(&self) -> Option<&ExperimentError> {
        self.failed.first().map(|(_, error)| error)
    }

    /// Whether any network is done.
    pub fn has_done(&self) -> bool {
        self.done > 0
    }

    /// What failed and why, what was not begun, and how to go on.
    pub fn text(&self) -> String {
        let failed = self.failed.iter().filter(|(part, _)| matches!(part, Part::Network(_))).count();
        let not_done = failed + self.without.len() + self.left.len();
        let all = not_done + self.done;
        let mut text =
            format!("{not_done} of {} {} not done:", counted(all, "network"), if all == 1 { "is" } else { "are" });
        for (part, error) in &self.failed {
            let _ = write!(text, "\n  {part}: {error}");
        }
        for (id, cause) in &self.without {
            let _ = write!(text, "\n  {id}: not begun, since this failed: {cause}");
        }
        for id in &self.left {
            let _ = write!(text, "\n  {id}: not begun; `--keep-going` goes on after a failure");
        }
        text.push_str("\nThe same command does again what failed.");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn network(configuration: ConfigurationName, fold: usize) -> NetworkId {
        NetworkId { configuration, seed: 1, fold }
    }

    fn error() -> ExperimentError {
        ExperimentError::Locked("x".to_owned())
    }

    #[test]
    fn what_failed_is_said_with_what_needs_it() {
        let mut failures = Failures::default();
        failures.done();
        failures.add(Part::Network(network(ConfigurationName::LowRes, 1)), error());
        assert!(!failures.block(network(ConfigurationName::FullRes, 0)));
        assert!(failures.block(network(ConfigurationName::Cascade, 0)));
        assert!(!failures.block(NetworkId { seed: 2, ..network(ConfigurationName::Cascade, 0) }), "another seed");
        let text = failures.text();
        let begin = "2 of 3 networks are not done:\n  3d_lowres fold 1 seed 1: ";
        assert!(text.starts_with(begin), "{text}");
        let cascade = "3d_cascade fold 0 seed 1: not begun, since this failed: 3d_lowres fold 1 seed 1";
        assert!(text.contains(cascade), "{text}");
    }

    #[test]
    fn cases_that_cannot_be_prepared_keep_back_the_networks_that_see_them_and_no_others() {
        let mut failures = Failures::default();
        failures.add(Part::Cases(ConfigurationName::LowRes), error());
        assert!(failures.block(network(ConfigurationName::LowRes, 0)));
        assert!(failures.block(network(ConfigurationName::Cascade, 0)), "its first stage sees them");
        assert!(!failures.block(network(ConfigurationName::FullRes, 0)));
        failures.done();
        let text = failures.text();
        assert!(text.starts_with("2 of 3 networks are not done:\n  preparing the cases for 3d_lowres: "));
    }

    #[test]
    fn a_run_of_which_nothing_was_done_ends_as_its_first_failure() {
        let mut failures = Failures::default();
        failures.add(Part::Network(network(ConfigurationName::TwoD, 0)), error());
    }
}
