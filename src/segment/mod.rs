//! Segmenting new images with a finished run.

mod training_data;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use ndarray::ArrayView3;
use thiserror::Error;

use self::training_data::TrainingData;
use crate::dataset::Case;
use crate::dataset::file_names;
use crate::dataset::gate::{Expected, Issues, read_image};
use crate::dataset::images::{ImagesError, find_cases};
use crate::device::{DeviceError, open_device};
use crate::evaluate::scores;
use crate::network::weights::WeightsError;
use crate::network::{PlannedNetwork, UNet};
use crate::plan::compare::stage_digests;
use crate::plan::read::PlanError;
use crate::plan::read::load_resolved;
use crate::plan::schema::{ConfigurationName, Plan, PostprocessRule};
use crate::postprocess::Filter;
use crate::predict::cascade::{Grid, predict_first_stage};
use crate::predict::{EnsembleMember, MemoryLimit, OnTiles, PredictError, Predictor, predict_labels};
use crate::preprocess::first_stage::{beside, one_hot};
use crate::preprocess::footprint::{Collapsed, check_collapse};
use crate::preprocess::{Prepared, prepare};
use crate::run::Listener;
use crate::run::Watch;
use crate::run::folder::{FoldFolder, RunFolder};
use crate::run::postprocessing::Postprocessing;
use crate::run::read_json;
use crate::run::{NetworkState, RunFileError};
use crate::select::{Selection, joined};
use crate::store::claim::{Claim, ClaimError};
use crate::store::outputs::Outputs;
use crate::store::table::TableError;
use crate::store::{StoreError, digest_of_file, short_digest};
use crate::units::counted;
use crate::volume::io::format::file_name;
use crate::volume::io::{ImageFileError, ProbabilityWriter, write_labels};
use crate::volume::orient::Reorder;
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
    /// Whether files of the output folder that segplan did not write may be replaced.
    pub overwrite: bool,
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
    /// Images that are segmented, now or before.
    pub done: usize,
    /// Those of them that the same networks had segmented before, into the same folder.
    pub before: usize,
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
    RunFile(#[from] RunFileError),
    #[error(transparent)]
    Score(#[from] TableError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Claim(#[from] ClaimError),
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
/// An image that fails does not keep the others from being segmented. What the same networks have written there before, of the
/// same image, is kept. An image whose axes are in another order than those of the training cases is brought into their order,
/// and its labels back.
///
/// # Errors
///
/// When the run has no trained network, the folder no image, or some images failed: then with the reason of each.
pub fn segment(
    request: &Request<'_>,
    events: &dyn Listener,
    interrupted: &AtomicBool,
) -> Result<Segmented, SegmentError> {
    let folder = RunFolder { root: request.run.to_owned() };
    if !folder.resolved_plan().is_file() {
        return Err(SegmentError::NoRun(request.run.display().to_string()));
    }
    let plan = load_resolved(&folder.resolved_plan()).map_err(|error| SegmentError::Plan(Box::new(error)))?.plan;
    let device = open_device(request.device.unwrap_or(&plan.runtime.device))?;
    let found = find_cases(request.input, plan.data.channels.len())?;
    let named = found.notes.iter().cloned().chain(skipped(&found.others));
    named.for_each(|note| events.say(&format!("note: {note}")));
    let cases = found.cases;
    let mut outputs = claim(request, &cases)?;
    let staging = outputs.staging()?.to_owned();
    let names = match request.configuration {
        Some(name) => vec![name],
        None => best_candidate(&folder, &plan)?,
    };
    let networks: Vec<Networks> =
        names.iter().map(|&name| Networks::load(&folder, &plan, name, &device)).collect::<Result<_, _>>()?;
    let stages: Vec<Stages<'_>> = networks.iter().map(|networks| networks.stages(&plan, &device)).collect();
    let filter = filter(&folder, &plan, &names, events)?;
    let limit = MemoryLimit::from_gib(request.memory_gib.unwrap_or(plan.runtime.memory_gib), request.output);
    let trained_on = TrainingData::load(&folder)?;
    let decides = (digest_of_networks(&folder, &plan, &names)?, &filter, format!("{:?}", trained_on.orientation()));
    let decides = short_digest(&decides);
    let watch = Watch { listener: events, interrupted };
    let job = Job {
        stages: &stages,
        filter: &filter,
        limit,
        request,
        trained_on: &trained_on,
        watch,
        outputs: &outputs,
        staging: &staging,
    };
    let count = networks.iter().map(|networks| networks.own.len()).sum();
    let shown = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + ");
    if let Some(note) = trained_on.note() {
        events.say(&note);
    }

    let mut failures: Vec<String> =
        found.unusable.iter().map(|(path, reason)| format!("`{}` {reason}", path.display())).collect();
    let (mut left, mut before) = (cases.len(), 0);
    events.begin(&format!("{shown}: segmenting with {}", counted(count, "network")), cases.len());
    for case in &cases {
        if watch.is_interrupted() {
            break;
        }
        let files = written(request, case);
        // A file that cannot be read is a failure of its case, not of all.
        let of = made_of(case, &decides).unwrap_or_default();
        if !of.is_empty() && files.iter().all(|file| outputs.is_made_of(file, &of)) {
            before += 1;
        } else {
            match job.segment(case, &of) {
                Err(CaseError::Predict(PredictError::Interrupted)) => break,
                // Faults of files name their case themselves.
                Err(CaseError::Issues(faults)) => failures.push(faults.to_string()),
                Err(reason) => failures.push(format!("case `{}`: {reason}", case.id)),
                Ok(()) => (),
            }
        }
        left -= 1;
        events.advance();
    }
    events.end();
    let failed = failures.len() - found.unusable.len();
    let (images, done) = (cases.len(), cases.len() - left - failed);
    if !failures.is_empty() {
        let failures = SegmentError::Cases(failures);
        if left == 0 {
            return Err(failures);
        }
        events.say(&failures.to_string());
    }
    Ok(Segmented { configurations: names, networks: count, images, done, before, interrupted: left > 0 })
}

/// Digest of all that decides on the files of a case: the networks with what belongs to them, and what the case's images hold.
fn made_of(case: &Case, decides: &str) -> Result<String, StoreError> {
    let images: Vec<String> = case.images.iter().map(|path| digest_of_file(path)).collect::<Result<_, _>>()?;
    Ok(short_digest(&(decides, images)))
}

/// The label map of a case, and its probabilities where they are asked for, by their names in the output folder.
fn files(request: &Request<'_>, case: &Case) -> (PathBuf, Option<PathBuf>) {
    let labels = PathBuf::from(file_name(&case.id.0));
    let probabilities = request.probabilities.then(|| Path::new("probabilities").join(&labels));
    (labels, probabilities)
}

/// All of them.
fn written(request: &Request<'_>, case: &Case) -> Vec<PathBuf> {
    let (labels, probabilities) = files(request, case);
    std::iter::once(labels).chain(probabilities).collect()
}

/// Whether all that is asked for may be written.
fn claim(request: &Request<'_>, cases: &[Case]) -> Result<Outputs, ClaimError> {
    let files: Vec<PathBuf> = cases.iter().flat_map(|case| written(request, case)).collect();
    let images = cases.iter().flat_map(|case| &case.images).cloned();
    let inputs: Vec<PathBuf> = [request.run, request.input].map(Path::to_owned).into_iter().chain(images).collect();
    Claim::new(request.output, &files, &inputs).overwriting(request.overwrite).check()
}

/// A note on what is no image.
fn skipped(others: &[PathBuf]) -> Option<String> {
    (!others.is_empty()).then(|| format!("not segmented, since it is no image: {}", file_names(others)))
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
        let predictor = |name, networks: &'a [UNet]| {
            let network = PlannedNetwork::new(plan, name);
            Predictor { network, networks, device }
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
    fn prepare(&self, image: Image, limit: &MemoryLimit<'_>, on_tiles: &OnTiles<'_>) -> Result<Prepared, PredictError> {
        let network = self.predictor.network;
        let (settings, configuration) = (&network.plan().preprocess, network.configuration());
        let bytes = limit.bytes as u64;
        let prepare_first =
            |first: &Predictor<'_>| prepare(image.clone(), None, settings, first.network.configuration(), bytes);
        let coarse = self.first.as_ref().map(prepare_first);
        let mut case = prepare(image, None, settings, configuration, bytes)?;
        if let (Some(first), Some(coarse)) = (&self.first, coarse.transpose()?) {
            let grid = Grid { shape: Shape(case.labels.dim().into()), placement: &case.placement };
            let classes = predict_first_stage(&member(first, &coarse), configuration, grid, limit, on_tiles)?;
            case.image = beside(case.image.view(), &one_hot(classes.view(), network.plan().data.labels.len()));
        }
        Ok(case)
    }
}

fn member<'a>(predictor: &'a Predictor<'a>, case: &'a Prepared) -> EnsembleMember<'a> {
    EnsembleMember { predictor, image: case.image.view(), placement: &case.placement }
}

