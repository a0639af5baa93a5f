//! A look at augmentation: training patches of one case before and after it, as a contact sheet.
//!
//! Input: a plan and a case. Output: a PNG file and the drawn parameters in words. Patches are drawn and transformed by the
//! functions that training uses.

mod error;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use ndarray::Zip;

pub use self::error::PreviewError;
use crate::dataset::{Case, CaseId, Dataset};
use crate::plan::compare::stage_digests;
use crate::plan::read::LoadedPlan;
use crate::plan::schema::{Configuration, ConfigurationName, Plan};
use crate::preprocess::cache::{Preparation, PreparedCase};
use crate::preprocess::first_stage::FirstStage;
use crate::preprocess::target_spacing;
use crate::random::{Key, Purpose, stream};
use crate::report::figure::slice::augmentation::{ContactSheet, Sample, describe_sample, write_contact_sheet};
use crate::run::contents::{KeepDigests, hash_contents};
use crate::run::dataset::find_dataset;
use crate::run::folder::{RunFolder, prepared_case, prepared_folder};
use crate::run::{Listener, UnknownConfiguration};
use crate::store::claim::Claim;
use crate::train::augment::{Augmenter, AxisNames, Draw, FirstStageCorruption};
use crate::train::batches::class_masks;
use crate::train::patch::{CaseView, extract, to_network_input};
use crate::train::sampler::draw_corner;
use crate::volume::Spacing;
use crate::volume::io::read_header;

/// The patches to draw.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The case; the first one by default.
    pub case: Option<&'a str>,
    /// The configuration; the last one of `run.configurations` by default.
    pub configuration: Option<ConfigurationName>,
    /// Number of patches.
    pub samples: usize,
    /// Folder for the contact sheet.
    pub output: &'a Path,
    /// Whether a file of the same name may be replaced that segplan did not write.
    pub overwrite: bool,
}

/// A contact sheet that was written.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The case.
    pub case: CaseId,
    /// The configuration.
    pub configuration: ConfigurationName,
    /// Path of the contact sheet.
    pub sheet: PathBuf,
    /// The drawn parameters of each patch, in words.
    pub draws: Vec<Vec<String>>,
}

/// Draws a contact sheet of patches of a case before and after augmentation. Preprocesses the case if necessary.
///
/// The patches are centred on foreground, as at least a third of the training patches are.
///
/// # Errors
///
/// If data set, case or configuration do not exist, or a file cannot be read or written.
pub fn preview(loaded: &LoadedPlan, request: &Request<'_>, listener: &dyn Listener) -> Result<Preview, PreviewError> {
    let plan = &loaded.plan;
    let name = request.configuration.or_else(|| plan.run.configurations.last().copied());
    let (name, configuration) = name
        .and_then(|name| Some((name, plan.configurations.get(&name)?)))
        .ok_or_else(|| UnknownConfiguration::new(plan, name.unwrap_or(ConfigurationName::FullRes)))?;
    let dataset = find_dataset(loaded, listener)?;
    let case = find_case(&dataset, request.case)?.clone();
    let file = PathBuf::from(format!("augment_{}_{name}.png", case.id));
    let (files, inputs) = ([file.clone()], [dataset.folder.clone()]);
    let mut outputs = Claim::new(request.output, &files, &inputs).overwriting(request.overwrite).check()?;
    let folder = prepared_folder(&plan.runtime.runs, &stage_digests(plan, name).preprocess);
    let alone = Dataset { training: vec![case.clone()], ..dataset };
    let contents = &hash_contents(&plan.runtime.runs, &alone, listener, KeepDigests::Yes)?;
    let preparation = Preparation { dataset: &alone, contents, plan, configuration, folder: &folder };
    preparation.make(&AtomicBool::new(false), &|| ())?;
    let prepared = preparation.open(&case.id, &|damage| listener.replacing(damage))?;
    let prepared =
        if name == ConfigurationName::Cascade { with_first_stage(plan, prepared, listener)? } else { prepared };

    let samples = draw_samples(plan, configuration, &prepared, request.samples);
    let axes = AxisNames::new(configuration);
    let header =
        read_header(&case.images[0]).map_err(|source| PreviewError::Image { case: case.id.clone(), source })?;
    let spacing = target_spacing(header.geometry.spacing, configuration);
    // Preprocessed cases hold class numbers instead of label values.
    let classes: BTreeMap<u8, String> = (1..).zip(plan.data.labels.values().cloned()).collect();
    let sheet = ContactSheet {
        samples: &samples,
        spacing: Spacing(prepared.placement.axes().map(|axis| spacing.0[axis])),
        axes,
        channels: &plan.data.channels,
        classes: &classes,
        title: format!("{}, {name}, patch {}", case.id, configuration.patch_size),
    };
    write_contact_sheet(&sheet, &outputs.staging()?.join(&file))?;
    outputs.keep(&file)?;
    let draws = samples.iter().map(|sample| describe_sample(sample, axes, &classes)).collect();
    Ok(Preview { case: case.id, configuration: name, sheet: request.output.join(file), draws })
}

