//! What an experiment tells of itself while it runs.

use crate::dataset::CaseId;
use crate::plan::fault::Fault;
use crate::plan::schema::{ConfigurationName, Train};
use crate::predict::Tiles;
use crate::store::tensors::TensorFileError;
use crate::train::log::EpochRow;
use crate::train::schedule::StopReason;

/// One network among those of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NetworkId {
    /// Its configuration.
    pub configuration: ConfigurationName,
    /// Its seed.
    pub seed: u64,
    /// Its fold, counted from 0.
    pub fold: usize,
}

impl std::fmt::Display for NetworkId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} fold {} seed {}", self.configuration, self.fold, self.seed)
    }
}

/// Tells of a damaged file that is made again.
pub(super) fn made_again(damage: &TensorFileError, events: &dyn Events) {
    events.say(&format!("{damage}; it is made again"));
}

/// Listens to an experiment. Calls come from several threads.
pub trait Events: Sync {
    /// A sentence that stays on the screen.
    fn say(&self, text: &str);
    /// Something that may be meant and is worth a look.
    fn warn(&self, warning: &Fault) {
        self.say(&format!("warning: {warning}"));
    }
    /// Something of `total` parts begins.
    fn begin(&self, what: &str, total: usize);
    /// One more part is done.
    fn advance(&self);
    /// Some more tiles of a case are done.
    fn tiles(&self, case: &CaseId, tiles: Tiles);
    /// What began last has ended.
    fn end(&self);
    /// A training step is done: its place in its epoch, and its loss.
    fn step(&self, network: NetworkId, train: &Train, epoch: usize, step: usize, loss: f64);
    /// A training epoch is done; `rows` holds all so far.
    fn epoch(&self, network: NetworkId, train: &Train, rows: &[EpochRow], stop: Option<StopReason>);
}
