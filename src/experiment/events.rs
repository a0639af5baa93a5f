//! What an experiment tells of itself while it runs.

use crate::dataset::CaseId;
use crate::plan::read::Diagnostic;
use crate::plan::schema::Train;
use crate::predict::Tiles;
use crate::run::NetworkId;
use crate::run::StopReason;
use crate::run::log::EpochRow;
use crate::store::tensors::TensorFileError;

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
