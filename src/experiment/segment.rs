//! Segmenting new images with a finished run.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Device;
use ndarray::ArrayView3;
use thiserror::Error;

use crate::dataset::Case;
use crate::dataset::gate::{Expected, Faults, read_image};
use crate::dataset::images::{ImagesError, images, names as names_of};
use crate::device::{DeviceError, device};
use crate::evaluate::scores;
use crate::experiment::events::Events;
use crate::experiment::postprocessing::Postprocessing;
use crate::experiment::state::{FoldState, StateError};
use crate::network::weights::WeightsError;
use crate::network::{UNet, UNetConfig};
use crate::plan::fault::PlanError;
use crate::plan::load::load_resolved;
use crate::plan::schema::{ConfigurationName, Plan, PostprocessRule};
use crate::postprocess::Filter;
use crate::predict::cascade::{Grid, first_stage};
use crate::predict::memory::{PredictError, Room};
use crate::predict::{Member, Predictor, labels};
use crate::preprocess::first_stage::{beside, one_hot};
use crate::preprocess::{Prepared, prepare};
use crate::select::{Selection, joined};
use crate::store::folder::RunFolder;
use crate::store::table::TableError;
use crate::store::{StoreError, read_text_if_present};
use crate::volume::nifti::{NiftiError, ProbabilityWriter, write_labels};
use crate::volume::{Image, Shape};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The run folder.
    pub run: &'a Path,
    /// Folder of images.
    pub input: &'a Path,
    /// Folder of the segmentations.
    pub output: &'a Path,
    /// Configuration; the candidate that did best in the cross-validation where none is named.
    pub configuration: Option<ConfigurationName>,
    /// Device; the run's own where none is named.
    pub device: Option<&'a str>,
    /// Whether probabilities are written, too: to `probabilities/` of the output folder.
    pub probabilities: bool,
    /// Memory that images and probabilities may take, GiB; the run's own where none is named.
    pub memory_gib: Option<u64>,
}

/// What was done.
#[derive(Clone, Debug)]
pub struct Segmented {
    /// Configurations that were used; the mean of their probabilities decided.
    pub configurations: Vec<ConfigurationName>,
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
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("`{path}` is damaged: {source}; `segplan run` writes it anew")]
    Selection { path: String, source: serde_json::Error },
    #[error("`{0}` holds no run: it has no `plan.toml`; make one with `segplan run PLAN`")]
    NoRun(String),
    #[error("`{run}` has no trained network{of}; train one with `segplan run`")]
    Untrained { run: String, of: String },
    #[error("not every image could be segmented; the others are done:\n  {}", .0.join("\n  "))]
    Cases(Vec<String>),
}

/// Segments each image of a folder with all trained folds of a configuration, or of an ensemble of two, and writes label maps of
/// the same names.
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
    if !folder.resolved_plan().is_file() {
        return Err(SegmentError::NoRun(request.run.display().to_string()));
    }
    let plan = load_resolved(&folder.resolved_plan()).map_err(|error| SegmentError::Plan(Box::new(error)))?.plan;
    let device = device(request.device.unwrap_or(&plan.runtime.device))?;
    let found = images(request.input, plan.data.channels.len())?;
    let named = found.notes.iter().cloned().chain(skipped(&found.others));
    named.for_each(|note| events.say(&format!("note: {note}")));
    let cases = found.cases;
    let names = match request.configuration {
        Some(name) => vec![name],
        None => best_candidate(&folder, &plan)?,
    };
    let networks: Vec<Networks> =
        names.iter().map(|&name| Networks::load(&folder, &plan, name, &device)).collect::<Result<_, _>>()?;
    let stages: Vec<Stages<'_>> = networks.iter().map(|networks| networks.stages(&plan, &device)).collect();
    let filter = filter(&folder, &plan, &names, events)?;
    let room = Room::gib(request.memory_gib.unwrap_or(plan.runtime.memory_gib), request.output);
    let job = Job { stages: &stages, filter: &filter, room, request };
    let count = networks.iter().map(|networks| networks.own.len()).sum();
    let shown = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + ");

    let mut failures: Vec<String> =
        found.faults.iter().map(|(path, reason)| format!("`{}` {reason}", path.display())).collect();
    events.begin(&format!("{shown}: segmenting with {count} networks"), cases.len());
    for case in &cases {
        if interrupted.load(Ordering::Relaxed) {
            break;
        }
        if let Err(reason) = job.segment(case) {
            // Faults of files name their case themselves.
            let named = matches!(reason, CaseError::Faults(_));
            failures.push(if named { reason.to_string() } else { format!("case `{}`: {reason}", case.id) });
        }
        events.advance();
    }
    events.end();
    if !failures.is_empty() {
        return Err(SegmentError::Cases(failures));
    }
    let interrupted = interrupted.load(Ordering::Relaxed);
    Ok(Segmented { configurations: names, networks: count, images: cases.len(), interrupted })
}

