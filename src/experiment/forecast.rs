//! What a run is about to do and how long that may take; and when it is done, how long it took.
//!
//! Input: the work of a run and its estimates, then the clock. Output: two tables for a person. Deliberately absent: any
//! influence on the run.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::experiment::graph::estimate::shown_time;
use crate::experiment::graph::{Graph, State, Work};
use crate::experiment::{ExperimentError, Options};
use crate::plan::read::LoadedPlan;
use crate::plan::schema::Plan;
use crate::run::Listener;
use crate::store::rows::rows_as_text;
use crate::units::counted;

/// The work of a run by its kinds, and the time that each takes.
pub(super) struct Forecast {
    kinds: Vec<Kind>,
    spent: Mutex<Spent>,
    begun: Instant,
}

/// Work of one kind, of all folds and seeds.
struct Kind {
    /// Such as `train 3d_fullres`.
    name: String,
    /// How much of it there is.
    amount: String,
    /// Estimated time of all of it, seconds; none where it is not estimated.
    seconds: Option<f64>,
    /// Epochs that are estimated, of work that has any.
    epochs: usize,
}

/// What was done up to now.
#[derive(Default)]
struct Spent {
    /// Seconds by kind of work.
    seconds: BTreeMap<String, f64>,
    /// Training epochs by kind of work.
    epochs: BTreeMap<String, usize>,
}

impl Forecast {
    /// Estimates whatever of a plan is not yet done, and says so where there is something to do.
    ///
    /// # Errors
    ///
    /// When a file of the run is damaged, or the device cannot be used.
    pub(super) fn say(loaded: &LoadedPlan, options: &Options, events: &dyn Listener) -> Result<Self, ExperimentError> {
        let mut graph = Graph::read(loaded, options, events)?;
        graph.estimate(loaded, events)?;
        let forecast = Self { kinds: kinds(&graph, &loaded.plan), spent: Mutex::default(), begun: Instant::now() };
        if !forecast.kinds.is_empty() {
            events.say(&forecast.text());
        }
        Ok(forecast)
    }

    /// Does a piece of work and counts its time.
    pub(super) fn time<T>(&self, work: Work, done: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let result = done();
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        *spent.seconds.entry(work.kind()).or_default() += begun.elapsed().as_secs_f64();
        result
    }

    /// Counts a training epoch.
    pub(super) fn epoch(&self, work: Work) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        *spent.epochs.entry(work.kind()).or_default() += 1;
    }

    /// Estimated time of everything, seconds.
    fn seconds(&self) -> f64 {
        self.kinds.iter().filter_map(|kind| kind.seconds).sum()
    }

    /// What is to be done, and about how long it takes.
    fn text(&self) -> String {
        let mut rows = vec![row(["to do", "", "about"].map(str::to_owned))];
        rows.extend(self.kinds.iter().map(|kind| row([kind.name.clone(), kind.amount.clone(), shown(kind.seconds)])));
        rows.push(row(["all".to_owned(), String::new(), shown_time(self.seconds())]));
        format!("\n{}", rows_as_text(&rows))
    }

    /// How long everything took beside its estimate; none where there was nothing to do.
    pub(super) fn compared(&self) -> Option<String> {
        let spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if self.kinds.is_empty() {
            return None;
        }
        let all = self.begun.elapsed().as_secs_f64();
        let mut rows = vec![row(["done", "estimated", "took", ""].map(str::to_owned))];
        let line = |kind: &Kind| {
            let took = spent.seconds.get(&kind.name).copied();
            row([kind.name.clone(), shown(kind.seconds), shown(took), kind.stopped(&spent)])
        };
        rows.extend(self.kinds.iter().map(line));
        rows.push(row(["all".to_owned(), shown_time(self.seconds()), shown_time(all), String::new()]));
        Some(format!("\n{}", rows_as_text(&rows)))
    }
}

impl Kind {
    /// Where training needed fewer epochs than were allowed: how many, and what is estimated for so many.
    fn stopped(&self, spent: &Spent) -> String {
        let done = spent.epochs.get(&self.name).copied().unwrap_or_default();
        match self.seconds {
            Some(seconds) if done > 0 && done < self.epochs => {
                let of_these = shown_time(seconds * done as f64 / self.epochs as f64);
                format!("{done} of at most {}, estimated at {of_these}", counted(self.epochs, "epoch"))
            }
            _ => String::new(),
        }
    }
}

/// What is not done, by kind, in its order; what takes no time worth telling is left out.
fn kinds(graph: &Graph, plan: &Plan) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    let mut counts: Vec<usize> = Vec::new();
    for node in graph.nodes.iter().filter(|node| node.state != State::Done && node.estimate.is_some()) {
        let name = node.work.kind();
        let at = kinds.iter().position(|kind| kind.name == name).unwrap_or_else(|| {
            kinds.push(Kind { name, amount: String::new(), seconds: None, epochs: 0 });
            counts.push(0);
            kinds.len() - 1
        });
        counts[at] += 1;
        let kind = &mut kinds[at];
        kind.seconds = node.estimate.map(|cost| cost.seconds + kind.seconds.unwrap_or_default());
        if matches!(node.work, Work::Train(_)) {
            kind.epochs += node.state.left(plan.train.max_epochs);
        }
        kind.amount = match node.work {
            Work::Prepare(_) => counted(node.state.left(plan.data.cases), "case"),
            Work::Train(_) => {
                format!("{}, at most {}", counted(counts[at], "network"), counted(kind.epochs, "epoch"))
            }
            _ => counted(counts[at], "fold"),
        };
    }
    kinds
}

fn row<const N: usize>(cells: [String; N]) -> Vec<String> {
    cells.to_vec()
}

fn shown(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "–".to_owned(), shown_time)
}
