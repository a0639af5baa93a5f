//! The status of a plan, read from its run folder, and its JSON form.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::dataset::Dataset;
use crate::dataset::contents::Contents;
use crate::experiment::error::ExperimentError;
use crate::experiment::estimate::{Estimate, disk_bytes, estimate_work};
use crate::experiment::inspect::Inspection;
use crate::experiment::options::Options;
use crate::experiment::other_plan::changed_results;
use crate::experiment::splits;
use crate::experiment::state::State;
use crate::experiment::work::{Piece, Work, list_work};
use crate::plan::compare::Change;
use crate::plan::read::LoadedPlan;
use crate::plan::schema::Generator;
use crate::run::Listener;
use crate::run::contents::{KeepDigests, hash_contents, saved_contents};
use crate::run::dataset::find_existing_dataset;
use crate::run::folder::RunFolder;

/// A piece of work and how far it is.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The work, with what it needs.
    pub piece: Piece,
    /// How far it is.
    pub state: State,
    /// More about it, for the terminal.
    pub note: String,
    /// Cost of the remaining part; `None` if it is done or was not estimated.
    pub estimate: Option<Estimate>,
    /// Where it leaves its result, if other plans share it.
    shared_result: Option<PathBuf>,
}

/// The work of a plan.
#[derive(Clone, Debug)]
pub struct Status {
    /// Name of the plan.
    pub name: String,
    /// Its run folder.
    pub folder: PathBuf,
    /// Its file.
    pub file: Option<PathBuf>,
    /// Whether `run` generates the data set if it is missing.
    pub generates_data: bool,
    /// Values that the variant of a sweep sets.
    pub swept: Vec<String>,
    /// Keys that decide results and differ from the plan of the results in the run folder.
    pub changes: Vec<Change>,
    /// Files of the data set that changed since the last run.
    pub changed_files: Vec<String>,
    /// The work, in order.
    pub entries: Vec<Entry>,
    /// Basis of the estimates.
    pub basis: Vec<String>,
}

impl Status {
    /// The work of a plan that `options` select.
    ///
    /// # Errors
    ///
    /// If the plan has no such configuration or fold, or the data set does not match the plan.
    pub fn read(loaded: &LoadedPlan, options: &Options, listener: &dyn Listener) -> Result<Self, ExperimentError> {
        let dataset = find_existing_dataset(loaded)?;
        let contents = match &dataset {
            Some(dataset) => hash_contents(&loaded.plan.runtime.runs, dataset, listener, KeepDigests::No)?,
            None => Contents::default(),
        };
        Self::of(loaded, options, dataset, contents)
    }

    /// The work of several plans that run one after the other, such as the variants of a sweep. Work that an earlier plan does, too,
    /// is [`State::Shared`].
    ///
    /// # Errors
    ///
    /// As [`Status::read`].
    pub fn read_all(
        plans: &[&LoadedPlan],
        options: &Options,
        listener: &dyn Listener,
    ) -> Result<Vec<Self>, ExperimentError> {
        let mut all: Vec<Self> = Vec::new();
        let mut produced: BTreeMap<PathBuf, String> = BTreeMap::new();
        for loaded in plans {
            let mut status = Self::read(loaded, options, listener)?;
            for entry in status.entries.iter_mut().filter(|entry| entry.state.is_open()) {
                let Some(result) = entry.shared_result.clone() else { continue };
                match produced.get(&result) {
                    Some(with) => entry.state = State::Shared { with: with.clone() },
                    None => _ = produced.insert(result, loaded.plan.name.clone()),
                }
            }
            all.push(status);
        }
        Ok(all)
    }

    /// The work of a plan if the files of its data set are unchanged since the last run: nothing is hashed.
    pub(in crate::experiment) fn before_hashing(
        loaded: &LoadedPlan,
        options: &Options,
        dataset: &Dataset,
    ) -> Result<Self, ExperimentError> {
        let folder = RunFolder::new(&loaded.plan.runtime.runs, &loaded.plan.name);
        let contents = saved_contents(&folder)?.unwrap_or_default();
        Self::of(loaded, options, Some(dataset.clone()), contents)
    }

    fn of(
        loaded: &LoadedPlan,
        options: &Options,
        dataset: Option<Dataset>,
        contents: Contents,
    ) -> Result<Self, ExperimentError> {
        let plan = &loaded.plan;
        let folder = RunFolder::new(&plan.runtime.runs, &plan.name);
        let changed_files = match saved_contents(&folder)? {
            Some(before) if dataset.is_some() => contents.changed_since(&before),
            _ => Vec::new(),
        };
        let cases: Vec<_> = dataset.iter().flat_map(|dataset| &dataset.training).map(|case| case.id.clone()).collect();
        let inspection = Inspection {
            plan,
            splits: splits::read_fitting(&folder.splits(), &cases, &plan.split).map_err(|error| error.to_string()),
            changes: changed_results(&folder, loaded)?,
            changed_files,
            dataset,
            data: contents.digest(),
            contents,
            folder,
            reads_predictions: false,
        };
        Self::inspected(loaded, options, &inspection)
    }

