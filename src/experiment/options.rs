//! Which part of a plan is meant.

use crate::experiment::error::ExperimentError;
use crate::plan::schema::{ConfigurationName, Plan};
use crate::run::{NetworkId, UnknownConfiguration};

/// The stages of a run, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Find or generate the data set, compute its fingerprint, draw the folds.
    Fingerprint,
    /// Preprocess the cases.
    Preprocess,
    /// Train the networks.
    Train,
    /// Predict the validation cases.
    Predict,
    /// Score the predictions; choose post-processing and the best candidate.
    Evaluate,
}

/// The part of a plan that a command is about.
#[derive(Clone, Debug)]
pub struct Options {
    /// The last stage.
    pub until: Stage,
    /// Configurations; those of `run.configurations` if empty.
    pub configurations: Vec<ConfigurationName>,
    /// Folds; those of `run.folds` if empty.
    pub folds: Vec<usize>,
    /// Whether to continue after a failure with the work that does not depend on it.
    pub keep_going: bool,
}

impl Options {
    /// The networks that the options select: by configuration, then seed, then fold.
    ///
    /// # Errors
    ///
    /// If the plan has no such configuration or fold.
    pub(super) fn networks(&self, plan: &Plan) -> Result<Vec<NetworkId>, ExperimentError> {
        let configurations =
            if self.configurations.is_empty() { &plan.run.configurations } else { &self.configurations };
        let folds = if self.folds.is_empty() { &plan.run.folds } else { &self.folds };
        if let Some(&name) = configurations.iter().find(|name| !plan.configurations.contains_key(name)) {
            return Err(UnknownConfiguration::new(plan, name).into());
        }
        if let Some(&fold) = folds.iter().find(|&&fold| fold >= plan.split.folds) {
            return Err(ExperimentError::UnknownFold { fold, folds: plan.split.folds });
        }
        let mut networks = Vec::new();
        for &configuration in configurations {
            for &seed in &plan.run.seeds {
                networks.extend(folds.iter().map(|&fold| NetworkId { configuration, seed, fold }));
            }
        }
        Ok(networks)
    }
}
