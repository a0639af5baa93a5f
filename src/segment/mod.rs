//! Segmenting new images with a finished run.
//!
//! Input: a run folder and a folder of images. Output: label maps of the same names, and probabilities. Not in this room: training,
//! and the choice of the best candidate, which the run recorded.

mod candidate;
mod case;
mod error;
mod networks;
mod request;
mod training_data;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

pub use self::error::SegmentError;
pub use self::request::Request;

use self::candidate::{choose_candidate, choose_filter};
use self::case::{CaseError, Segmenter};
use self::networks::{Networks, Stages, digest_of_networks};
use self::training_data::TrainingData;
use crate::dataset::images::{ImageFolder, find_cases};
use crate::dataset::{Case, file_names};
use crate::device::open_device;
use crate::plan::read::load_resolved;
use crate::plan::schema::ConfigurationName;
use crate::predict::{MemoryLimit, PredictError};
use crate::run::folder::RunFolder;
use crate::run::{Listener, Watch};
use crate::store::{StoreError, digest_of_file, short_digest};
use crate::units::counted;

/// The number of segmented images, and the networks that segmented them.
#[derive(Clone, Debug)]
pub struct Segmented {
    /// Configurations; the mean of their probabilities decides.
    pub configurations: Vec<ConfigurationName>,
    /// Number of networks.
    pub networks: usize,
    /// Number of images.
    pub images: usize,
    /// Number of segmented images, now or before.
    pub done: usize,
    /// Number of images that the same networks segmented before into the same folder.
    pub before: usize,
    /// Whether a signal stopped it before the last image.
    pub interrupted: bool,
}

/// Segments each image of a folder with all trained folds of a configuration, or of an ensemble of two.
///
/// An image that fails does not stop the others. A segmentation of the same image by the same networks is kept. An image whose axes
/// are in another order than those of the training cases is reordered, and its labels are reordered back.
///
/// # Errors
///
/// If the run has no trained network, the folder has no image, or some images failed: then with the reason of each.
pub fn segment(
    request: &Request<'_>,
    listener: &dyn Listener,
    interrupted: &AtomicBool,
) -> Result<Segmented, SegmentError> {
    let folder = RunFolder { root: request.run.to_owned() };
    if !folder.resolved_plan().is_file() {
        return Err(SegmentError::NoRun(request.run.display().to_string()));
    }
    let plan = load_resolved(&folder.resolved_plan()).map_err(|error| SegmentError::Plan(Box::new(error)))?.plan;
    let device = open_device(request.device.unwrap_or(&plan.runtime.device))?;
    let found = find_cases(request.input, plan.data.channels.len())?;
    report_folder(&found, listener);
    let mut outputs = request.claim(&found.cases)?;
    let staging = outputs.staging()?.to_owned();

    let configurations = match request.configuration {
        Some(name) => vec![name],
        None => choose_candidate(&folder, &plan)?,
    };
    let networks: Vec<Networks> =
        configurations.iter().map(|&name| Networks::load(&folder, &plan, name, &device)).collect::<Result<_, _>>()?;
    let stages: Vec<Stages<'_>> = networks.iter().map(|networks| networks.stages(&plan, &device)).collect();
    let filter = choose_filter(&folder, &plan, &configurations, listener)?;
    let training_data = TrainingData::load(&folder)?;
    if let Some(note) = training_data.note() {
        listener.say(&note);
    }
    let networks_digest = digest_of_networks(&folder, &plan, &configurations)?;
    let digest = short_digest(&(networks_digest, &filter, format!("{:?}", training_data.orientation())));
    let segmenter = Segmenter {
        stages: &stages,
        filter: &filter,
        limit: MemoryLimit::from_gib(request.memory_gib.unwrap_or(plan.runtime.memory_gib), request.output),
        request,
        training_data: &training_data,
        watch: Watch { listener, interrupted },
        outputs: &outputs,
        staging: &staging,
    };
    let count = networks.iter().map(|networks| networks.own.len()).sum();
    let names = configurations.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + ");
    listener.begin(&format!("segmenting with {names} ({})", counted(count, "network")), found.cases.len());
    let progress = segment_all(&segmenter, &found.cases, &digest);
    listener.end();

    let unusable = found.unusable.iter().map(|(path, reason)| format!("`{}` {reason}", path.display()));
    let failures: Vec<String> = unusable.chain(progress.failures.iter().cloned()).collect();
    let images = found.cases.len();
    if !failures.is_empty() {
        let failures = SegmentError::Cases(failures);
        if progress.remaining == 0 {
            return Err(failures);
        }
        listener.say(&failures.to_string());
    }
    Ok(Segmented {
        configurations,
        networks: count,
        images,
        done: images - progress.remaining - progress.failures.len(),
        before: progress.before,
        interrupted: progress.remaining > 0,
    })
}

/// How far the segmentation of a folder is.
struct Progress {
    /// Images that were not reached.
    remaining: usize,
    /// Images that were segmented before.
    before: usize,
    failures: Vec<String>,
}

/// Segments the images that these networks have not segmented before. `digest` is that of the networks.
fn segment_all(segmenter: &Segmenter<'_>, cases: &[Case], digest: &str) -> Progress {
    let mut progress = Progress { remaining: cases.len(), before: 0, failures: Vec::new() };
    for case in cases {
        if segmenter.watch.is_interrupted() {
            break;
        }
        // A file that cannot be read is a failure of its case.
        let made_of = digest_of_case(case, digest).unwrap_or_default();
        let is_unchanged = |file: &PathBuf| segmenter.outputs.has_inputs(file, &made_of);
        if !made_of.is_empty() && segmenter.request.files(case).all().all(is_unchanged) {
            progress.before += 1;
        } else {
            match segmenter.segment(case, &made_of) {
                Err(CaseError::Predict(PredictError::Interrupted)) => break,
                // Issues of files name their case themselves.
                Err(CaseError::Issues(issues)) => progress.failures.push(issues.to_string()),
                Err(reason) => progress.failures.push(format!("case `{}`: {reason}", case.id)),
                Ok(()) => (),
            }
        }
        progress.remaining -= 1;
        segmenter.watch.listener.advance();
    }
    progress
}

/// Digest of everything that decides the files of a case: the networks, and the contents of its images.
fn digest_of_case(case: &Case, networks: &str) -> Result<String, StoreError> {
    let images: Vec<String> = case.images.iter().map(|path| digest_of_file(path)).collect::<Result<_, _>>()?;
    Ok(short_digest(&(networks, images)))
}

/// Reports notes about the folder of images, and files that are no images.
fn report_folder(found: &ImageFolder, listener: &dyn Listener) {
    found.notes.iter().for_each(|note| listener.say(&format!("note: {note}")));
    if !found.others.is_empty() {
        listener.say(&format!("note: skipped, not an image: {}", file_names(&found.others)));
    }
}
