//! The remaining steps of a run with estimated times, and a comparison with the actual times at the end.
//!
//! Input: the status of a plan, then the clock. Output: two tables. It has no influence on the run.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::experiment::status::Status;
use crate::experiment::work::Work;
use crate::plan::schema::Plan;
use crate::run::folder::RunFolder;
use crate::run::log::read_epochs;
use crate::store::rows::rows_as_text;
use crate::units::{counted, format_seconds};

/// The remaining work by kind, and the time that each kind takes.
pub(super) struct Forecast {
    kinds: Vec<Kind>,
    started: Instant,
    actual: BTreeMap<String, Actual>,
}

/// The work of one kind, over all folds and seeds.
struct Kind {
    /// Such as `train 3d_fullres`.
    name: String,
    /// Number of pieces of work.
    count: usize,
    /// The amount of work, in words.
    amount: String,
    /// Estimated time, seconds.
    seconds: f64,
    /// Maximum number of epochs, for training.
    epochs: usize,
}

/// Time and epochs that work of one kind has taken.
#[derive(Default)]
struct Actual {
    seconds: f64,
    epochs: usize,
}

impl Forecast {
    /// The forecast of an estimated status.
    pub(super) fn new(status: &Status, plan: &Plan) -> Self {
        Self { kinds: remaining_kinds(status, plan), started: Instant::now(), actual: BTreeMap::new() }
    }

    /// Does a piece of work and measures its time.
    pub(super) fn time<T>(&mut self, folder: &RunFolder, work: Work, execute: impl FnOnce() -> T) -> T {
        let (started, epochs_before) = (Instant::now(), count_epochs(folder, work));
        let result = execute();
        let actual = self.actual.entry(work.kind()).or_default();
        actual.seconds += started.elapsed().as_secs_f64();
        actual.epochs += count_epochs(folder, work).saturating_sub(epochs_before);
        result
    }

    /// The steps with their estimated times. `None` if there is nothing to do.
    pub(super) fn text(&self) -> Option<String> {
        if self.kinds.is_empty() {
            return None;
        }
        let mut rows = vec![["step", "", "estimate"].map(str::to_owned).to_vec()];
        rows.extend(
            self.kinds.iter().map(|kind| vec![kind.name.clone(), kind.amount.clone(), format_seconds(kind.seconds)]),
        );
        rows.push(vec!["total".to_owned(), String::new(), format_seconds(self.seconds())]);
        Some(format!("\n{}", rows_as_text(&rows)))
    }

    /// Estimated and actual times. `None` if there was nothing to do.
    pub(super) fn comparison(&self) -> Option<String> {
        if self.kinds.is_empty() {
            return None;
        }
        let mut rows = vec![["step", "estimate", "actual", ""].map(str::to_owned).to_vec()];
        rows.extend(self.kinds.iter().map(|kind| {
            let actual = self.actual.get(&kind.name);
            let seconds = actual.map_or_else(|| "–".to_owned(), |actual| format_seconds(actual.seconds));
            vec![kind.name.clone(), format_seconds(kind.seconds), seconds, kind.fewer_epochs(actual)]
        }));
        let elapsed = self.started.elapsed().as_secs_f64();
        let total = ["total".to_owned(), format_seconds(self.seconds()), format_seconds(elapsed), String::new()];
        rows.push(total.to_vec());
        Some(format!("\n{}", rows_as_text(&rows)))
    }

    fn seconds(&self) -> f64 {
        self.kinds.iter().map(|kind| kind.seconds).sum()
    }
}

impl Kind {
    /// If training stopped early: the number of epochs, and the estimate for as many.
    fn fewer_epochs(&self, actual: Option<&Actual>) -> String {
        let epochs = actual.map_or(0, |actual| actual.epochs);
        if epochs == 0 || epochs >= self.epochs {
            return String::new();
        }
        let estimate = format_seconds(self.seconds * epochs as f64 / self.epochs as f64);
        format!("{epochs} of at most {}, estimated at {estimate}", counted(self.epochs, "epoch"))
    }
}

/// Work that is not done, by kind; work that takes no time is left out.
fn remaining_kinds(status: &Status, plan: &Plan) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    for entry in status.entries.iter().filter(|entry| entry.state.is_open()) {
        let (Some(cost), work) = (entry.estimate, entry.piece.work) else { continue };
        let name = work.kind();
        let at = kinds.iter().position(|kind| kind.name == name).unwrap_or_else(|| {
            kinds.push(Kind { name, count: 0, amount: String::new(), seconds: 0.0, epochs: 0 });
            kinds.len() - 1
        });
        let kind = &mut kinds[at];
        kind.count += 1;
        kind.seconds += cost.seconds;
        if matches!(work, Work::Train(_)) {
            kind.epochs += entry.state.remaining(plan.train.max_epochs);
        }
        kind.amount = match work {
            Work::Preprocess(_) => counted(entry.state.remaining(plan.data.cases), "case"),
            Work::Train(_) => {
                format!("{}, at most {}", counted(kind.count, "network"), counted(kind.epochs, "epoch"))
            }
            _ => counted(kind.count, "fold"),
        };
    }
    kinds
}

/// Epochs in the log of a network that a piece of work trains.
fn count_epochs(folder: &RunFolder, work: Work) -> usize {
    let Work::Train(id) = work else { return 0 };
    read_epochs(&folder.network(id).epochs()).map_or(0, |rows| rows.len())
}
