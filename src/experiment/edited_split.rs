//! Whether the networks of a run were trained with the folds that `splits_final.json` contains now.
//!
//! The state of each network records its split. If the file has another one, a case that it validates on may be one that the network
//! was trained on, so that the run is refused before anything is done. A state of an earlier version has no record: its split counts
//! as unchanged unless it has scores of cases that the file does not validate on.

use std::collections::BTreeSet;
use std::path::Path;

use thiserror::Error;

use crate::dataset::CaseId;
use crate::evaluate::scores;
use crate::experiment::splits::draw;
use crate::plan::schema::Plan;
use crate::run::folder::{FoldFolder, RunFolder};
use crate::run::{NetworkId, NetworkState, Split};
use crate::store::table::TableError;
use crate::units::{agree, listed};

/// The folds of a run were edited after networks were trained with them.
#[derive(Debug, Error)]
#[error(
    "`{path}` has other folds than these networks were trained with, and a network is scored only on cases that it was not \
     trained on:\n  {}\nEither {restore}; or train with the new folds under another name, to which the file is copied first",
    networks.join("\n  ")
)]
pub struct EditedSplit {
    /// The file of the folds.
    pub path: String,
    /// The networks, each with the difference.
    pub networks: Vec<String>,
    /// How to restore the folds that they were trained with.
    pub restore: String,
    /// The commands that train with the new folds under another name.
    pub command: String,
}

/// The folds of a run, and the data that it uses.
pub(super) struct FoldsToCheck<'a> {
    pub(super) plan: &'a Plan,
    pub(super) folder: &'a RunFolder,
    pub(super) splits: &'a [Split],
    /// Training cases of the data set.
    pub(super) cases: &'a [CaseId],
    /// Digest of the data set's files.
    pub(super) data: &'a str,
}

/// How the split of a network differs from the file's.
struct Difference {
    text: String,
    fold: usize,
    /// Digest of the split that the network was trained with, if recorded.
    digest: Option<String>,
}

impl FoldsToCheck<'_> {
    /// Networks that were trained with other folds. `command` trains with the folds of a file under another name.
    ///
    /// Networks that were trained on other data are left out: they are trained again. So are those whose state cannot be read: they
    /// fail when it is their turn.
    ///
    /// # Errors
    ///
    /// If scores cannot be read.
    pub(super) fn find_edited(&self, command: &dyn Fn(&Path) -> String) -> Result<Option<EditedSplit>, TableError> {
        let mut differences = Vec::new();
        for id in self.plan.configurations.keys().flat_map(|&name| NetworkId::all(self.plan, name)) {
            let folder = self.folder.network(id);
            let Ok(state) = NetworkState::read(&folder) else { continue };
            let Some(split) = self.splits.get(id.fold).filter(|_| state.has_data(self.data)) else { continue };
            if let Some(why) = difference(&folder, &state, split)? {
                differences.push(Difference { text: format!("{id}: {why}"), fold: id.fold, digest: state.split });
            }
        }
        if differences.is_empty() {
            return Ok(None);
        }
        let path = self.folder.splits();
        let restore = if self.would_be_drawn(&differences) {
            format!("remove `{}`: the next run draws the same folds again that they were trained with", path.display())
        } else {
            "restore the file".to_owned()
        };
        let networks = differences.into_iter().map(|difference| difference.text).collect();
        Ok(Some(EditedSplit { path: path.display().to_string(), networks, restore, command: command(&path) }))
    }

    /// Whether the plan draws the splits that the networks were trained with.
    fn would_be_drawn(&self, differences: &[Difference]) -> bool {
        let Ok(drawn) = draw(self.cases, &self.plan.split) else { return false };
        let is_drawn = |Difference { fold, digest, .. }: &Difference| {
            digest.as_ref().zip(drawn.get(*fold)).is_some_and(|(digest, split)| *digest == split.digest())
        };
        differences.iter().all(is_drawn)
    }
}

/// How the recorded split of a network differs from the file's; `None` if it does not.
fn difference(folder: &FoldFolder, state: &NetworkState, split: &Split) -> Result<Option<String>, TableError> {
    let named = |case: &CaseId| format!("`{case}`");
    if let Some(digest) = &state.split {
        let both: Vec<String> = split.val.iter().filter(|case| state.trained_on.contains(case)).map(named).collect();
        return Ok(if *digest == split.digest() {
            None
        } else if both.is_empty() {
            Some("the cases of its fold were others".to_owned())
        } else {
            let are = agree(both.len(), "is now a validation case", "are now validation cases");
            Some(format!("it was trained on {}, which {are}", listed(&both)))
        });
    }
    if state.evaluated.is_none() || !folder.scores().is_file() {
        return Ok(None);
    }
    let scored: BTreeSet<CaseId> = scores::read(&folder.scores())?.into_iter().map(|score| score.case).collect();
    let unexpected: Vec<String> = scored.iter().filter(|case| !split.val.contains(case)).map(named).collect();
    let are = agree(unexpected.len(), "is not a validation case", "are not validation cases");
    let text = || format!("it has scores of {}, which {are} of its fold", listed(&unexpected));
    Ok((!unexpected.is_empty()).then(text))
}