/// A note on what is no image.
fn skipped(others: &[PathBuf]) -> Option<String> {
    (!others.is_empty()).then(|| format!("not segmented, since it is no image: {}", names_of(others)))
}

/// The trained networks of one configuration, and of its first stage where it has one.
struct Networks {
    name: ConfigurationName,
    own: Vec<UNet>,
    first_stage: Vec<UNet>,
}

impl Networks {
    fn load(folder: &RunFolder, plan: &Plan, name: ConfigurationName, device: &Device) -> Result<Self, SegmentError> {
        let first_stage = match name {
            ConfigurationName::Cascade => trained_networks(folder, plan, ConfigurationName::LowRes, device)?,
            ConfigurationName::TwoD | ConfigurationName::FullRes | ConfigurationName::LowRes => Vec::new(),
        };
        Ok(Self { name, own: trained_networks(folder, plan, name, device)?, first_stage })
    }

    fn stages<'a>(&'a self, plan: &'a Plan, device: &'a Device) -> Stages<'a> {
        let predictor = |name, networks: &'a [UNet]| Predictor {
            plan,
            name,
            configuration: &plan.configurations[&name],
            networks,
            device,
        };
        let first = Some(&self.first_stage).filter(|networks| !networks.is_empty());
        Stages {
            predictor: predictor(self.name, &self.own),
            first: first.map(|networks| predictor(ConfigurationName::LowRes, networks)),
        }
    }
}

/// What segments an image by one configuration, and what does so before it in the cascade.
struct Stages<'a> {
    predictor: Predictor<'a>,
    first: Option<Predictor<'a>>,
}

impl Stages<'_> {
    /// The image as the networks see it: in the cascade's second stage with the classes that the first one predicts.
    fn prepare(&self, image: &Image, room: &Room<'_>) -> Result<Prepared, PredictError> {
        let rules = &self.predictor.plan.preprocess;
        let mut case = prepare(image, None, rules, self.predictor.configuration);
        if let Some(first) = &self.first {
            let coarse = prepare(image, None, rules, first.configuration);
            let grid = Grid { shape: Shape(case.labels.dim().into()), placement: &case.placement };
            let classes = first_stage(&member(first, &coarse), self.predictor.configuration, grid, room)?;
            case.image = beside(case.image.view(), &one_hot(classes.view(), self.predictor.plan.data.labels.len()));
        }
        Ok(case)
    }
}

fn member<'a>(predictor: &'a Predictor<'a>, case: &'a Prepared) -> Member<'a> {
    Member { predictor, image: case.image.view(), placement: &case.placement }
}

