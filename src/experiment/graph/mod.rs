//! What depends on what in an experiment, what of it is done, what is stale and why, and what is next.
//!
//! Input: a plan and its run folder, which is only read. Output: a [`Graph`], whose pieces of work stand in the order in which
//! `run` does them. Deliberately absent: doing any of it.

pub mod estimate;
mod inspect;
mod text;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::experiment::events::{Events, NetworkId};
use crate::experiment::graph::estimate::Estimate;
use crate::experiment::graph::inspect::Inspection;
use crate::experiment::{ExperimentError, Options, Stage, ensemble, networks};
use crate::plan::digest::Change;
use crate::plan::load::LoadedPlan;
use crate::plan::schema::{ConfigurationName, Plan};

/// One piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The data set's files are there.
    Data,
    /// The data set is measured.
    Measure,
    /// The cases are split into folds.
    Split,
    /// The cases are prepared for a configuration.
    Prepare(ConfigurationName),
    /// A network is trained.
    Train(NetworkId),
    /// Its held-out cases are predicted.
    Predict(NetworkId),
    /// The predictions are scored.
    Evaluate(NetworkId),
    /// Its held-out cases are predicted for the cascade's second stage, which is trained on what all folds say.
    HandOver(NetworkId),
    /// The held-out cases of a fold are predicted and scored by two configurations together: this network's and another.
    Ensemble(NetworkId, ConfigurationName),
    /// The best configuration, or pair of them, is chosen.
    Select,
}

/// How far a piece of work is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Its result is there, and of this plan and these files.
    Done,
    /// So many of so many parts of it are.
    Begun {
        /// Parts that are done.
        done: usize,
        /// Parts in all.
        of: usize,
        /// What the parts are.
        unit: &'static str,
    },
    /// Its result is there, but of another plan or other files.
    Stale {
        /// What differs.
        because: Vec<String>,
    },
    /// There is nothing of it.
    Absent,
}

/// A piece of work among those of an experiment.
#[derive(Clone, Debug)]
pub struct Node {
    /// What is done.
    pub work: Work,
    /// Places of what has to be done before it.
    pub needs: Vec<usize>,
    /// How far it is.
    pub state: State,
    /// More about it, for a person.
    pub note: String,
    /// What it will cost; none of what is done, or where that was not asked for.
    pub estimate: Option<Estimate>,
}

/// All work of an experiment.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Name of the experiment.
    pub experiment: String,
    /// Its run folder.
    pub folder: PathBuf,
    /// What a variant of a sweep sets.
    pub swept: Vec<String>,
    /// Keys that decide on results, and differ from the plan that the folder's results are of.
    pub changes: Vec<Change>,
    /// Files of the data set that have changed since the last run.
    pub changed_files: Vec<String>,
    /// The work, in its order: whatever a piece needs stands before it.
    pub nodes: Vec<Node>,
    /// How the estimates were made.
    pub basis: Vec<String>,
}

impl Graph {
    /// The work of a plan, as far as `options` ask for it, with what its run folder says of it.
    ///
    /// # Errors
    ///
    /// When the plan has no such configuration or fold, the data set is not the plan's, or a file of the run is damaged.
    pub fn read(loaded: &LoadedPlan, options: &Options, events: &dyn Events) -> Result<Self, ExperimentError> {
        let networks = networks(&loaded.plan, options)?;
        let inspection = Inspection::of(loaded, events)?;
        let mut graph = Self {
            experiment: loaded.plan.name.clone(),
            folder: inspection.folder.root.clone(),
            swept: loaded.swept.clone(),
            changes: inspection.changes.clone(),
            changed_files: inspection.changed_files.clone(),
            nodes: Vec::new(),
            basis: Vec::new(),
        };
        let wanted = |work: &Work| work.stage() <= options.until;
        for work in work(&loaded.plan, &networks).into_iter().filter(wanted) {
            let needs = graph.places(|other| needs(work, other));
            let (state, note) = inspection.state(work)?;
            graph.nodes.push(Node { work, needs, state, note, estimate: None });
        }
        Ok(graph)
    }

    fn places(&self, wanted: impl Fn(Work) -> bool) -> Vec<usize> {
        (0..self.nodes.len()).filter(|&place| wanted(self.nodes[place].work)).collect()
    }