fn find_case<'a>(dataset: &'a Dataset, name: Option<&str>) -> Result<&'a Case, PreviewError> {
    let found = match name {
        Some(name) => dataset.training.iter().find(|case| case.id.0 == name),
        None => dataset.training.first(),
    };
    found.ok_or_else(|| PreviewError::NoSuchCase {
        case: name.unwrap_or_default().to_owned(),
        dataset: dataset.name.clone(),
        example: dataset.training.first().map_or_else(String::new, |case| format!("; its first case is `{}`", case.id)),
    })
}

/// Adds the first stage's prediction to a case of the cascade's second stage; the reference labels if there is none.
fn with_first_stage(plan: &Plan, case: PreparedCase, listener: &dyn Listener) -> Result<PreparedCase, PreviewError> {
    let seed = plan.run.seeds.first().copied().unwrap_or_default();
    let folder = RunFolder::new(&plan.runtime.runs, &plan.name).first_stage_predictions(seed);
    let path = prepared_case(&folder, &case.id.0);
    if FirstStage::open(&path).is_ok_and(|found| found.labels().dim() == case.labels().dim()) {
        listener.say("dotted lines show the first stage's prediction");
        return Ok(case.with_first_stage(&path)?);
    }
    listener.say("no first-stage prediction yet; dotted lines show the reference instead");
    Ok(case.with_reference_as_first_stage())
}

fn draw_samples(plan: &Plan, configuration: &Configuration, case: &PreparedCase, count: usize) -> Vec<Sample> {
    let augmenter = Augmenter::new(&plan.augment, configuration);
    let seed = plan.run.seeds.first().copied().unwrap_or_default();
    let view = CaseView::from(case);
    let masked = plan.preprocess.normalize_in_mask;
    let sample = |number: usize| {
        let counters = [0, 0, 0, number as u64];
        let mut rng = stream(Key { purpose: Purpose::TrainingPatch, seed, counters });
        let corner = draw_corner(&view, augmenter.sizes(), true, &mut rng);
        let loaded = extract(&view, corner, augmenter.loaded_size());
        let draw = augmenter.draw(plan.data.channels.len(), &mut rng);
        let original = to_network_input(augmenter.apply(&Draw::default(), &loaded), masked);
        let mut augmented = to_network_input(augmenter.apply(&draw, &loaded), masked);
        let mut corruption = FirstStageCorruption::default();
        if let Some(classes) = &mut augmented.first_stage {
            corruption = FirstStageCorruption::draw(&plan.augment, plan.data.labels.len(), &mut rng);
            let mut masks = class_masks(classes.view(), plan.data.labels.len());
            corruption.apply(&mut masks);
            classes.fill(0);
            for (class, mask) in (1..).zip(&masks) {
                Zip::from(&mut *classes).and(mask).for_each(|at, &inside| *at = if inside { class } else { *at });
            }
        }
        Sample { original, augmented, draw, corruption }
    };
    (0..count).map(sample).collect()
}
