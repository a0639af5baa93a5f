//! What of a fold is done, and by which plan.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::dataset::CaseId;
use crate::dataset::split::Split;
use crate::postprocess::Filter;
use crate::store::folder::FoldFolder;
use crate::store::{self, StoreError};

/// Digests of the plan's stages, and of the data set's files, under which a fold's stages were finished.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldState {
    /// Weights are there.
    pub trained: Option<String>,
    /// Predictions are being made; those that are there are of this digest.
    pub predicting: Option<String>,
    /// All held-out cases are predicted.
    pub predicted: Option<String>,
    /// All held-out cases are scored.
    pub evaluated: Option<String>,
    /// What the data set's files held when all this began; nothing is known of it where it is absent.
    #[serde(default)]
    pub data: Option<String>,
    /// Digest of the fold's split when all this began; a state of an earlier version has none, and nothing is known of it.
    #[serde(default)]
    pub split: Option<String>,
    /// The cases that the network was, or is being, trained on; those of an ensemble are its networks'.
    #[serde(default)]
    pub trained_on: Vec<CaseId>,
    /// Digest of the file of their scores; nothing is known of it where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<String>,
    /// What the cross-validation decided on is done to them.
    #[serde(default)]
    pub filter: Filter,
}

/// A fold's state could not be read or written.
#[derive(Debug, Error)]
pub enum StateError {
    /// The file could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file is damaged.
    #[error("`{path}` is damaged: {source}; remove it to do this fold's stages again")]
    Damaged {
        /// The file.
        path: String,
        /// Why.
        source: serde_json::Error,
    },
}

impl FoldState {
    /// The state of a fold; nothing is done where there is no file.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be understood.
    pub fn load(folder: &FoldFolder) -> Result<Self, StateError> {
        let path = folder.state();
        match store::read_text_if_present(&path)? {
            None => Ok(Self::default()),
            Some(text) => serde_json::from_str(&text)
                .map_err(|source| StateError::Damaged { path: path.display().to_string(), source }),
        }
    }

    /// Whether the data set's files held then what they hold now.
    pub fn has_data(&self, data: &str) -> bool {
        self.data.as_deref().is_none_or(|then| then == data)
    }

    /// Whether the fold's cases were then those that they are now.
    pub fn has_split(&self, split: &Split) -> bool {
        self.split.as_deref().is_none_or(|then| then == split.digest())
    }

    /// Whether all this is of the files and of the fold's cases that there are now.
    pub fn is_of(&self, data: &str, split: &Split) -> bool {
        self.has_data(data) && self.has_split(split)
    }

    /// Whether all held-out cases are scored, by the plan of this digest, on the files and cases that there are now.
    pub fn is_scored(&self, evaluate: &str, data: &str, split: &Split) -> bool {
        self.evaluated.as_deref() == Some(evaluate) && self.is_of(data, split)
    }

    /// Whether the file of the scores exists and is as it was written.
    pub fn has_scores(&self, folder: &FoldFolder) -> bool {
        let path = folder.scores();
        let is_whole = |then: &String| store::digest_of_file(&path).is_ok_and(|now| now == *then);
        path.is_file() && self.scores.as_ref().is_none_or(is_whole)
    }

    /// Writes the state.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn save(&self, folder: &FoldFolder) -> Result<(), StateError> {
        let mut text = serde_json::to_string_pretty(self).expect("a state is texts, numbers and lists of them");
        text.push('\n');
        Ok(store::write_atomic(&folder.state(), text.as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_that_were_removed_or_changed_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let folder = FoldFolder { root: folder.path().to_owned() };
        assert!(!FoldState::default().has_scores(&folder), "there is no file");
        std::fs::write(folder.scores(), "scores").unwrap();
        let state =
            FoldState { scores: Some(store::digest_of_file(&folder.scores()).unwrap()), ..FoldState::default() };
        assert!(state.has_scores(&folder) && FoldState::default().has_scores(&folder));
        std::fs::write(folder.scores(), "others").unwrap();
        assert!(!state.has_scores(&folder), "changed");
    }
}