    /// The work of a plan as an inspection judges it.
    pub(in crate::experiment) fn inspected(
        loaded: &LoadedPlan,
        options: &Options,
        inspection: &Inspection<'_>,
    ) -> Result<Self, ExperimentError> {
        let requested = options.networks(&loaded.plan)?;
        let pieces = list_work(&loaded.plan, &requested, options.until, &|work| inspection.is_scored(work));
        let entry = |piece: Piece| Entry {
            state: inspection.state(&piece),
            note: inspection.note(piece.work),
            estimate: None,
            shared_result: inspection.shared_result(piece.work),
            piece,
        };
        Ok(Self {
            name: loaded.plan.name.clone(),
            folder: inspection.folder.root.clone(),
            file: loaded.file().map(PathBuf::from),
            generates_data: loaded.plan.data.generator == Generator::Phantom,
            swept: loaded.swept.clone(),
            changes: inspection.changes.clone(),
            changed_files: inspection.changed_files.clone(),
            entries: pieces.into_iter().map(entry).collect(),
            basis: Vec::new(),
        })
    }

    /// Estimates the work that is not done.
    ///
    /// # Errors
    ///
    /// If the device cannot be used.
    pub fn estimate(&mut self, loaded: &LoadedPlan, listener: &dyn Listener) -> Result<(), ExperimentError> {
        let estimates = estimate_work(loaded, &self.run_folder(), &self.states(), listener)?;
        self.basis = estimates.basis;
        for (entry, cost) in self.entries.iter_mut().zip(estimates.costs) {
            entry.estimate = cost;
        }
        Ok(())
    }

    /// Disk space that the remaining work fills, bytes.
    pub(in crate::experiment) fn disk_bytes(&self, loaded: &LoadedPlan) -> u64 {
        disk_bytes(loaded, &self.run_folder(), &self.states())
    }

    fn run_folder(&self) -> RunFolder {
        RunFolder { root: self.folder.clone() }
    }

    fn states(&self) -> Vec<(Work, &State)> {
        self.entries.iter().map(|entry| (entry.piece.work, &entry.state)).collect()
    }

    /// The entry of a piece of work, if it is listed.
    pub(super) fn entry(&self, work: Work) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.piece.work == work)
    }

    /// Whether a piece of work is not done, and everything that it needs is.
    pub fn is_ready(&self, entry: &Entry) -> bool {
        let is_done = |work: &Work| self.entry(*work).is_none_or(|needed| needed.state == State::Done);
        entry.state.is_open() && entry.piece.needs.iter().all(is_done)
    }

    /// The piece of work that `run` does next; `None` if everything is done.
    pub fn next(&self) -> Option<&Entry> {
        self.entries.iter().find(|entry| self.is_ready(entry))
    }

    /// Whether everything is done.
    pub fn is_done(&self) -> bool {
        self.entries.iter().all(|entry| entry.state == State::Done)
    }

    /// The work for a program.
    pub fn json(&self) -> Value {
        let entry = |entry: &Entry| {
            let (done, of, unit) = match entry.state {
                State::Partial { done, of, unit } => (Some(done), Some(of), Some(unit)),
                State::Done | State::Stale { .. } | State::Shared { .. } | State::Missing => (None, None, None),
            };
            json!({
                "id": entry.piece.work.id(),
                "name": entry.piece.work.to_string(),
                "needs": entry.piece.needs.iter().map(|work| work.id()).collect::<Vec<_>>(),
                "state": entry.state.name(),
                "done": done, "of": of, "unit": unit,
                "because": entry.state.reasons(),
                "note": entry.note,
                "ready": self.is_ready(entry),
                "estimate": entry.estimate,
            })
        };
        json!({
            "run": self.name,
            "folder": self.folder,
            "swept": self.swept,
            "changed_keys": self.changes,
            "changed_files": self.changed_files,
            "work": self.entries.iter().map(entry).collect::<Vec<_>>(),
            "next": self.next().map(|entry| json!({ "id": entry.piece.work.id(), "why": entry.why() })),
            "estimates": self.basis,
        })
    }
}

impl Entry {
    /// Why it is to be done.
    pub fn why(&self) -> String {
        match &self.state {
            State::Done => "it is done".to_owned(),
            State::Partial { done, of, unit } => format!("{done} of {of} {unit} done; it resumes from there"),
            State::Stale { because } => format!("stale: {}", because.join("; ")),
            State::Missing if self.piece.work == Work::Data => self.note.clone(),
            State::Shared { with } => format!("done by `{with}`"),
            State::Missing => "not started".to_owned(),
        }
    }
}
