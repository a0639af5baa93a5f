//! A plan file planned again: values of the rules follow the data and the rules, values that were set by hand stay.
//!
//! A value is the planner's if the rules give it for the measurements in the file, with the rules of the file or of the recipe. Any
//! other value was set by hand. A comment is the planner's if it is one that the planner writes, word for word.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use toml::{Table, Value};

use crate::dataset::Dataset;
use crate::fingerprint::Fingerprint;
use crate::plan::edit::comments::{comment_above, is_generated};
use crate::plan::edit::line_endings::{line_ending, with_endings};
use crate::plan::edit::set::{EditError, added};
use crate::plan::edit::write::{Scope, as_table};
use crate::plan::read::diagnostic::PlanError;
use crate::plan::read::layer::{Layer, Source};
use crate::plan::read::load::{file_layer, load_from, read_file};
use crate::plan::read::loaded::LoadedPlan;
use crate::plan::rules::assemble::{Planned, plan_dataset};
use crate::plan::rules::baseline::Baseline;
use crate::plan::schema::key::DecidedBy;
use crate::plan::schema::lookup::{find, join};
use crate::plan::schema::words::comment_lines;
use crate::plan::schema::{Plan, recipe};

/// A proposal.
#[derive(Debug)]
pub struct Update {
    /// The file with the values that the rules give now.
    pub text: String,
    /// In words: values that stay although the rules give others, and what has to be done by hand.
    pub kept: Vec<String>,
    /// Why the proposal cannot be run, if values that were set by hand do not fit the planned ones.
    pub error: Option<PlanError>,
}

/// Plans a file again. `loaded` is the plan of the file `path`, without environment and command line.
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
    let layer = file_layer(path, loaded.input.clone())?;
    let plan = &loaded.plan;
    let now = plan_dataset(&plan.name, dataset, &plan.data.exclude, fingerprint, &plan.rules);
    let before = [Baseline::new(plan, &plan.rules), Baseline::new(plan, &recipe::rules())];
    let mut proposal = Proposal {
        loaded,
        layer: &layer,
        before: &before,
        after: Baseline::new(&now.plan, &plan.rules),
        now: &now,
        edits: Vec::new(),
        added: Vec::new(),
        kept: Vec::new(),
    };
    proposal.header();
    let current = flat(plan);
    for (key, wanted) in &flat(&now.plan) {
        let Some(current) = current.get(key) else { continue };
        match find(key).map(|key| key.decided_by) {
            Some(DecidedBy::Planner) => {
                let is_planned = before.iter().any(|one| one.value(key).is_some_and(|(_, value)| value == current));
                proposal.key(key, current, wanted, !is_planned);
            }
            Some(DecidedBy::Measurement) => proposal.key(key, current, wanted, false),
            Some(DecidedBy::Recipe | DecidedBy::Person) | None => (),
        }
    }
    proposal.labels(plan);
    proposal.configurations(plan);
    let Proposal { edits, added, kept, .. } = proposal;
    let text = with_keys(path, with_edits(&layer.text, edits), &added)?;
    let error = load_from(path, &|file| if file == path { Ok(text.clone()) } else { read_file(file) }).err();
    Ok(Update { text, kept, error })
}

/// A key that the file does not have.
struct AddedKey {
    key: String,
    value: String,
    comment: String,
}

struct Proposal<'a> {
    loaded: &'a LoadedPlan,
    layer: &'a Layer,
    /// The values of the rules for the measurements in the file.
    before: &'a [Baseline],
    /// Their values now.
    after: Baseline,
    now: &'a Planned,
    edits: Vec<(Range<usize>, String)>,
    added: Vec<AddedKey>,
    kept: Vec<String>,
}