#[derive(Debug, Error)]
enum CaseError {
    #[error(transparent)]
    Image(#[from] ImageFileError),
    #[error(transparent)]
    Predict(#[from] PredictError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Issues(#[from] Issues),
    #[error(transparent)]
    Collapsed(#[from] Collapsed),
}

/// What is done to each image.
struct Job<'a> {
    stages: &'a [Stages<'a>],
    filter: &'a Filter,
    limit: MemoryLimit<'a>,
    request: &'a Request<'a>,
    trained_on: &'a TrainingData,
    watch: Watch<'a>,
    outputs: &'a Outputs,
    /// Where files are made before they get their names.
    staging: &'a Path,
}

impl Job<'_> {
    fn segment(&self, case: &Case, made_of: &str) -> Result<(), CaseError> {
        let plan = self.stages[0].predictor.network.plan();
        let image = read_image(case, &Expected { memory_bytes: self.limit.bytes as u64, ..plan.expected() })?;
        let geometry = image.geometry.clone();
        for stages in self.stages {
            check_collapse(geometry.shape, geometry.spacing, stages.predictor.network.configuration())?;
        }
        let (image, back) = self.in_training_order(image, case);
        let on_tiles = self.watch.on_tiles(&case.id);
        let spacing = image.geometry.spacing;
        let [others @ .., last] = self.stages else { unreachable!("at least one configuration predicts") };
        let mut prepared: Vec<Prepared> = others
            .iter()
            .map(|stages| stages.prepare(image.clone(), &self.limit, &on_tiles))
            .collect::<Result<_, _>>()?;
        // Its place in memory is that of what is prepared from it.
        prepared.push(last.prepare(image, &self.limit, &on_tiles)?);
        let members: Vec<EnsembleMember<'_>> =
            self.stages.iter().zip(&prepared).map(|(stages, case)| member(&stages.predictor, case)).collect();
        let (file, probabilities) = files(self.request, case);
        let mut labels = if let Some(file) = &probabilities {
            let path = self.staging.join(file);
            let numbers: Vec<u8> = plan.data.labels.keys().copied().collect();
            let mut writer = ProbabilityWriter::new(&path, &geometry, &numbers)?;
            let mut write = |_, class: ArrayView3<'_, f32>| {
                let class = back.map_or(class, |back| back.volume(class));
                Ok(writer.write(class)?)
            };
            let labels = predict_labels(&members, spacing, &self.limit, &on_tiles, Some(&mut write))?;
            writer.finish()?;
            self.outputs.keep_made_of(file, made_of)?;
            labels
        } else {
            predict_labels(&members, spacing, &self.limit, &on_tiles, None)?
        };
        if let Some(back) = back {
            labels = back.volume(labels.view()).as_standard_layout().into_owned();
        }
        self.filter.apply(&mut labels);
        write_labels(&self.staging.join(&file), labels.view(), &geometry)?;
        Ok(self.outputs.keep_made_of(&file, made_of)?)
    }

    /// An image in the axis order of the training cases, and the way back where its own is another. Says so, and what of the
    /// image is far from the training cases.
    fn in_training_order(&self, image: Image, case: &Case) -> (Image, Option<Reorder>) {
        let (reorder, said) = self.trained_on.reorder(&image.geometry);
        let image = match reorder {
            Some(reorder) => Image {
                voxels: reorder.image(image.voxels.view()).as_standard_layout().into_owned(),
                geometry: reorder.geometry(&image.geometry),
            },
            None => image,
        };
        let unlike = self.trained_on.unlike(&image, self.stages[0].predictor.network.plan());
        for text in said.into_iter().chain(unlike.iter().map(|reason| format!("warning: {reason}"))) {
            self.watch.listener.say(&format!("`{}`: {text}", case.id));
        }
        (image, reorder.map(Reorder::inverse))
    }
}

