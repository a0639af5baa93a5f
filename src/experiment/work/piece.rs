//! The kinds of work, their names, and what each needs.

use std::fmt;

use crate::experiment::options::Stage;
use crate::plan::schema::ConfigurationName;
use crate::run::NetworkId;

/// One piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Find the data set, or generate the phantom.
    Data,
    /// Compute the fingerprint of the data set.
    Fingerprint,
    /// Split the cases into folds.
    Split,
    /// Preprocess all cases for a configuration.
    Preprocess(ConfigurationName),
    /// Train a network.
    Train(NetworkId),
    /// Predict the validation cases of a first-stage network on the grid of the cascade's second stage, which takes the
    /// predictions of all folds as input.
    PredictForCascade(NetworkId),
    /// Predict the validation cases of a network.
    Predict(NetworkId),
    /// Score the predictions of a network.
    Evaluate(NetworkId),
    /// Predict and score the validation cases of a fold with two configurations: this network's and another.
    Ensemble(NetworkId, ConfigurationName),
    /// Choose and apply the post-processing of a candidate by its cross-validation.
    Postprocess(Members),
    /// Rank all candidates.
    Select,
}

/// The configurations of a candidate: one, or an ensemble of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Members {
    /// The first configuration.
    pub first: ConfigurationName,
    /// The second configuration of an ensemble.
    pub second: Option<ConfigurationName>,
}

/// A piece of work in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The work.
    pub work: Work,
    /// Work that has to be done before. It precedes this piece in the list.
    pub needs: Vec<Work>,
}

impl Work {
    /// Whether this work directly needs another. `complete` are the configurations that are candidates.
    pub(super) fn needs(self, other: Self, complete: &[ConfigurationName]) -> bool {
        match (self, other) {
            (Self::Fingerprint | Self::Split, Self::Data)
            | (Self::Preprocess(_), Self::Fingerprint)
            | (Self::Train(_), Self::Split)
            | (Self::Select, Self::Ensemble(..) | Self::Postprocess(_)) => true,
            (Self::Train(id) | Self::Predict(id), Self::Preprocess(_) | Self::PredictForCascade(_)) => {
                is_input_of(other, id)
            }
            // The predictions are made from cases of the first stage and stored on the grid of the second.
            (Self::PredictForCascade(id), Self::Preprocess(name)) => {
                name == id.configuration || name.first_stage() == Some(id.configuration)
            }
            (Self::Predict(id) | Self::PredictForCascade(id), Self::Train(other))
            | (Self::Evaluate(id), Self::Predict(other)) => id == other,
            (Self::Ensemble(id, second), Self::Preprocess(_) | Self::PredictForCascade(_)) => {
                is_input_of(other, id) || is_input_of(other, NetworkId { configuration: second, ..id })
            }
            // Ensembles of complete configurations only.
            (Self::Ensemble(id, second), Self::Evaluate(other)) => {
                [id.configuration, second].contains(&other.configuration)
            }
            (Self::Postprocess(members), Self::Evaluate(other)) => {
                members == Members { first: other.configuration, second: None }
            }
            (Self::Postprocess(members), Self::Ensemble(other, second)) => {
                members == Members { first: other.configuration, second: Some(second) }
            }
            (Self::Select, Self::Evaluate(other)) => complete.contains(&other.configuration),
            _ => false,
        }
    }

    /// Kind and configuration, without fold and seed: `train 3d_fullres`.
    pub fn kind(self) -> String {
        match self {
            Self::Data => "data".to_owned(),
            Self::Fingerprint => "fingerprint".to_owned(),
            Self::Split => "split".to_owned(),
            Self::Preprocess(name) => format!("preprocess {name}"),
            Self::Train(id) => format!("train {}", id.configuration),
            Self::PredictForCascade(id) => format!("predict-for-cascade {}", id.configuration),
            Self::Predict(id) => format!("predict {}", id.configuration),
            Self::Evaluate(id) => format!("evaluate {}", id.configuration),
            Self::Ensemble(id, second) => format!("ensemble {}+{second}", id.configuration),
            Self::Postprocess(members) => format!("postprocess {members}"),
            Self::Select => "select".to_owned(),
        }
    }

    /// The stage that it belongs to.
    pub fn stage(self) -> Stage {
        match self {
            Self::Data | Self::Fingerprint | Self::Split => Stage::Fingerprint,
            Self::Preprocess(_) => Stage::Preprocess,
            Self::Train(_) | Self::PredictForCascade(_) => Stage::Train,
            Self::Predict(_) => Stage::Predict,
            Self::Evaluate(_) | Self::Ensemble(..) | Self::Postprocess(_) | Self::Select => Stage::Evaluate,
        }
    }

    /// The network, or the first of an ensemble. `None` for work that concerns no single fold.
    pub fn network(self) -> Option<NetworkId> {
        match self {
            Self::Data
            | Self::Fingerprint
            | Self::Split
            | Self::Preprocess(_)
            | Self::Postprocess(_)
            | Self::Select => None,
            Self::Train(id)
            | Self::PredictForCascade(id)
            | Self::Predict(id)
            | Self::Evaluate(id)
            | Self::Ensemble(id, _) => Some(id),
        }
    }

    /// A stable identifier for programs: `train/3d_fullres/seed_12345/fold_0`.
    pub fn id(self) -> String {
        let kind = self.kind().replace(' ', "/");
        self.network().map_or_else(|| kind.clone(), |id| format!("{kind}/seed_{}/fold_{}", id.seed, id.fold))
    }
}

/// Whether some work produces the input of a network: its preprocessed cases, or the first stage's predictions.
fn is_input_of(work: Work, network: NetworkId) -> bool {
    match work {
        Work::Preprocess(name) => name == network.configuration,
        Work::PredictForCascade(first) => {
            network.configuration.first_stage() == Some(first.configuration) && network.seed == first.seed
        }
        _ => false,
    }
}

impl fmt::Display for Work {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.kind())?;
        self.network().map_or(Ok(()), |id| write!(out, " fold {} seed {}", id.fold, id.seed))
    }
}

impl fmt::Display for Members {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.first)?;
        self.second.map_or(Ok(()), |second| write!(out, "+{second}"))
    }
}