impl Proposal<'_> {
    /// A key, with its comment. `by_hand`: it was set by hand.
    fn key(&mut self, key: &str, current: &Value, wanted: &Value, by_hand: bool) {
        if current != wanted && by_hand {
            self.kept.push(format!("kept `{key}` = {current} (set by hand; the rules give {wanted})"));
        }
        let Some(position) = self.layer.positions.get(key) else {
            if current != wanted && !by_hand {
                self.missing(key, current, wanted);
            }
            return;
        };
        let value = if by_hand { current } else { wanted };
        if current != value {
            self.edits.push((position.value.clone(), value.to_string()));
        }
        let above = comment_above(&self.layer.text, position.key.start);
        let comment = &self.layer.text[above.clone()];
        let before: Vec<&Baseline> = self.before.iter().collect();
        if !is_generated(comment, key, &before) {
            return;
        }
        let ending = line_ending(&self.layer.text, above.end);
        let words = self.after.comment(key, value).unwrap_or_default();
        let new = with_endings(&comment_lines(&words), ending);
        if new != *comment {
            self.edits.push((above, new));
        }
    }

    /// A planned key that the file does not have: it is added, unless the file extends another that has it.
    fn missing(&mut self, key: &str, current: &Value, wanted: &Value) {
        let is_extended = self.loaded.layers.origin(key).is_some_and(|(layer, _)| layer.source != Source::Recipe);
        if is_extended {
            self.kept.push(format!("`{key}` is {current} in the plan that this file extends; the rules give {wanted}"));
        } else {
            let comment = self.after.comment(key, wanted).unwrap_or_default();
            self.added.push(AddedKey { key: key.to_owned(), value: wanted.to_string(), comment });
        }
    }

    /// The first line of the header, which contains the number of cases.
    fn header(&mut self) {
        let end = line_ending(&self.layer.text, 0);
        let first = |planned: &Planned| format!("# {}{end}", planned.header.lines().next().unwrap_or_default());
        let now = first(self.now);
        for old in self.before.iter().map(|one| first(one.planned())).filter(|old| *old != now) {
            if let Some(at) = self.layer.text.find(&old).filter(|_| self.edits.is_empty()) {
                self.edits.push((at..at + old.len(), now.clone()));
            }
        }
    }

    /// Names of labels may have been written by hand: differences are only reported.
    fn labels(&mut self, plan: &Plan) {
        let (has, wanted) = (&plan.data.labels, &self.now.plan.data.labels);
        if has != wanted {
            self.kept.push(format!("kept `data.labels` = {has:?} (the data set has {wanted:?})"));
        }
    }

    /// Configurations that the rules plan now and did not before, and the reverse.
    fn configurations(&mut self, plan: &Plan) {
        let (has, wanted) = (&plan.configurations, &self.now.plan.configurations);
        for name in has.keys().filter(|name| !wanted.contains_key(name)) {
            self.kept.push(format!("kept `configurations.{name}`, which the rules no longer plan"));
        }
        let text = &self.layer.text;
        let Some(last) = text.rfind("\n[configurations.") else { return };
        let end = text[last + 1..].find("\n[").map_or(text.len(), |at| last + 1 + at);
        let end = end - usize::from(text[..end].ends_with('\r'));
        let line_end = line_ending(text, end);
        for name in wanted.keys().filter(|name| !has.contains_key(name)) {
            let whole = self.now.text(Scope::Decisions);
            let heading = format!("\n[configurations.{name}]\n");
            let Some(from) = whole.find(&heading) else { continue };
            let to = whole[from + 1..].find("\n[").map_or(whole.len(), |at| from + 1 + at);
            let gap = if text[..end].ends_with('\n') { "" } else { line_end };
            self.edits.push((end..end, format!("{gap}{}", with_endings(&whole[from..to], line_end))));
        }
    }
}

/// All keys of a plan with their values.
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
    collect(&as_table(plan), "", &mut found);
    found
}

/// The text with these keys added, each with its comment.
fn with_keys(path: &Path, mut text: String, keys: &[AddedKey]) -> Result<String, EditError> {
    for AddedKey { key, value, comment } in keys {
        text = added(&file_layer(path, text)?, key, value);
        let layer = file_layer(path, text.clone())?;
        if let Some(position) = layer.positions.get(key) {
            let line = text[..position.key.start].rfind('\n').map_or(0, |at| at + 1);
            text.insert_str(line, &with_endings(&comment_lines(comment), line_ending(&layer.text, line)));
        }
    }
    Ok(text)
}

/// The text with all edits, which do not overlap.
fn with_edits(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(range, _)| range.start);
    let mut done = String::new();
    let mut from = 0;
    for (range, new) in edits {
        done.push_str(&text[from..range.start]);
        done.push_str(&new);
        from = range.end;
    }
    done + &text[from..]
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
