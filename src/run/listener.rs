//! The interface through which a run, or another long computation, reports its progress: to the terminal, to plots, to tests.

use crate::dataset::gate::Expected;
use crate::dataset::{Case, CaseId};
use crate::plan::read::Diagnostic;
use crate::plan::schema::{ConfigurationName, Train};
use crate::run::folder::FoldFolder;
use crate::run::log::EpochRow;
use crate::run::network::NetworkId;
use crate::store::tensors::TensorFileError;

/// Progress of predicting one case with one configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiles {
    /// The configuration.
    pub configuration: ConfigurationName,
    /// Finished tiles; each mirrored copy of a tile counts.
    pub done: usize,
    /// All tiles of the image.
    pub total: usize,
}

/// The validation cases of a fold after scoring.
#[derive(Clone, Debug)]
pub struct ScoredCases<'a> {
    /// Folder of the fold.
    pub folder: &'a FoldFolder,
    /// Cases with their mean Dice over the classes, best first; cases without any Dice are left out.
    pub ranked: Vec<(&'a Case, f64)>,
    /// Requirements on their files.
    pub expected: Expected<'a>,
}

/// Receives events, from several threads. A method that is not implemented ignores its event.
pub trait Listener: Sync {
    /// A message for the user.
    fn say(&self, _text: &str) {}

    /// A warning about the plan.
    fn warn(&self, warning: &Diagnostic) {
        self.say(&format!("warning: {warning}"));
    }

    /// A task of `total` parts begins.
    fn begin(&self, _task: &str, _total: usize) {}

    /// One part of the current task is done.
    fn advance(&self) {}

    /// More tiles of a case are predicted.
    fn tiles(&self, _case: &CaseId, _tiles: Tiles) {}

    /// The current task has ended, finished or not.
    fn end(&self) {}

    /// A training step is done. `epoch` and `step` are counted from 1.
    fn step(&self, _network: NetworkId, _train: &Train, _epoch: usize, _step: usize, _loss: f64) {}

    /// A training epoch is done; `rows` holds all epochs so far.
    fn epoch(&self, _network: NetworkId, _train: &Train, _folder: &FoldFolder, _rows: &[EpochRow]) {}

    /// The validation cases of a fold are scored.
    fn scored(&self, _cases: &ScoredCases<'_>) {}

    /// A damaged file is going to be replaced.
    fn replacing(&self, damage: &TensorFileError) {
        self.say(&format!("{damage}; replacing it"));
    }
}

/// Several listeners, called one after the other.
pub struct Listeners<'a>(pub Vec<&'a dyn Listener>);

impl Listener for Listeners<'_> {
    fn say(&self, text: &str) {
        self.0.iter().for_each(|one| one.say(text));
    }

    fn warn(&self, warning: &Diagnostic) {
        self.0.iter().for_each(|one| one.warn(warning));
    }

    fn begin(&self, task: &str, total: usize) {
        self.0.iter().for_each(|one| one.begin(task, total));
    }

    fn advance(&self) {
        self.0.iter().for_each(|one| one.advance());
    }

    fn tiles(&self, case: &CaseId, tiles: Tiles) {
        self.0.iter().for_each(|one| one.tiles(case, tiles));
    }

    fn end(&self) {
        self.0.iter().for_each(|one| one.end());
    }

    fn step(&self, network: NetworkId, train: &Train, epoch: usize, step: usize, loss: f64) {
        self.0.iter().for_each(|one| one.step(network, train, epoch, step, loss));
    }

    fn epoch(&self, network: NetworkId, train: &Train, folder: &FoldFolder, rows: &[EpochRow]) {
        self.0.iter().for_each(|one| one.epoch(network, train, folder, rows));
    }

    fn scored(&self, cases: &ScoredCases<'_>) {
        self.0.iter().for_each(|one| one.scored(cases));
    }
}