    /// Whether a piece of work is not done, and all that it needs is.
    pub fn is_ready(&self, node: &Node) -> bool {
        node.state != State::Done && node.needs.iter().all(|&place| self.nodes[place].state == State::Done)
    }

    /// What `run` does next; none where everything is done.
    pub fn next(&self) -> Option<&Node> {
        self.nodes.iter().find(|node| self.is_ready(node))
    }

    /// Whether everything is done.
    pub fn is_done(&self) -> bool {
        self.nodes.iter().all(|node| node.state == State::Done)
    }

    /// The graph for a program.
    pub fn json(&self) -> Value {
        let id = |place: &usize| self.nodes[*place].work.id();
        let node = |node: &Node| {
            let (done, of, unit) = match node.state {
                State::Begun { done, of, unit } => (Some(done), Some(of), Some(unit)),
                State::Done | State::Stale { .. } | State::Absent => (None, None, None),
            };
            json!({
                "id": node.work.id(),
                "needs": node.needs.iter().map(id).collect::<Vec<_>>(),
                "state": node.state.name(),
                "done": done, "of": of, "unit": unit,
                "because": node.state.reasons(),
                "note": node.note,
                "ready": self.is_ready(node),
                "estimate": node.estimate,
            })
        };
        json!({
            "experiment": self.experiment,
            "folder": self.folder,
            "swept": self.swept,
            "changed_keys": self.changes,
            "changed_files": self.changed_files,
            "nodes": self.nodes.iter().map(node).collect::<Vec<_>>(),
            "next": self.next().map(|node| json!({ "id": node.work.id(), "why": node.why() })),
            "estimates": self.basis,
        })
    }
}

/// All work of some networks, in the order in which it is done.
fn work(plan: &Plan, networks: &[NetworkId]) -> Vec<Work> {
    let mut work = vec![Work::Data, Work::Measure];
    let mut names: Vec<ConfigurationName> = networks.iter().map(|id| id.configuration).collect();
    let prepared = names.iter().copied().chain(names.iter().filter_map(|&name| stage_before(name)));
    let prepared: BTreeSet<ConfigurationName> = prepared.collect();
    names.sort_unstable();
    names.dedup();
    work.extend(prepared.into_iter().map(Work::Prepare));
    work.push(Work::Split);
    for &id in networks {
        let first = stage_before(id.configuration);
        let folds = (0..plan.split.folds).filter_map(|fold| Some(NetworkId { configuration: first?, fold, ..id }));
        let folds: Vec<NetworkId> = folds.collect();
        let own = [Work::Train(id), Work::Predict(id), Work::Evaluate(id)];
        let needed = folds.iter().map(|&id| Work::Train(id)).chain(folds.iter().map(|&id| Work::HandOver(id)));
        for one in needed.chain(own) {
            if !work.contains(&one) {
                work.push(one);
            }
        }
    }
    // As `ensemble::choose`: there is something to choose from where two configurations have all their folds.
    let of_name = |name| networks.iter().filter(move |id| id.configuration == name);
    let all = plan.split.folds * plan.run.seeds.len();
    let complete: Vec<ConfigurationName> = names.into_iter().filter(|&name| of_name(name).count() == all).collect();
    for (first, second) in ensemble::pairs(&complete) {
        work.extend(of_name(first).map(|&id| Work::Ensemble(id, second)));
    }
    if complete.len() > 1 {
        work.push(Work::Select);
    }
    work
}

/// Whether a piece of work needs another one.
fn needs(work: Work, other: Work) -> bool {
    match (work, other) {
        (Work::Measure | Work::Split | Work::Prepare(_), Work::Data)
        | (Work::Train(_), Work::Split)
        | (Work::Select, Work::Evaluate(_) | Work::Ensemble(..)) => true,
        (Work::Train(id), Work::Prepare(name)) => name == id.configuration,
        // The second stage of the cascade is trained on what all networks of the first say of their held-out cases.
        (Work::Train(id), Work::HandOver(other)) => {
            Some(other.configuration) == stage_before(id.configuration) && other.seed == id.seed
        }
        // They are handed over on the grid of the second stage.
        (Work::HandOver(id), Work::Prepare(name)) => stage_before(name) == Some(id.configuration),
        (Work::Predict(id) | Work::HandOver(id), Work::Train(other)) | (Work::Evaluate(id), Work::Predict(other)) => {
            id == other
        }
        (Work::Ensemble(id, second), Work::Train(other)) => {
            other == id || other == NetworkId { configuration: second, ..id }
        }
        (Work::Ensemble(id, second), Work::Evaluate(other)) => {
            other.configuration == id.configuration || other.configuration == second
        }
        _ => false,
    }
}

