//! What a run folder says of the run itself: plan, manifest, fingerprint, and whose it is.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::experiment::ExperimentError;
use crate::experiment::events::Events;
use crate::fingerprint::{Fingerprint, measure};
use crate::plan::digest::{changed_keys, decides_no_result};
use crate::plan::load::LoadedPlan;
use crate::plan::overrides::{Override, overrides};
use crate::plan::write::resolved_text;
use crate::store::folder::RunFolder;
use crate::store::{self, StoreError};

/// Who made a run, with what.
#[derive(Debug, Serialize)]
struct Manifest<'a> {
    version: &'static str,
    git_commit: Option<String>,
    git_dirty: Option<bool>,
    device: &'a str,
    features: Vec<&'static str>,
    host: Host,
    overrides: Vec<Override>,
    seeds: &'a [u64],
    digests: BTreeMap<String, crate::plan::digest::StageDigests>,
    dataset: DatasetRecord,
    started_unix_s: u64,
}

#[derive(Debug, Serialize)]
struct Host {
    os: &'static str,
    arch: &'static str,
    processor: Option<String>,
    cores: usize,
}

#[derive(Debug, Serialize)]
struct DatasetRecord {
    folder: String,
    cases: usize,
    stamp: String,
}

/// A fingerprint on disk, and the files that it was measured of.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    stamp: String,
    fingerprint: Fingerprint,
}

/// Takes the run folder for this process alone, until the returned file is closed.
pub(super) fn lock(folder: &RunFolder) -> Result<File, ExperimentError> {
    let path = folder.root.join("lock");
    let fail = |verb| {
        let path = path.clone();
        move |source| StoreError { verb, path, source }
    };
    std::fs::create_dir_all(&folder.root).map_err(fail("create"))?;
    let file = File::create(&path).map_err(fail("create"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ExperimentError::Locked(folder.root.display().to_string())),
        Err(TryLockError::Error(source)) => Err(fail("lock")(source).into()),
    }
}

/// Refuses a run folder that holds results of a plan that would have given others.
pub(super) fn refuse_other_plan(folder: &RunFolder, loaded: &LoadedPlan) -> Result<(), ExperimentError> {
    let Some(saved) = store::read_text_if_present(&folder.resolved_plan())? else { return Ok(()) };
    let differences: Vec<String> = changed_keys(&saved, &resolved_text(&loaded.plan))
        .into_iter()
        .filter(|change| !decides_no_result(&change.key))
        .map(|change| format!("  {change}"))
        .collect();
    if differences.is_empty() {
        return Ok(());
    }
    Err(ExperimentError::OtherPlan {
        folder: folder.root.display().to_string(),
        differences: differences.join("\n"),
        suggestion: format!("{}-variant", loaded.plan.name),
    })
}

/// Writes the plan, as it is and resolved, and the manifest.
pub(super) fn write(folder: &RunFolder, loaded: &LoadedPlan, dataset: &Dataset) -> Result<(), ExperimentError> {
    let plan = &loaded.plan;
    let manifest = Manifest {
        version: env!("CARGO_PKG_VERSION"),
        git_commit: git(&["rev-parse", "HEAD"]),
        git_dirty: git(&["status", "--porcelain"]).map(|changes| !changes.is_empty()),
        device: &plan.runtime.device,
        features: crate::device::compiled(),
        host: Host {
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            processor: processor(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        },
        overrides: overrides(&loaded.layers),
        seeds: &plan.run.seeds,
        digests: plan
            .configurations
            .keys()
            .map(|&name| (name.to_string(), crate::plan::digest::stage_digests(plan, name)))
            .collect(),
        dataset: DatasetRecord {
            folder: dataset.folder.display().to_string(),
            cases: dataset.training.len(),
            stamp: stamp(dataset)?,
        },
        started_unix_s: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
    };
    let mut manifest = serde_json::to_string_pretty(&manifest).expect("a manifest is plain values");
    manifest.push('\n');
    store::write_atomic(&folder.manifest(), manifest.as_bytes())?;
    store::write_atomic(&folder.input_plan(), loaded.input.as_bytes())?;
    store::write_atomic(&folder.resolved_plan(), resolved_text(plan).as_bytes())?;
    Ok(())
}

/// The data set's fingerprint: as saved with the run, or measured now.
pub(super) fn fingerprint(
    folder: &RunFolder,
    dataset: &Dataset,
    events: &dyn Events,
) -> Result<Fingerprint, ExperimentError> {
    let stamp = stamp(dataset)?;
    let saved = store::read_text_if_present(&folder.fingerprint())?;
    if let Some(saved) = saved.and_then(|text| serde_json::from_str::<Measured>(&text).ok())
        && saved.stamp == stamp
    {
        tracing::info!("the data set's files are as they were measured");
        return Ok(saved.fingerprint);
    }
    events.begin("measuring the data set", dataset.training.len());
    let fingerprint = measure(dataset, &|| events.advance());
    events.end();
    let measured = Measured { stamp, fingerprint: fingerprint? };
    let mut text = serde_json::to_string(&measured).expect("a fingerprint is plain values");
    text.push('\n');
    store::write_atomic(&folder.fingerprint(), text.as_bytes())?;
    Ok(measured.fingerprint)
}

fn stamp(dataset: &Dataset) -> Result<String, ExperimentError> {
    let paths: Vec<&Path> = dataset
        .training
        .iter()
        .flat_map(|case| case.images.iter().chain(&case.labels))
        .map(std::path::PathBuf::as_path)
        .collect();
    store::stamp(&paths).map_err(ExperimentError::MissingFile)
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
