//! A plan file planned anew: what the rules decided follows the data and the rules, what a person decided stays.
//!
//! A value is the planner's where the rules give it for the measurements that the file itself holds, by the file's rules or
//! by the defaults'. Every other one is a person's. A comment is the planner's where it is its reason, word for word.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use toml::{Table, Value};

use crate::dataset::Dataset;
use crate::fingerprint::Fingerprint;
use crate::plan::edit::EditError;
use crate::plan::fault::PlanError;
use crate::plan::layer::{Layer, join};
use crate::plan::lines::{line_end, with_ends};
use crate::plan::load::{self, LoadedPlan, load_from};
use crate::plan::make::{Planned, assemble, default_rules, make, normalization};
use crate::plan::rules::Measured;
use crate::plan::schema::{Plan, Rules};
use crate::plan::write::{comment, default_comments};

/// What the planner decides on; all else is a person's or the defaults'.
const PLANNED: [&str; 7] = [
    "data",
    "configurations",
    "run.configurations",
    "run.folds",
    "split.folds",
    "preprocess.normalization_scheme",
    "preprocess.normalize_in_mask",
];
/// What is measured, and so no decision of anybody.
const MEASURED: [&str; 2] = ["data", "preprocess.intensities"];
/// What a person says of a data set.
const SAID: [&str; 4] = ["data.dataset", "data.generator", "data.labels", "data.exclude"];

/// A proposal.
#[derive(Debug)]
pub struct Update {
    /// The file with what would be planned now.
    pub text: String,
    /// In words: what stays though the rules would have it otherwise, and what has to be done by hand.
    pub kept: Vec<String>,
    /// Why the proposal cannot be run, where what a person decided does not fit what is planned now.
    pub fault: Option<PlanError>,
}

/// Plans a file anew. `loaded` is the plan that `path` is now, without environment and command line.
///
/// # Errors
///
/// When the file is not TOML.
pub fn update(
    path: &Path,
    loaded: &LoadedPlan,
    dataset: &Dataset,
    fingerprint: &Fingerprint,
) -> Result<Update, EditError> {
    let layer = load::file(path, loaded.input.clone())?;
    let plan = &loaded.plan;
    let now = make(&plan.name, dataset, &plan.data.exclude, fingerprint, &plan.rules);
    let before = [planned_before(plan, &plan.rules), planned_before(plan, &default_rules())];
    let (edits, kept) = (Vec::new(), Vec::new());
    let mut proposal =
        Proposal { layer: &layer, before: &before, now: &now, defaults: default_comments(), edits, kept };
    proposal.header();
    let [values, wanted] = [flat(plan), flat(&now.plan)];
    let earlier = before.each_ref().map(|planned| flat(&planned.plan));
    for (key, value) in &wanted {
        let planned =
            PLANNED.iter().chain(&MEASURED).any(|of| within(key, of)) && !SAID.iter().any(|of| within(key, of));
        if let Some(current) = values.get(key).filter(|_| planned) {
            let measured = MEASURED.iter().any(|of| within(key, of));
            let own = !measured && earlier.iter().all(|earlier| earlier.get(key) != Some(current));
            proposal.key(key, current, value, own);
        }
    }
    proposal.labels(plan);
    proposal.configurations(plan);
    let Proposal { edits, kept, .. } = proposal;
    let text = applied(&layer.text, edits);
    let fault = load_from(path, &|file| if file == path { Ok(text.clone()) } else { load::read(file) }).err();
    Ok(Update { text, kept, fault })
}

/// What was planned of the measurements that a plan holds.
fn planned_before(plan: &Plan, rules: &Rules) -> Planned {
    let data = plan.data.clone();
    let measured = Measured { cases: data.cases, spacing: data.median_spacing_mm, median: data.median_shape };
    let schemes = data.channels.iter().map(|channel| normalization(channel)).collect();
    assemble(&plan.name, data, &measured, schemes, plan.preprocess.intensities.clone(), rules)
}

struct Proposal<'a> {
    layer: &'a Layer,
    before: &'a [Planned],
    now: &'a Planned,
    /// What the defaults say of each key.
    defaults: BTreeMap<String, String>,
    edits: Vec<(Range<usize>, String)>,
    kept: Vec<String>,
}

