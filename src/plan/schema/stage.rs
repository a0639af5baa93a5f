//! The stages of a run, as the keys of a plan decide on them.

use std::fmt;

use serde::Serialize;

/// The first stage whose result depends on a key. All stages below it depend on the key, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The preprocessed cases.
    Preprocess,
    /// The trained weights.
    Train,
    /// The predicted labels.
    Predict,
    /// The scores.
    Evaluate,
    /// No result depends on it.
    Nothing,
}

impl Stage {
    /// All stages, in their order.
    pub const ALL: [Self; 5] = [Self::Preprocess, Self::Train, Self::Predict, Self::Evaluate, Self::Nothing];
}

impl fmt::Display for Stage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Preprocess => "preprocess",
            Self::Train => "train",
            Self::Predict => "predict",
            Self::Evaluate => "evaluate",
            Self::Nothing => "changes no result",
        })
    }
}
