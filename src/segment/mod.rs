//! Segmenting new images with a trained model, and packaging it.
//!
//! Input: a run folder or a package, and images. Output: label maps, probabilities, and a record of what they were predicted from. Not in
//! this room: training, and the choice of the best candidate, which the run recorded.

mod case;
mod destination;
mod error;
mod model;
mod networks;
pub mod package;
mod portable;
mod record;
mod request;
mod settings;
mod training_data;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

pub use self::error::SegmentError;
pub use self::request::Request;

use self::case::{CaseError, Segmenter};
use self::destination::Destination;
use self::model::{Choice, Model, open_model};
use self::networks::{Networks, Stages};
use self::record::{CaseRecord, Prediction, Predictions};
use crate::dataset::images::ImageFolder;
use crate::dataset::{Case, file_names};
use crate::device::open_device;
use crate::plan::schema::ConfigurationName;
use crate::predict::{MemoryLimit, PredictError};
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

/// Segments images with the trained folds of a configuration, or of an ensemble of two.
///
/// An image that fails does not stop the others. A segmentation of the same image by the same networks is kept. An image whose axes
/// are in another order than those of the training cases is reordered, and its labels are reordered back.
///
/// # Errors
///
/// If the model has no trained network, the input has no image, or some images failed: then with the reason of each.
pub fn segment(
    request: &Request<'_>,
    listener: &dyn Listener,
    interrupted: &AtomicBool,
) -> Result<Segmented, SegmentError> {
    let source = open_model(request.model)?;
    let choice = Choice { configuration: request.configuration, folds: request.folds, settings: request.settings };
    let model = Model::choose(source.as_ref(), choice, listener)?;
    let plan = &model.plan;
    let device_name = request.device.unwrap_or(&plan.runtime.device);
    let device = open_device(device_name)?;
    let found = request.input.find(&plan.data.channels)?;
    report_folder(&found, listener);
    let destination = Destination::new(request.output, found.cases.len(), request.probabilities)?;
    let mut outputs = destination.claim(request, &found.cases)?;
    let staging = outputs.staging()?.to_owned();

    let load = |&name| Networks::load(source.as_ref(), &model, name, &device);
    let networks: Vec<Networks> = model.configurations.iter().map(load).collect::<Result<_, _>>()?;
    let stages: Vec<Stages<'_>> = networks.iter().map(|networks| networks.stages(plan, &device)).collect();
    if let Some(note) = model.training_data.note() {
        listener.say(&note);
    }
    let segmenter = Segmenter {
        stages: &stages,
        filter: &model.filter,
        limit: MemoryLimit::from_gib(request.memory_gib.unwrap_or(plan.runtime.memory_gib), &destination.folder),
        destination: &destination,
        training_data: &model.training_data,
        watch: Watch { listener, interrupted },
        outputs: &outputs,
        staging: &staging,
    };
    let count = networks.iter().map(|networks| networks.own.len()).sum();
    let names = model.configurations.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + ");
    listener.begin(&format!("segmenting with {names} ({})", counted(count, "network")), found.cases.len());
    let progress = segment_all(&segmenter, &found.cases, &model.digest());
    listener.end();
    let record = destination.record();
    let prediction = Prediction::new(request, &model, device_name);
    Predictions::update((&destination.folder, &record), &staging, &outputs, prediction, progress.done)?;

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
        configurations: model.configurations,
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
    /// Segmented images, now or before.
    done: BTreeMap<String, CaseRecord>,
    failures: Vec<String>,
}

/// Segments the images that this model has not segmented before. `digest` is that of the model.
fn segment_all(segmenter: &Segmenter<'_>, cases: &[Case], digest: &str) -> Progress {
    let mut progress = Progress { remaining: cases.len(), before: 0, done: BTreeMap::new(), failures: Vec::new() };
    for case in cases {
        if segmenter.watch.is_interrupted() {
            break;
        }
        // A file that cannot be read is a failure of its case.
        let record = record_of_case(segmenter, case, digest).ok();
        let made_of = record.as_ref().map_or("", |record| &record.digest);
        let is_unchanged = |file: &PathBuf| segmenter.outputs.has_inputs(file, made_of);
        let mut done = true;
        if record.is_some() && segmenter.destination.files(case).all().all(is_unchanged) {
            progress.before += 1;
        } else if let Err(reason) = segmenter.segment(case, made_of) {
            done = false;
            progress.failures.push(match reason {
                CaseError::Predict(PredictError::Interrupted) => break,
                // Issues of files name their case themselves.
                CaseError::Issues(issues) => issues.to_string(),
                reason => format!("case `{}`: {reason}", case.id),
            });
        }
        progress.done.extend(record.filter(|_| done).map(|record| (case.id.0.clone(), record)));
        progress.remaining -= 1;
        segmenter.watch.listener.advance();
    }
    progress
}

/// The record of a case, with the digest of everything that decides its files: the model, and the contents of its images.
fn record_of_case(segmenter: &Segmenter<'_>, case: &Case, model: &str) -> Result<CaseRecord, StoreError> {
    let digests: Vec<String> = case.images.iter().map(|path| digest_of_file(path)).collect::<Result<_, _>>()?;
    let name = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(CaseRecord {
        labels: segmenter.destination.files(case).labels.to_string_lossy().into_owned(),
        digest: short_digest(&(model, &digests)),
        images: case.images.iter().map(name).zip(digests).collect(),
    })
}

/// Reports notes about the folder of images, and files that are no images.
fn report_folder(found: &ImageFolder, listener: &dyn Listener) {
    found.notes.iter().for_each(|note| listener.say(&format!("note: {note}")));
    if !found.others.is_empty() {
        listener.say(&format!("note: skipped, not an image: {}", file_names(&found.others)));
    }
}