#[derive(Debug, Error)]
enum CaseError {
    #[error(transparent)]
    Nifti(#[from] NiftiError),
    #[error(transparent)]
    Predict(#[from] PredictError),
    #[error(transparent)]
    Faults(#[from] Faults),
}

/// What is done to each image.
struct Job<'a> {
    stages: &'a [Stages<'a>],
    filter: &'a Filter,
    room: Room<'a>,
    request: &'a Request<'a>,
}

impl Job<'_> {
    fn segment(&self, case: &Case) -> Result<(), CaseError> {
        let plan = self.stages[0].predictor.plan;
        let image = read_image(case, &Expected { memory_bytes: self.room.bytes as u64, ..plan.expected() })?;
        let prepare = |stages: &Stages<'_>| stages.prepare(&image, &self.room);
        let prepared: Vec<Prepared> = self.stages.iter().map(prepare).collect::<Result<_, _>>()?;
        let geometry = image.geometry;
        // Its place in memory is needed for what comes now.
        drop(image.voxels);
        let members: Vec<Member<'_>> =
            self.stages.iter().zip(&prepared).map(|(stages, case)| member(&stages.predictor, case)).collect();
        let file = format!("{}.nii.gz", case.id);
        let mut labels = if self.request.probabilities {
            let path = self.request.output.join("probabilities").join(&file);
            let numbers: Vec<u8> = plan.data.labels.keys().copied().collect();
            let mut writer = ProbabilityWriter::new(&path, &geometry, &numbers)?;
            let mut write = |_, class: ArrayView3<'_, f32>| Ok(writer.write(class)?);
            let labels = labels(&members, geometry.spacing, &self.room, Some(&mut write))?;
            writer.finish()?;
            labels
        } else {
            labels(&members, geometry.spacing, &self.room, None)?
        };
        self.filter.apply(&mut labels);
        Ok(write_labels(&self.request.output.join(file), labels.view(), &geometry)?)
    }
}

/// What is done to the predictions of a candidate.
fn filter(
    folder: &RunFolder,
    plan: &Plan,
    names: &[ConfigurationName],
    events: &dyn Events,
) -> Result<Filter, SegmentError> {
    let rule = plan.postprocess.rule;
    if rule != PostprocessRule::CrossValidation {
        return Ok(Filter::of_plan(plan));
    }
    let candidate = joined(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
    let mut decided = Postprocessing::load(folder, rule)?.candidates;
    let Some(decided) = decided.remove(&candidate) else {
        let reason = "its cross-validation, which decides on post-processing, is not complete";
        events.say(&format!("{candidate}: {reason}; nothing is post-processed"));
        return Ok(Filter::default());
    };
    Ok(decided.decision.filter)
}

/// The configurations of the candidate that did best in the cross-validation. Before that is complete, the configuration with
/// the best scores so far, or the first one of the plan.
fn best_candidate(folder: &RunFolder, plan: &Plan) -> Result<Vec<ConfigurationName>, SegmentError> {
    let path = folder.selection();
    let selection = match read_text_if_present(&path)? {
        Some(text) => serde_json::from_str(&text)
            .map_err(|source| SegmentError::Selection { path: path.display().to_string(), source })?,
        None if folder.scores().is_file() => Selection::of(&scores::read(&folder.scores())?),
        None => Selection { candidates: Vec::new() },
    };
    let known = |name: &String| plan.configurations.keys().copied().find(|known| known.as_str() == name);
    let of_plan = selection.candidates.iter().find_map(|one| one.configurations.iter().map(known).collect());
    match (of_plan, plan.run.configurations.first()) {
        (Some(names), _) => Ok(names),
        (None, Some(&name)) => Ok(vec![name]),
        (None, None) => Err(untrained(folder, None)),
    }
}

fn trained_networks(
    folder: &RunFolder,
    plan: &Plan,
    name: ConfigurationName,
    device: &Device,
) -> Result<Vec<UNet>, SegmentError> {
    if !plan.configurations.contains_key(&name) {
        return Err(untrained(folder, Some(name)));
    }
    let mut networks = Vec::new();
    for &seed in &plan.run.seeds {
        for fold in 0..plan.split.folds {
            let fold = folder.fold(name.as_str(), seed, fold);
            if FoldState::load(&fold)?.trained.is_some() {
                networks.push(UNetConfig::of_plan(plan, name).load(&fold.weights(), device)?);
            }
        }
    }
    if networks.is_empty() { Err(untrained(folder, Some(name))) } else { Ok(networks) }
}

fn untrained(folder: &RunFolder, name: Option<ConfigurationName>) -> SegmentError {
    let of = name.map_or_else(String::new, |name| format!(" of configuration `{name}`"));
    SegmentError::Untrained { run: folder.root.display().to_string(), of }
}
