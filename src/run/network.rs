//! The identity of a network within a run.

use std::fmt;

use thiserror::Error;

use crate::plan::schema::{ConfigurationName, Plan};

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

impl NetworkId {
    /// All networks of a configuration that a plan can have: every fold of every seed.
    pub fn all(plan: &Plan, configuration: ConfigurationName) -> impl Iterator<Item = Self> {
        let folds = plan.split.folds;
        let of_seed = move |&seed| (0..folds).map(move |fold| Self { configuration, seed, fold });
        plan.run.seeds.iter().flat_map(of_seed)
    }
}

impl fmt::Display for NetworkId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} fold {} seed {}", self.configuration, self.fold, self.seed)
    }
}

/// A configuration that a plan does not have.
#[derive(Debug, Error)]
#[error("configuration `{name}` is not in the plan; it has {known}")]
pub struct UnknownConfiguration {
    /// The configuration.
    pub name: ConfigurationName,
    /// Configurations of the plan.
    pub known: String,
}

impl UnknownConfiguration {
    /// The error for `name`.
    pub fn new(plan: &Plan, name: ConfigurationName) -> Self {
        let known: Vec<String> = plan.configurations.keys().map(|name| format!("`{name}`")).collect();
        Self { name, known: known.join(", ") }
    }
}
