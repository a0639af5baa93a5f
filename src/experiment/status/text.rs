//! The status as text for a terminal: shared work, one line per network, and the next command.

use std::fmt::Write as _;

use crate::experiment::estimate::Estimate;
use crate::experiment::state::State;
use crate::experiment::status::read::{Entry, Status};
use crate::experiment::work::{Members, Work};
use crate::plan::schema::lookup::stage_of;
use crate::store::rows::rows_as_text;
use crate::units::{format_bytes, format_seconds, listed, shell_word};

/// A cell without a value.
const NOTHING: &str = "–";

impl Status {
    /// The status, with memory, disk space and time if they were estimated.
    pub fn text(&self) -> String {
        let mut out = format!("{} → {}\n", self.name, self.folder.display());
        if !self.swept.is_empty() {
            let _ = writeln!(out, "variant of a sweep: {}", self.swept.join(", "));
        }
        out.push_str(&self.changes_text());
        let _ = write!(out, "\n{}\n{}", self.shared_work(), self.networks());
        if self.is_estimated() {
            let _ = write!(out, "\n{}\n", self.basis.join("\n"));
        }
        let _ = writeln!(out, "\n{}", self.next_text());
        out
    }

    /// The dependencies of each kind of work.
    pub fn graph_text(&self) -> String {
        let mut rows = vec![vec!["work".to_owned(), "needs".to_owned()]];
        let mut kinds: Vec<String> = Vec::new();
        for Entry { piece, .. } in self.entries.iter().filter(|entry| !entry.piece.needs.is_empty()) {
            let kind = piece.work.kind();
            if !kinds.contains(&kind) {
                rows.push(vec![kind.clone(), needs_text(&piece.needs)]);
                kinds.push(kind);
            }
        }
        rows_as_text(&rows)
    }

    /// One line: how much is done, and the next step.
    pub fn summary(&self) -> String {
        let done = self.entries.iter().filter(|entry| entry.state == State::Done).count();
        let next = self.next().map_or_else(|| "done".to_owned(), |entry| format!("next: {}", entry.piece.work));
        format!("{done} of {} steps done; {next}", self.entries.len())
    }

    /// Differences from the plan and data of the results.
    fn changes_text(&self) -> String {
        let mut out = String::new();
        if !self.changes.is_empty() {
            out.push_str("\nthe plan has changed since these results; `run` will not overwrite them:\n");
            for change in &self.changes {
                let _ = writeln!(out, "  {change}   ({})", stage_of(&change.key));
            }
        }
        if !self.changed_files.is_empty() {
            let names = listed(&self.changed_files);
            let _ = writeln!(out, "\nfiles of the data set have changed since the last run: {names}");
        }
        out
    }

    fn next_text(&self) -> String {
        match self.next() {
            None => "everything is done".to_owned(),
            Some(entry) if entry.piece.work == Work::Data && !self.generates_data => {
                format!("the data set is missing: {}", entry.note)
            }
            Some(entry) => {
                let file = self.file.as_ref().map_or_else(|| "PLAN".to_owned(), |file| file.display().to_string());
                let mut command = format!("segplan run {}", shell_word(&file));
                if !self.swept.is_empty() {
                    let _ = write!(command, " --variant {}", shell_word(&self.name));
                }
                format!("next: {command} (first step: {}; {})", entry.piece.work, entry.why())
            }
        }
    }

    /// Work that belongs to no network.
    fn shared_work(&self) -> String {
        let is_shared = |entry: &&Entry| {
            entry.piece.work.network().is_none() && !matches!(entry.piece.work, Work::Postprocess(_) | Work::Select)
        };
        let mut rows = vec![self.head(&["", "state", ""])];
        rows.extend(self.entries.iter().filter(is_shared).map(|entry| {
            let cells = vec![entry.piece.work.kind(), self.state_text(entry), entry.note.clone()];
            self.with_costs(cells, entry.estimate.as_slice())
        }));
        rows_as_text(&rows)
    }

    /// One line per network and per fold of an ensemble, and the decisions about all of them.
    fn networks(&self) -> String {
        let mut rows = vec![self.head(&["network", "train", "predict", "evaluate"])];
        for entry in &self.entries {
            let work = entry.piece.work;
            let (name, columns) = match work {
                Work::Train(id) => (id.to_string(), [Some(work), Some(Work::Predict(id)), Some(Work::Evaluate(id))]),
                Work::PredictForCascade(id) => (format!("{id}, for the cascade"), [None, Some(work), None]),
                Work::Ensemble(id, second) => {
                    let members = Members { first: id.configuration, second: Some(second) };
                    (format!("{members} fold {} seed {}", id.fold, id.seed), [None, Some(work), Some(work)])
                }
                Work::Postprocess(_) | Work::Select => (work.to_string(), [None, None, Some(work)]),
                Work::Data
                | Work::Fingerprint
                | Work::Split
                | Work::Preprocess(_)
                | Work::Predict(_)
                | Work::Evaluate(_) => continue,
            };
            let found = columns.map(|work| work.and_then(|work| self.entry(work)));
            let states = found.map(|entry| entry.map_or_else(|| NOTHING.to_owned(), |entry| self.state_text(entry)));
            let mut costs: Vec<Estimate> = found.into_iter().flatten().filter_map(|entry| entry.estimate).collect();
            if matches!(work, Work::Ensemble(..)) {
                costs.truncate(1);
            }
            rows.push(self.with_costs(std::iter::once(name).chain(states).collect(), &costs));
        }
        if self.is_estimated() {
            let all: Vec<Estimate> = self.entries.iter().filter_map(|entry| entry.estimate).collect();
            rows.push(self.with_costs(["total", "", "", ""].map(str::to_owned).to_vec(), &all));
        }
        rows_as_text(&rows)
    }

    fn state_text(&self, entry: &Entry) -> String {
        match &entry.state {
            State::Done => "done".to_owned(),
            State::Partial { done, of, unit } => format!("{done} of {of} {unit}"),
            State::Stale { .. } => "stale".to_owned(),
            State::Shared { .. } => "shared".to_owned(),
            State::Missing if self.is_ready(entry) => "ready".to_owned(),
            State::Missing => "blocked".to_owned(),
        }
    }

    fn is_estimated(&self) -> bool {
        self.entries.iter().any(|entry| entry.estimate.is_some())
    }

    fn head(&self, names: &[&str]) -> Vec<String> {
        let costs = ["memory", "disk", "time"].into_iter().filter(|_| self.is_estimated());
        names.iter().copied().chain(costs).map(str::to_owned).collect()
    }

    /// The cells of a line and the costs of its work.
    fn with_costs(&self, mut cells: Vec<String>, costs: &[Estimate]) -> Vec<String> {
        if self.is_estimated() {
            let total = costs.iter().copied().reduce(Estimate::and);
            cells.extend(match total {
                Some(total) => {
                    [format_bytes(total.memory_bytes), format_bytes(total.disk_bytes), format_seconds(total.seconds)]
                }
                None => [NOTHING; 3].map(str::to_owned),
            });
        }
        cells
    }
}

/// Needed work by kind.
fn needs_text(needs: &[Work]) -> String {
    let mut kinds: Vec<(String, usize)> = Vec::new();
    for work in needs {
        let kind = work.kind();
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind, 1)),
        }
    }
    let text = |(kind, count): &(String, usize)| if *count > 1 { format!("{kind} (all folds)") } else { kind.clone() };
    kinds.iter().map(text).collect::<Vec<_>>().join(", ")
}