/// The configuration whose predictions of all folds another one is trained on.
pub fn stage_before(of: ConfigurationName) -> Option<ConfigurationName> {
    match of {
        ConfigurationName::Cascade => Some(ConfigurationName::LowRes),
        ConfigurationName::TwoD | ConfigurationName::FullRes | ConfigurationName::LowRes => None,
    }
}

impl Work {
    /// The verb, and what it is done to as far as all folds and seeds share it: `train 3d_fullres`.
    pub fn kind(self) -> String {
        match self {
            Self::Data => "data".to_owned(),
            Self::Measure => "measure".to_owned(),
            Self::Split => "split".to_owned(),
            Self::Prepare(name) => format!("prepare {name}"),
            Self::Train(id) => format!("train {}", id.configuration),
            Self::Predict(id) => format!("predict {}", id.configuration),
            Self::Evaluate(id) => format!("evaluate {}", id.configuration),
            Self::HandOver(id) => format!("hand over {}", id.configuration),
            Self::Ensemble(id, second) => format!("ensemble {}+{second}", id.configuration),
            Self::Select => "select".to_owned(),
        }
    }

    /// The stage of a run that does it.
    pub fn stage(self) -> Stage {
        match self {
            Self::Data | Self::Measure | Self::Split => Stage::Fingerprint,
            Self::Prepare(_) => Stage::Preprocess,
            Self::Train(_) | Self::HandOver(_) => Stage::Train,
            Self::Predict(_) => Stage::Predict,
            Self::Evaluate(_) | Self::Ensemble(..) | Self::Select => Stage::Evaluate,
        }
    }

    /// The network that it is of, or whose fold and seed it is of.
    pub fn network(self) -> Option<NetworkId> {
        match self {
            Self::Data | Self::Measure | Self::Split | Self::Prepare(_) | Self::Select => None,
            Self::Train(id) | Self::Predict(id) | Self::Evaluate(id) | Self::HandOver(id) | Self::Ensemble(id, _) => {
                Some(id)
            }
        }
    }

    /// A name for programs: `train/3d_fullres/seed_12345/fold_0`.
    pub fn id(self) -> String {
        let kind = self.kind().replace("hand over", "hand_over").replace(' ', "/");
        self.network().map_or_else(|| kind.clone(), |id| format!("{kind}/seed_{}/fold_{}", id.seed, id.fold))
    }
}

impl fmt::Display for Work {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.kind())?;
        self.network().map_or(Ok(()), |id| write!(out, " fold {} seed {}", id.fold, id.seed))
    }
}

impl State {
    /// The state's name, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Begun { .. } => "begun",
            Self::Stale { .. } => "stale",
            Self::Absent => "absent",
        }
    }

    /// Parts that are not done, of so many where none is.
    pub fn left(&self, all: usize) -> usize {
        match self {
            Self::Begun { done, of, .. } => of.saturating_sub(*done),
            Self::Done => 0,
            Self::Stale { .. } | Self::Absent => all,
        }
    }

    /// What makes it stale.
    pub fn reasons(&self) -> &[String] {
        match self {
            Self::Stale { because } => because,
            Self::Done | Self::Begun { .. } | Self::Absent => &[],
        }
    }
}

impl Node {
    /// Why it is to be done.
    pub fn why(&self) -> String {
        match &self.state {
            State::Done => "it is done".to_owned(),
            State::Begun { done, of, unit } => format!("{done} of {of} {unit} are done; it goes on from there"),
            State::Stale { because } => format!("what is there is stale: {}", because.join("; ")),
            State::Absent if self.work == Work::Data => self.note.clone(),
            State::Absent => "there is nothing of it yet, and all that it needs is done".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
