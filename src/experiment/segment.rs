//! Segmenting new images with a finished run.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Device;
use thiserror::Error;

use crate::dataset::Case;
use crate::dataset::images::{ImagesError, images};
use crate::device::{DeviceError, device};
use crate::evaluate::scores;
use crate::evaluate::summary::summarize;
use crate::experiment::events::Events;
use crate::experiment::state::{FoldState, StateError};
use crate::network::weights::WeightsError;
use crate::network::{UNet, UNetConfig};
use crate::plan::fault::PlanError;
use crate::plan::load::load_resolved;
use crate::plan::schema::{ConfigurationName, Plan};
use crate::postprocess::postprocess;
use crate::predict::Predictor;
use crate::preprocess::prepare;
use crate::store::folder::RunFolder;
use crate::store::table::TableError;
use crate::volume::nifti::{NiftiError, read_image, write_labels};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The run folder.
    pub run: &'a Path,
    /// Folder of images.
    pub input: &'a Path,
    /// Folder of the segmentations.
    pub output: &'a Path,
    /// Configuration; the one with the best scores where none is named.
    pub configuration: Option<ConfigurationName>,
    /// Device; the run's own where none is named.
    pub device: Option<&'a str>,
}

/// What was done.
#[derive(Clone, Debug)]
pub struct Segmented {
    /// Configuration that was used.
    pub configuration: ConfigurationName,
    /// Number of networks whose probabilities were averaged.
    pub networks: usize,
    /// Number of images.
    pub images: usize,
    /// Whether it was asked to stop before the last image.
    pub interrupted: bool,
}

/// New images could not be segmented.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "most variants pass on one room's error, whose text says it all")]
pub enum SegmentError {
    #[error(transparent)]
    Plan(Box<PlanError>),
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Images(#[from] ImagesError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Score(#[from] TableError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error("`{run}` has no trained network{of}; train one with `segplan run`")]
    Untrained { run: String, of: String },
    #[error("{} of the images cannot be segmented; the others are done:\n  {}", .0.len(), .0.join("\n  "))]
    Cases(Vec<String>),
}

/// Segments each image of a folder with all trained folds of one configuration, and writes label maps of the same names.
///
/// An image that fails does not keep the others from being segmented.
///
/// # Errors
///
/// When the run has no trained network, the folder no image, or some images failed: then with the reason of each.
pub fn segment(
    request: &Request<'_>,
    events: &dyn Events,
    interrupted: &AtomicBool,
) -> Result<Segmented, SegmentError> {
    let folder = RunFolder { root: request.run.to_owned() };
    let plan = load_resolved(&folder.resolved_plan()).map_err(|error| SegmentError::Plan(Box::new(error)))?.plan;
    let device = device(request.device.unwrap_or(&plan.runtime.device))?;
    let cases = images(request.input)?;
    let name = match request.configuration {
        Some(name) => name,
        None => best_configuration(&folder, &plan)?,
    };
    let networks = trained_networks(&folder, &plan, name, &device)?;
    let predictor =
        Predictor { plan: &plan, configuration: &plan.configurations[&name], networks: &networks, device: &device };

    let mut failures = Vec::new();
    events.begin(&format!("{name}: segmenting with {} networks", networks.len()), cases.len());
    for case in &cases {
        if interrupted.load(Ordering::Relaxed) {
            break;
        }
        if let Err(reason) = segment_case(&predictor, case, request.output) {
            failures.push(format!("`{}`: {reason}", case.id));
        }
        events.advance();
    }
    events.end();
    if !failures.is_empty() {
        return Err(SegmentError::Cases(failures));
    }
    let interrupted = interrupted.load(Ordering::Relaxed);
    Ok(Segmented { configuration: name, networks: networks.len(), images: cases.len(), interrupted })
}

#[derive(Debug, Error)]
enum CaseError {
    #[error(transparent)]
    Nifti(#[from] NiftiError),
    #[error("it has {found} channels; the networks were trained on {expected}")]
    Channels { found: usize, expected: usize },
}

fn segment_case(predictor: &Predictor<'_>, case: &Case, output: &Path) -> Result<(), CaseError> {
    let image = read_image(&case.images)?;
    let (found, expected) = (image.voxels.dim().0, predictor.plan.data.channels.len());
    if found != expected {
        return Err(CaseError::Channels { found, expected });
    }
    let prepared = prepare(&image, None, &predictor.plan.preprocess, predictor.configuration);
    let mut labels = predictor.labels(prepared.image.view(), &prepared.placement, image.geometry.spacing);
    postprocess(&mut labels, predictor.plan);
    Ok(write_labels(&output.join(format!("{}.nii.gz", case.id)), labels.view(), &image.geometry)?)
}

/// The configuration with the highest mean foreground Dice; the first one of the plan where there are no scores.
fn best_configuration(folder: &RunFolder, plan: &Plan) -> Result<ConfigurationName, SegmentError> {
    let scores = if folder.scores().is_file() { scores::read(&folder.scores())? } else { Vec::new() };
    let mean = |name: ConfigurationName| {
        let rows: Vec<_> = scores.iter().filter(|row| row.run.configuration == name.as_str()).cloned().collect();
        summarize(&rows).mean_foreground_dice()
    };
    let best = plan
        .configurations
        .keys()
        .filter_map(|&name| Some((name, mean(name)?)))
        .max_by(|(_, left), (_, right)| left.total_cmp(right));
    match best {
        Some((name, _)) => Ok(name),
        None => plan.run.configurations.first().copied().ok_or_else(|| untrained(folder, None)),
    }
}

fn trained_networks(
    folder: &RunFolder,
    plan: &Plan,
    name: ConfigurationName,
    device: &Device,
) -> Result<Vec<UNet>, SegmentError> {
    let configuration = plan.configurations.get(&name).ok_or_else(|| untrained(folder, Some(name)))?;
    let mut networks = Vec::new();
    for &seed in &plan.run.seeds {
        for fold in 0..plan.split.folds {
            let fold = folder.fold(name.as_str(), seed, fold);
            if FoldState::load(&fold)?.trained.is_some() {
                networks.push(UNetConfig::of_plan(plan, configuration).load(&fold.weights(), device)?);
            }
        }
    }
    if networks.is_empty() { Err(untrained(folder, Some(name))) } else { Ok(networks) }
}

fn untrained(folder: &RunFolder, name: Option<ConfigurationName>) -> SegmentError {
    let of = name.map_or_else(String::new, |name| format!(" of configuration `{name}`"));
    SegmentError::Untrained { run: folder.root.display().to_string(), of }
}