impl Proposal<'_> {
    /// One key that there is, with its comment. `own` says that a person has decided on it.
    fn key(&mut self, key: &str, current: &Value, wanted: &Value, own: bool) {
        if current != wanted && own {
            self.kept.push(format!("`{key}` stays {current}, which a person decided; the rules plan {wanted}"));
            return;
        }
        let Some(place) = self.layer.places.get(key) else {
            if current != wanted {
                let message = format!("`{key}` is {current} in what this file extends; the rules plan {wanted}");
                self.kept.push(message);
            }
            return;
        };
        if current != wanted {
            self.edits.push((place.value.clone(), wanted.to_string()));
        }
        let line = self.layer.text[..place.key.start].rfind('\n').map_or(0, |at| at + 1);
        let end = line_end(&self.layer.text, line);
        let reason = |planned: &Planned| {
            let words = planned.reasons.get(key).or(self.defaults.get(key));
            words.map_or_else(String::new, |words| with_ends(&comment(words), end))
        };
        let new = reason(self.now);
        let above = &self.layer.text[..line];
        let old = self.before.iter().map(reason).find(|old| !old.is_empty() && above.ends_with(old));
        if let Some(old) = old.filter(|old| *old != new) {
            self.edits.push((line - old.len()..line, new));
        }
    }

    /// The line at the top that counts the cases.
    fn header(&mut self) {
        let end = line_end(&self.layer.text, 0);
        let first = |planned: &Planned| format!("# {}{end}", planned.header.lines().next().unwrap_or_default());
        let now = first(self.now);
        for old in self.before.iter().map(first).filter(|old| *old != now) {
            if let Some(at) = self.layer.text.find(&old).filter(|_| self.edits.is_empty()) {
                self.edits.push((at..at + old.len(), now.clone()));
            }
        }
    }

    /// Labels are a person's names for what the images hold: what differs is said.
    fn labels(&mut self, plan: &Plan) {
        let (has, wanted) = (&plan.data.labels, &self.now.plan.data.labels);
        if has != wanted {
            self.kept.push(format!("`data.labels` stay {has:?}; the data set has {wanted:?}"));
        }
    }

    /// Networks that the rules plan now and did not before, and the other way round.
    fn configurations(&mut self, plan: &Plan) {
        let (has, wanted) = (&plan.configurations, &self.now.plan.configurations);
        for name in has.keys().filter(|name| !wanted.contains_key(name)) {
            self.kept.push(format!("`configurations.{name}` stays, which the rules no longer plan"));
        }
        let text = &self.layer.text;
        let Some(last) = text.rfind("\n[configurations.") else { return };
        let end = text[last + 1..].find("\n[").map_or(text.len(), |at| last + 1 + at);
        let end = end - usize::from(text[..end].ends_with('\r'));
        let line_end = line_end(text, end);
        for name in wanted.keys().filter(|name| !has.contains_key(name)) {
            let whole = self.now.text();
            let heading = format!("\n[configurations.{name}]\n");
            let Some(from) = whole.find(&heading) else { continue };
            let to = whole[from + 1..].find("\n[").map_or(whole.len(), |at| from + 1 + at);
            let gap = if text[..end].ends_with('\n') { "" } else { line_end };
            self.edits.push((end..end, format!("{gap}{}", with_ends(&whole[from..to], line_end))));
        }
    }
}

/// Every key of a plan with its value.
fn flat(plan: &Plan) -> BTreeMap<String, Value> {
    fn collect(table: &Table, prefix: &str, found: &mut BTreeMap<String, Value>) {
        for (key, value) in table {
            match value {
                Value::Table(inner) => collect(inner, &join(prefix, key), found),
                value => _ = found.insert(join(prefix, key), value.clone()),
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(&Table::try_from(plan).expect("a plan is numbers, texts, lists and tables of them"), "", &mut found);
    found
}

fn within(path: &str, table: &str) -> bool {
    path.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The text with all edits, which do not overlap.
fn applied(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(place, _)| place.start);
    let mut done = String::new();
    let mut from = 0;
    for (place, new) in edits {
        done.push_str(&text[from..place.start]);
        done.push_str(&new);
        from = place.end;
    }
    done + &text[from..]
}

#[cfg(test)]
mod tests;
