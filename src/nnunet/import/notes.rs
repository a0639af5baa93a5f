//! Where a plan differs from the files that it is imported from.

/// Differences, as sentences for the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Notes {
    /// Parts of the files that the plan represents differently: predictions differ.
    pub(super) inexact: Vec<String>,
    /// Parts of the files that the plan leaves out, and parts of the plan that the files lack.
    pub(super) absent: Vec<String>,
    /// Configurations that are not imported.
    pub(super) others: Vec<String>,
}

impl Notes {
    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &String> {
        self.inexact.iter().chain(&self.others).chain(&self.absent)
    }
}
