//! A difference of plans as text for a terminal, and as Markdown for a review.

use std::fmt::Write as _;

use crate::plan::compare::diff::{Consequence, Cost, PlanDiff};
use crate::plan::schema::Stage;
use crate::units::MIB;

impl PlanDiff {
    /// Lines for a terminal. `names` are the names of the two plans.
    pub fn text(&self, names: [&str; 2]) -> String {
        if self.is_empty() {
            return format!("{} and {} have the same values\n", names[0], names[1]);
        }
        let mut out = format!("{} → {}\n", names[0], names[1]);
        for (stage, changes) in &self.stages {
            let _ = write!(out, "\n{stage}\n");
            for change in changes {
                let _ = writeln!(
                    out,
                    "  {:40}  {} → {}",
                    change.key,
                    shown(change.from.as_deref()),
                    shown(change.to.as_deref())
                );
            }
        }
        for consequence in &self.consequences {
            let _ = write!(out, "\n{}: {}\n", consequence.configuration, consequence.words(self.renamed));
            for (what, [before, after]) in consequence.costs() {
                let _ = writeln!(out, "  {what:40}  {before} → {after}");
            }
        }
        out
    }

    /// The same as Markdown: a table of keys, and a list of consequences.
    pub fn markdown(&self, names: [&str; 2]) -> String {
        if self.is_empty() {
            return format!("`{}` and `{}` have the same values.\n", names[0], names[1]);
        }
        let mut out = format!("| stage | key | `{}` | `{}` |\n|---|---|---|---|\n", names[0], names[1]);
        for (stage, changes) in &self.stages {
            for change in changes {
                let (from, to) = (shown(change.from.as_deref()), shown(change.to.as_deref()));
                let _ = writeln!(out, "| {stage} | `{}` | `{from}` | `{to}` |", change.key);
            }
        }
        out.push('\n');
        for consequence in &self.consequences {
            let _ = writeln!(out, "* **{}**: {}", consequence.configuration, consequence.words(self.renamed));
            for (what, [before, after]) in consequence.costs() {
                let _ = writeln!(out, "  * {what}: {before} → {after}");
            }
        }
        out
    }
}

fn shown(value: Option<&str>) -> &str {
    value.unwrap_or("(absent)")
}

impl Consequence {
    fn words(&self, renamed: bool) -> &'static str {
        match (self.before, self.after, self.from) {
            (None, _, _) => "new: preprocess, train, predict",
            (_, None, _) => "no longer planned; existing results stay",
            (_, _, Some(Stage::Preprocess)) => "preprocess, train and predict again",
            // Preprocessed cases are shared by all experiments; weights belong to the experiment of their name.
            _ if renamed => "another name is another run: train and predict; the preprocessed cases are shared",
            (_, _, Some(Stage::Train)) => "train and predict again; the preprocessed cases stay valid",
            (_, _, Some(Stage::Predict)) => "predict again; the weights stay valid",
            (_, _, Some(Stage::Evaluate)) => "score again; the predictions stay valid",
            (_, _, Some(Stage::Nothing) | None) => "all results stay valid",
        }
    }

    /// The costs that differ, before and after.
    fn costs(&self) -> Vec<(&'static str, [String; 2])> {
        let (Some(before), Some(after)) = (self.before, self.after) else { return Vec::new() };
        let both = |show: &dyn Fn(&Cost) -> String| [show(&before), show(&after)];
        let rows = [
            ("parameters", both(&|cost| grouped(cost.parameters))),
            ("voxels per training step", both(&|cost| grouped(cost.step_voxels))),
            ("receptive field, voxels [z, y, x]", both(&|cost| format!("{:?}", cost.receptive_field))),
            ("estimated training memory, MiB", both(&|cost| format!("{:.0}", cost.training_bytes as f64 / MIB as f64))),
        ];
        rows.into_iter().filter(|(_, [before, after])| before != after).collect()
    }
}

/// A number with its thousands separated.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let parts: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    parts.into_iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
}
