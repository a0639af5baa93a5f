//! Which of the networks of a run is meant.

use std::fmt;

use crate::plan::schema::ConfigurationName;

/// One network of a run: a configuration, trained with a seed on one fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NetworkId {
    /// Its configuration, such as `3d_fullres`.
    pub configuration: ConfigurationName,
    /// Seed of its weights, sampling and augmentation.
    pub seed: u64,
    /// Fold that it is validated on, counted from 0.
    pub fold: usize,
}

impl fmt::Display for NetworkId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} fold {} seed {}", self.configuration, self.fold, self.seed)
    }
}
