//! The record that a run writes before its first stage: plan, manifest, data and fingerprint.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::dataset::Dataset;
use crate::dataset::contents::Contents;
use crate::device::Backend;
use crate::experiment::error::ExperimentError;
use crate::fingerprint::{Fingerprint, compute_fingerprint};
use crate::plan::compare::overrides;
use crate::plan::compare::stage_digests;
use crate::plan::edit::resolved_text;
use crate::plan::read::LoadedPlan;
use crate::run::Listener;
use crate::run::contents::write_contents;
use crate::run::fingerprint::SavedFingerprint;
use crate::run::folder::RunFolder;
use crate::run::manifest::{DatasetRecord, Host, Manifest};
use crate::store::{self, StoreError};

/// Writes manifest, data digests, the plan file as it is, and the resolved plan.
pub(super) fn write_record(
    folder: &RunFolder,
    loaded: &LoadedPlan,
    dataset: &Dataset,
    contents: &Contents,
) -> Result<(), StoreError> {
    manifest(loaded, dataset, contents).write(folder)?;
    write_contents(folder, contents)?;
    store::write_atomic(&folder.input_plan(), loaded.input.as_bytes())?;
    store::write_atomic(&folder.resolved_plan(), resolved_text(&loaded.plan).as_bytes())
}

fn manifest(loaded: &LoadedPlan, dataset: &Dataset, contents: &Contents) -> Manifest {
    let plan = &loaded.plan;
    Manifest {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        git_commit: git(&["rev-parse", "HEAD"]),
        git_dirty: git(&["status", "--porcelain"]).map(|changes| !changes.is_empty()),
        device: plan.runtime.device.clone(),
        features: Backend::compiled_names().into_iter().map(str::to_owned).collect(),
        host: Host {
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            processor: processor(),
            cores: available_parallelism().map_or(1, usize::from),
        },
        overrides: overrides(&loaded.layers),
        swept: loaded.swept.clone(),
        seeds: plan.run.seeds.clone(),
        digests: plan.configurations.keys().map(|&name| (name.to_string(), stage_digests(plan, name))).collect(),
        dataset: DatasetRecord {
            folder: dataset.folder.clone(),
            cases: dataset.training.len(),
            excluded: plan.data.exclude.clone(),
            stamp: contents.digest(),
        },
        started_unix_s: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
    }
}

/// The fingerprint of the data set, and whether it was computed now rather than read.
pub(super) struct CurrentFingerprint {
    pub(super) fingerprint: Fingerprint,
    pub(super) is_new: bool,
}

/// Reads the fingerprint of the run, or computes it within `memory_bytes`. `stamp` is the digest of the data set's files.
pub(super) fn current_fingerprint(
    folder: &RunFolder,
    dataset: &Dataset,
    stamp: &str,
    memory_bytes: u64,
    listener: &dyn Listener,
) -> Result<CurrentFingerprint, ExperimentError> {
    let saved = SavedFingerprint::read_intact(folder)?;
    if let Some(saved) = saved.filter(|saved| saved.stamp == stamp && saved.fingerprint.is_complete()) {
        return Ok(CurrentFingerprint { fingerprint: saved.fingerprint, is_new: false });
    }
    listener.begin("computing fingerprint", dataset.training.len());
    let fingerprint = compute_fingerprint(dataset, memory_bytes, &|| listener.advance());
    listener.end();
    let saved = SavedFingerprint { stamp: stamp.to_owned(), fingerprint: fingerprint? };
    saved.write(folder)?;
    Ok(CurrentFingerprint { fingerprint: saved.fingerprint, is_new: true })
}

/// Output of git in the working directory; `None` without git or a repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The processor's model name, on Linux.
fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
