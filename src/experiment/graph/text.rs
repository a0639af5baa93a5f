//! A graph as text for a terminal: what all networks share, then one line a network, then what is next.

use std::fmt::Write as _;

use crate::experiment::graph::estimate::{Estimate, shown_bytes, shown_time};
use crate::experiment::graph::{Graph, Node, State, Work};
use crate::plan::schema::lookup::stage_of;
use crate::run::NetworkId;
use crate::store::rows::rows_as_text;
use crate::units::listed;

impl Graph {
    /// The graph for a terminal; with memory, disk and time where they were estimated.
    pub fn text(&self) -> String {
        let mut out = format!("{} → {}\n", self.experiment, self.folder.display());
        if !self.swept.is_empty() {
            let _ = writeln!(out, "variant of a sweep: {}", self.swept.join(", "));
        }
        out.push_str(&self.changed());
        let _ = write!(out, "\n{}\n{}", self.shared(), self.networks());
        let _ = write!(out, "\n{}", self.needs());
        if self.is_estimated() {
            let _ = write!(out, "\n{}\n", self.basis.join("\n"));
        }
        let next = match self.next() {
            Some(node) => format!("next: {}: {}", node.work, node.why()),
            None if self.is_done() => "everything is done".to_owned(),
            None => "nothing can be run: the data set is missing".to_owned(),
        };
        let _ = writeln!(out, "\n{next}");
        out
    }

    /// What differs from the plan and the files that the results are of.
    fn changed(&self) -> String {
        let mut out = String::new();
        if !self.changes.is_empty() {
            out.push_str(
                "\nthe plan is not the one that this folder's results are of; `run` refuses it under this name:\n",
            );
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

    /// Work that belongs to no network.
    fn shared(&self) -> String {
        let estimated = self.is_estimated();
        let own = self.nodes.iter().filter(|node| node.work.network().is_none() && node.work != Work::Select);
        let mut rows = vec![heads(&["", "state", ""], estimated)];
        rows.extend(own.map(|node| {
            let cells = vec![node.work.kind(), self.shown(node), node.note.clone()];
            with_costs(cells, node.estimate.as_slice(), estimated)
        }));
        rows_as_text(&rows)
    }

    /// One line for each network and each ensemble of one fold, and the choice.
    fn networks(&self) -> String {
        let estimated = self.is_estimated();
        let mut rows = vec![heads(&["network", "train", "predict", "evaluate"], estimated)];
        for node in &self.nodes {
            let (name, works) = match node.work {
                Work::Train(id) => {
                    (id.to_string(), [Some(node.work), Some(Work::Predict(id)), Some(Work::Evaluate(id))])
                }
                Work::HandOver(id) => (format!("{id}, for the second stage"), [None, Some(node.work), None]),
                Work::Ensemble(NetworkId { configuration, seed, fold }, second) => {
                    let name = format!("{configuration}+{second} fold {fold} seed {seed}");
                    (name, [None, Some(node.work), Some(node.work)])
                }
                Work::Select => ("choice of the best".to_owned(), [None, None, Some(node.work)]),
                Work::Data | Work::Measure | Work::Split | Work::Prepare(_) | Work::Predict(_) | Work::Evaluate(_) => {
                    continue;
                }
            };
            let found = works.map(|work| self.nodes.iter().find(|node| Some(node.work) == work));
            let states = found.map(|node| node.map_or_else(|| "–".to_owned(), |node| self.shown(node)));
            let mut costs: Vec<Estimate> = found.into_iter().flatten().filter_map(|node| node.estimate).collect();
            if matches!(node.work, Work::Ensemble(..)) {
                costs.truncate(1);
            }
            rows.push(with_costs(std::iter::once(name).chain(states).collect(), &costs, estimated));
        }
        if estimated {
            let all: Vec<Estimate> = self.nodes.iter().filter_map(|node| node.estimate).collect();
            rows.push(with_costs(["all", "", "", ""].map(str::to_owned).to_vec(), &all, true));
        }
        rows_as_text(&rows)
    }

    /// What each kind of work needs.
    fn needs(&self) -> String {
        let mut rows = vec![["work".to_owned(), "needs".to_owned()].to_vec()];
        let mut kinds: Vec<String> = Vec::new();
        for node in &self.nodes {
            let kind = node.work.kind();
            if kinds.contains(&kind) || node.needs.is_empty() {
                continue;
            }
            let mut needed: Vec<(String, usize)> = Vec::new();
            for &place in &node.needs {
                let kind = self.nodes[place].work.kind();
                match needed.iter_mut().find(|(known, _)| *known == kind) {
                    Some((_, count)) => *count += 1,
                    None => needed.push((kind, 1)),
                }
            }
            let of = |(kind, count): &(String, usize)| {
                if *count > 1 { format!("{kind} (all folds)") } else { kind.clone() }
            };
            rows.push(vec![kind.clone(), needed.iter().map(of).collect::<Vec<_>>().join(", ")]);
            kinds.push(kind);
        }
        rows_as_text(&rows)
    }

    fn shown(&self, node: &Node) -> String {
        match &node.state {
            State::Done => "done".to_owned(),
            State::Begun { done, of, unit } => format!("{done} of {of} {unit}"),
            State::Stale { .. } => "stale".to_owned(),
            State::Absent if self.is_ready(node) => "ready".to_owned(),
            State::Absent => "waits".to_owned(),
        }
    }

    fn is_estimated(&self) -> bool {
        self.nodes.iter().any(|node| node.estimate.is_some())
    }
}

fn heads(names: &[&str], estimated: bool) -> Vec<String> {
    let costs = ["memory", "disk", "time"].into_iter().filter(|_| estimated);
    names.iter().copied().chain(costs).map(str::to_owned).collect()
}

/// Cells of a line, with the costs of its work: memory is needed at once, disk and time add up.
fn with_costs(mut cells: Vec<String>, costs: &[Estimate], estimated: bool) -> Vec<String> {
    if estimated {
        let all = costs.iter().copied().reduce(Estimate::and);
        cells.extend(match all {
            Some(all) => [shown_bytes(all.memory_bytes), shown_bytes(all.disk_bytes), shown_time(all.seconds)],
            None => ["–", "–", "–"].map(str::to_owned),
        });
    }
    cells
}
