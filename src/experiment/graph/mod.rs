//! What depends on what in an experiment, what of it is done, what is stale and why, and what is next.
//!
//! Input: a plan and its run folder, which is only read. Output: a [`Graph`], whose pieces of work stand in the order in which
//! `run` does them. Deliberately absent: doing any of it.

pub mod estimate;
mod grids;
mod inspect;
mod text;
mod work;

use std::path::PathBuf;

use serde_json::{Value, json};

pub use self::work::{Work, stage_before};

use self::work::{needs, work};
use crate::experiment::graph::estimate::Estimate;
use crate::experiment::graph::inspect::Inspection;
use crate::experiment::{ExperimentError, Options, networks};
use crate::plan::compare::Change;
use crate::plan::read::LoadedPlan;
use crate::run::Listener;

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
    pub fn read(loaded: &LoadedPlan, options: &Options, events: &dyn Listener) -> Result<Self, ExperimentError> {
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
