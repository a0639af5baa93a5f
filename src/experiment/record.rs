//! What a run folder says of the run itself: plan, manifest, fingerprint, and whose it is.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::dataset::Dataset;
use crate::dataset::contents::Contents;
use crate::experiment::ExperimentError;
use crate::fingerprint::{Fingerprint, compute_fingerprint};
use crate::plan::diff::Stage;
use crate::plan::digest::{Change, changed_keys, decides_no_result};
use crate::plan::layer::Source;
use crate::plan::load::{LoadedPlan, load_resolved};
use crate::plan::overrides::{Override, overrides};
use crate::plan::schema;
use crate::plan::sweep::{in_name, short_keys, variant_name};
use crate::plan::write::resolved_text;
use crate::run::Listener;
use crate::run::contents::{KeepDigests, hash_contents, saved_contents, write_contents};
use crate::run::fingerprint::SavedFingerprint;
use crate::run::folder::RunFolder;
use crate::run::manifest::{DatasetRecord, Host, Manifest};
use crate::store;
use crate::units::{listed, shell_word};

/// The keys that decide on results and differ from the plan that a run folder's results are of.
pub(super) fn changes(folder: &RunFolder, loaded: &LoadedPlan) -> Result<Vec<Change>, ExperimentError> {
    let Some(saved) = store::read_text_if_present(&folder.resolved_plan())? else { return Ok(Vec::new()) };
    let mut changes = changed_keys(&saved, &resolved_text(&loaded.plan));
    changes.retain(|change| !decides_no_result(&change.key));
    Ok(changes)
}

/// Refuses a run folder that holds results of a plan that would have given others. One that holds none, since it ended before any
/// network was begun, is the next plan's.
pub(super) fn refuse_other_plan(folder: &RunFolder, loaded: &LoadedPlan) -> Result<(), ExperimentError> {
    let changes = changes(folder, loaded)?;
    if changes.is_empty() || !folder.has_networks() {
        return Ok(());
    }
    let line = |change: &Change| format!("  {change}   ({})", Stage::of(&change.key));
    Err(ExperimentError::OtherPlan {
        folder: folder.root.display().to_string(),
        differences: changes.iter().map(line).collect::<Vec<_>>().join("\n"),
        command: command(loaded, &changes),
    })
}

/// How the plan that a run folder without results was last run with drew its folds.
pub(super) fn abandoned_split(folder: &RunFolder) -> Option<schema::Split> {
    let path = folder.resolved_plan();
    if folder.has_networks() || !path.is_file() {
        return None;
    }
    Some(load_resolved(&path).ok()?.plan.split)
}

/// The commands that run a plan under another name with a copy of a file of folds.
pub(super) fn command_with_folds(loaded: &LoadedPlan, file: &Path) -> String {
    let beside = RunFolder::new(&loaded.plan.runtime.runs, &suggestion(loaded, &[]));
    let (file, root) = (shell_word(&file.display().to_string()), shell_word(&beside.root.display().to_string()));
    let splits = shell_word(&beside.splits().display().to_string());
    format!("mkdir -p {root} && cp {file} {splits} && {}", command(loaded, &[]))
}

/// The command that runs a changed plan beside the run of the plan that it was.
fn command(loaded: &LoadedPlan, changes: &[Change]) -> String {
    let file = loaded.file().map_or_else(|| "PLAN".to_owned(), |path| path.display().to_string());
    let mut command = format!("segplan run {}", shell_word(&file));
    let is_set = |one: &&Override| one.by == Source::Set.to_string() && one.key != "name";
    for Override { key, value, .. } in overrides(&loaded.layers).iter().filter(is_set) {
        let _ = write!(command, " --set {}", shell_word(&format!("{key}={value}")));
    }
    let _ = write!(command, " --set {}", shell_word(&format!("name={}", suggestion(loaded, changes))));
    command
}

/// A name for a changed plan that no run has yet: that of a variant where one value has changed.
fn suggestion(loaded: &LoadedPlan, changes: &[Change]) -> String {
    let plan = &loaded.plan;
    let name = loaded.base_name();
    let variant = match changes {
        [Change { key, to: Some(to), .. }] => {
            variant_name(&name, &[format!("{}={}", short_keys(&[key])[0], in_name(to))])
        }
        _ => format!("{name}-variant"),
    };
    let numbered = (2..).map(|number| format!("{variant}-{number}"));
    let is_free = |name: &String| !RunFolder::new(&plan.runtime.runs, name).root.exists();
    let mut names = std::iter::once(variant.clone()).chain(numbered);
    names.find(is_free).unwrap_or_default()
}

/// Writes the plan, as it is and resolved, and the manifest.
pub(super) fn write(
    folder: &RunFolder,
    loaded: &LoadedPlan,
    dataset: &Dataset,
    contents: &Contents,
) -> Result<(), ExperimentError> {
    let plan = &loaded.plan;
    let manifest = Manifest {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        git_commit: git(&["rev-parse", "HEAD"]),
        git_dirty: git(&["status", "--porcelain"]).map(|changes| !changes.is_empty()),
        device: plan.runtime.device.clone(),
        features: crate::device::Backend::compiled_names().into_iter().map(str::to_owned).collect(),
        host: Host {
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            processor: processor(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        },
        overrides: overrides(&loaded.layers),
        swept: loaded.swept.clone(),
        seeds: plan.run.seeds.clone(),
        digests: plan
            .configurations
            .keys()
            .map(|&name| (name.to_string(), crate::plan::digest::stage_digests(plan, name)))
            .collect(),
        dataset: DatasetRecord {
            folder: dataset.folder.clone(),
            cases: dataset.training.len(),
            excluded: plan.data.exclude.clone(),
            stamp: contents.digest(),
        },
        started_unix_s: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
    };
    manifest.write(folder)?;
    write_contents(folder, contents)?;
    store::write_atomic(&folder.input_plan(), loaded.input.as_bytes())?;
    store::write_atomic(&folder.resolved_plan(), resolved_text(plan).as_bytes())?;
    Ok(())
}

/// What the data set's files hold now; says which of them have changed since the last run.
pub(super) fn contents(
    folder: &RunFolder,
    runs: &Path,
    dataset: &Dataset,
    events: &dyn Listener,
) -> Result<Contents, ExperimentError> {
    let contents = hash_contents(runs, dataset, events, KeepDigests::Yes)?;
    if let Some(before) = saved_contents(folder)? {
        let changed = contents.changed_since(&before);
        if !changed.is_empty() {
            let names = listed(&changed);
            events.say(&format!("of the data set's files {} changed since the last run: {names}", changed.len()));
        }
    }
    Ok(contents)
}

/// The data set's fingerprint: as saved with the run, or measured now within `memory_bytes`. `stamp` is of what its files hold.
pub(super) fn fingerprint(
    folder: &RunFolder,
    dataset: &Dataset,
    stamp: String,
    memory_bytes: u64,
    events: &dyn Listener,
) -> Result<Fingerprint, ExperimentError> {
    if let Some(saved) = SavedFingerprint::read_intact(folder)?
        && saved.stamp == stamp
        && saved.fingerprint.is_complete()
    {
        tracing::info!("the data set's files are as they were measured");
        return Ok(saved.fingerprint);
    }
    events.begin("measuring the data set", dataset.training.len());
    let fingerprint = compute_fingerprint(dataset, memory_bytes, &|| events.advance());
    events.end();
    let measured = SavedFingerprint { stamp, fingerprint: fingerprint? };
    measured.write(folder)?;
    Ok(measured.fingerprint)
}

/// What git says of the folder that the run was started in; nothing where there is no repository or no git.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
