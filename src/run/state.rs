//! `state.json`: which stages of a network, or of one fold of an ensemble, are done, and with which plan and data.

use serde::{Deserialize, Serialize};

use crate::dataset::CaseId;
use crate::run::filter::Filter;
use crate::run::folder::FoldFolder;
use crate::run::json::{RunFileError, read_json_or_advise, to_text};
use crate::run::split::Split;
use crate::store::{self, StoreError};

/// The finished stages of a fold folder. Each is recorded by the digest of the plan that produced its result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkState {
    /// Digest of the trained weights.
    pub trained: Option<String>,
    /// Digest of predictions that are incomplete.
    pub predicting: Option<String>,
    /// Digest of the complete predictions of the validation cases.
    pub predicted: Option<String>,
    /// Digest of the scores of all validation cases.
    pub evaluated: Option<String>,
    /// Digest of the data set's files. `None` if an earlier version did not record it.
    #[serde(default)]
    pub data: Option<String>,
    /// Digest of the fold's split. `None` if an earlier version did not record it.
    #[serde(default)]
    pub split: Option<String>,
    /// Training cases of the network. Empty for an ensemble: its members have their own.
    #[serde(default)]
    pub trained_on: Vec<CaseId>,
    /// Digest of `scores.parquet`. `None` if an earlier version did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<String>,
    /// Post-processing chosen by the cross-validation and applied to the predictions.
    #[serde(default)]
    pub filter: Filter,
}

impl NetworkState {
    /// Reads the state of a fold; the default, with no stage done, if there is no file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is damaged.
    pub fn read(folder: &FoldFolder) -> Result<Self, RunFileError> {
        let saved = read_json_or_advise(&folder.state(), "remove it to repeat the stages of this fold")?;
        Ok(saved.unwrap_or_default())
    }

    /// Writes the state of a fold.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn write(&self, folder: &FoldFolder) -> Result<(), StoreError> {
        store::write_atomic(&folder.state(), to_text(self).as_bytes())
    }

    /// Whether the data set's files are unchanged. True if unknown.
    pub fn has_data(&self, data: &str) -> bool {
        self.data.as_deref().is_none_or(|recorded| recorded == data)
    }

    /// Whether the fold's split is unchanged. True if unknown.
    pub fn has_split(&self, split: &Split) -> bool {
        self.split.as_deref().is_none_or(|recorded| recorded == split.digest())
    }

    /// Whether data and split are unchanged.
    pub fn is_of(&self, data: &str, split: &Split) -> bool {
        self.has_data(data) && self.has_split(split)
    }

    /// Whether `scores.parquet` exists and is as segplan wrote it.
    pub fn has_scores(&self, folder: &FoldFolder) -> bool {
        let path = folder.scores();
        let is_unchanged = |recorded: &String| store::digest_of_file(&path).is_ok_and(|digest| digest == *recorded);
        path.is_file() && self.scores.as_ref().is_none_or(is_unchanged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_or_changed_scores_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let folder = FoldFolder { root: folder.path().to_owned() };
        assert!(!NetworkState::default().has_scores(&folder), "there is no file");
        std::fs::write(folder.scores(), "scores").unwrap();
        let digest = store::digest_of_file(&folder.scores()).unwrap();
        let state = NetworkState { scores: Some(digest), ..NetworkState::default() };
        assert!(state.has_scores(&folder) && NetworkState::default().has_scores(&folder));
        std::fs::write(folder.scores(), "others").unwrap();
        assert!(!state.has_scores(&folder), "changed");
    }
}
