//! A run folder with results of another plan: it is never overwritten, and the command that runs the changed plan under another name
//! is offered instead.

use std::fmt::Write as _;
use std::path::Path;

use crate::experiment::error::ExperimentError;
use crate::plan::compare::{Change, changed_keys};
use crate::plan::compare::{Override, overrides};
use crate::plan::edit::resolved_text;
use crate::plan::name::{in_name, short_keys, variant_name};
use crate::plan::read::Source;
use crate::plan::read::{LoadedPlan, load_resolved};
use crate::plan::schema;
use crate::plan::schema::Stage;
use crate::plan::schema::lookup::stage_of;
use crate::run::folder::RunFolder;
use crate::store::{self, StoreError};
use crate::units::shell_word;

/// Keys that decide results and differ from the plan of the results in a run folder. A run that ended before it started a network has
/// no results.
pub(super) fn changed_results(folder: &RunFolder, loaded: &LoadedPlan) -> Result<Vec<Change>, StoreError> {
    let saved = store::read_text_if_present(&folder.resolved_plan())?;
    let Some(saved) = saved.filter(|_| folder.has_networks()) else { return Ok(Vec::new()) };
    let mut changes = changed_keys(&saved, &resolved_text(&loaded.plan));
    changes.retain(|change| stage_of(&change.key) != Stage::Nothing);
    Ok(changes)
}

/// Refuses a run folder with results of another plan.
pub(super) fn refuse_other_plan(folder: &RunFolder, loaded: &LoadedPlan) -> Result<(), ExperimentError> {
    let changes = changed_results(folder, loaded)?;
    if changes.is_empty() {
        return Ok(());
    }
    let line = |change: &Change| format!("  {change}   ({})", stage_of(&change.key));
    Err(ExperimentError::OtherPlan {
        folder: folder.root.display().to_string(),
        differences: changes.iter().map(line).collect::<Vec<_>>().join("\n"),
        command: run_command(loaded, &changes),
    })
}

/// The `[split]` of the plan that a run folder without results was last run with.
pub(super) fn abandoned_split(folder: &RunFolder) -> Option<schema::Split> {
    let path = folder.resolved_plan();
    if folder.has_networks() || !path.is_file() {
        return None;
    }
    Some(load_resolved(&path).ok()?.plan.split)
}

/// The commands that run a plan under another name with a copy of a file of folds.
pub(super) fn command_with_folds(loaded: &LoadedPlan, file: &Path) -> String {
    let beside = RunFolder::new(&loaded.plan.runtime.runs, &unused_name(loaded, &[]));
    let (file, root) = (shell_word(&file.display().to_string()), shell_word(&beside.root.display().to_string()));
    let splits = shell_word(&beside.splits().display().to_string());
    format!("mkdir -p {root} && cp {file} {splits} && {}", run_command(loaded, &[]))
}

/// The command that runs a changed plan under another name.
fn run_command(loaded: &LoadedPlan, changes: &[Change]) -> String {
    let file = loaded.file().map_or_else(|| "PLAN".to_owned(), |path| path.display().to_string());
    let mut command = format!("segplan run {}", shell_word(&file));
    let is_set = |one: &&Override| one.by == Source::Set.to_string() && one.key != "name";
    for Override { key, value, .. } in overrides(&loaded.layers).iter().filter(is_set) {
        let _ = write!(command, " --set {}", shell_word(&format!("{key}={value}")));
    }
    let _ = write!(command, " --set {}", shell_word(&format!("name={}", unused_name(loaded, changes))));
    command
}

/// A name that no run has yet; if one value has changed, the name that a sweep over it would use.
fn unused_name(loaded: &LoadedPlan, changes: &[Change]) -> String {
    let name = loaded.base_name();
    let variant = match changes {
        [Change { key, to: Some(to), .. }] => {
            variant_name(&name, &[format!("{}={}", short_keys(&[key])[0], in_name(to))])
        }
        _ => format!("{name}-variant"),
    };
    let numbered = (2..).map(|number| format!("{variant}-{number}"));
    let is_unused = |name: &String| !RunFolder::new(&loaded.plan.runtime.runs, name).root.exists();
    let mut names = std::iter::once(variant.clone()).chain(numbered);
    names.find(is_unused).unwrap_or_default()
}