/// What is done to the predictions of a candidate.
fn filter(
    folder: &RunFolder,
    plan: &Plan,
    names: &[ConfigurationName],
    events: &dyn Listener,
) -> Result<Filter, SegmentError> {
    let rule = plan.postprocess.rule;
    if rule != PostprocessRule::CrossValidation {
        return Ok(Filter::of_plan(plan));
    }
    let candidate = joined(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
    let mut decided = Postprocessing::read(folder, rule)?.candidates;
    let Some(decided) = decided.remove(&candidate) else {
        let reason = "its cross-validation, which decides on post-processing, is not complete";
        events.say(&format!("{candidate}: {reason}; nothing is post-processed"));
        return Ok(Filter::default());
    };
    Ok(decided.decision.filter)
}

/// The configurations of the candidate that did best in the cross-validation. Before that is complete, the configuration with
/// the best scores so far, or the first one of the plan that is trained.
fn best_candidate(folder: &RunFolder, plan: &Plan) -> Result<Vec<ConfigurationName>, SegmentError> {
    let selection = match read_json(&folder.selection())? {
        Some(selection) => selection,
        None if folder.scores().is_file() => Selection::of(&scores::read(&folder.scores())?),
        None => Selection { candidates: Vec::new() },
    };
    let known = |name: &String| plan.configurations.keys().copied().find(|known| known.as_str() == name);
    let of_plan = selection.candidates.iter().find_map(|one| one.configurations.iter().map(known).collect());
    let is_trained = |name: &ConfigurationName| {
        let folds = |seed| (0..plan.split.folds).map(move |fold| folder.fold(name.as_str(), seed, fold));
        let mut all = plan.run.seeds.iter().flat_map(|&seed| folds(seed));
        all.any(|fold| NetworkState::read(&fold).is_ok_and(|state| state.trained.is_some()))
    };
    match (of_plan, plan.run.configurations.iter().find(|name| is_trained(name))) {
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
    let load = |fold: &FoldFolder| PlannedNetwork::new(plan, name).load(&fold.weights(), device);
    let networks: Vec<UNet> = trained_folds(folder, plan, name)?.iter().map(load).collect::<Result<_, _>>()?;
    if networks.is_empty() { Err(untrained(folder, Some(name))) } else { Ok(networks) }
}

/// Folders of the networks of a configuration that are trained.
fn trained_folds(folder: &RunFolder, plan: &Plan, name: ConfigurationName) -> Result<Vec<FoldFolder>, SegmentError> {
    let mut trained = Vec::new();
    for &seed in &plan.run.seeds {
        for fold in 0..plan.split.folds {
            let fold = folder.fold(name.as_str(), seed, fold);
            if NetworkState::read(&fold)?.trained.is_some() {
                trained.push(fold);
            }
        }
    }
    Ok(trained)
}

/// Digest of the weights that images are segmented with, and of the plan's tables that decide how.
fn digest_of_networks(folder: &RunFolder, plan: &Plan, names: &[ConfigurationName]) -> Result<String, SegmentError> {
    let mut all = vec![env!("CARGO_PKG_VERSION").to_owned()];
    for &name in names {
        all.push(stage_digests(plan, name).predict);
        for name in name.first_stage().into_iter().chain([name]) {
            for fold in trained_folds(folder, plan, name)? {
                all.push(digest_of_file(&fold.weights())?);
            }
        }
    }
    Ok(short_digest(&all))
}

fn untrained(folder: &RunFolder, name: Option<ConfigurationName>) -> SegmentError {
    let of = name.map_or_else(String::new, |name| format!(" of configuration `{name}`"));
    SegmentError::Untrained { run: folder.root.display().to_string(), of }
}
