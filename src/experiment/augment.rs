//! What augmentation makes of the patches of one case, for a person to look at.
//!
//! The patches are cut out and transformed by the functions that training uses, with numbers from the same generator.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use ndarray::Zip;

use crate::dataset::{Case, CaseId, Dataset};
use crate::experiment::events::{Events, made_again};
use crate::experiment::{ExperimentError, data, record};
use crate::plan::compare::stage_digests;
use crate::plan::read::LoadedPlan;
use crate::plan::schema::{Configuration, ConfigurationName, Plan};
use crate::preprocess::cache::{Preparation, PreparedCase};
use crate::preprocess::first_stage::FirstStage;
use crate::preprocess::target_spacing;
use crate::random::{Key, Purpose, stream};
use crate::report::figure::slice::augmentation::{Axes, Sample, Sheet, draw, words};
use crate::run::folder::{RunFolder, prepared_case, prepared_folder};
use crate::store::claim::Claim;
use crate::train::augment::{Augmenter, Draw, Faults};
use crate::train::patches::masks;
use crate::train::sample::{CaseView, draw_corner, extract, finish};
use crate::volume::Spacing;
use crate::volume::nifti::read_header;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The case; the first one where none is named.
    pub case: Option<&'a str>,
    /// The configuration; the last one of `run.configurations` where none is named.
    pub configuration: Option<ConfigurationName>,
    /// How many patches.
    pub samples: usize,
    /// Folder of the contact sheet.
    pub output: &'a Path,
    /// Whether a file of its name that segplan did not write may be replaced.
    pub overwrite: bool,
}

/// What was drawn, and where it is.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The case.
    pub case: CaseId,
    /// The configuration.
    pub configuration: ConfigurationName,
    /// The contact sheet.
    pub sheet: PathBuf,
    /// Random numbers of each patch, in words.
    pub draws: Vec<Vec<String>>,
}

/// Draws a contact sheet of patches of a case, before and after augmentation; prepares the case, if that is not done.
///
/// The patches are centred on foreground, as at least a third of those in training are.
///
/// # Errors
///
/// When the data set, the case or the configuration is not there, or a file cannot be read or written.
pub fn show(loaded: &LoadedPlan, request: &Request<'_>, events: &dyn Events) -> Result<Shown, ExperimentError> {
    let plan = &loaded.plan;
    let name = request.configuration.or_else(|| plan.run.configurations.last().copied());
    let (name, configuration) = name
        .and_then(|name| Some((name, plan.configurations.get(&name)?)))
        .ok_or_else(|| ExperimentError::unknown_configuration(plan, name.unwrap_or(ConfigurationName::FullRes)))?;
    let dataset = data::find(loaded, events)?;
    let case = find_case(&dataset, request.case)?.clone();
    let file = PathBuf::from(format!("augment_{}_{name}.png", case.id));
    let (files, inputs) = ([file.clone()], [dataset.folder.clone()]);
    let mut outputs = Claim::new(request.output, &files, &inputs).overwriting(request.overwrite).check()?;
    let folder = prepared_folder(&plan.runtime.runs, &stage_digests(plan, name).preprocess);
    let alone = Dataset { training: vec![case.clone()], ..dataset };
    let contents = &record::read_contents(&plan.runtime.runs, &alone, events, true)?;
    let preparation = Preparation { dataset: &alone, contents, plan, configuration, folder: &folder };
    preparation.make(&AtomicBool::new(false), &|| ())?;
    let prepared = preparation.open(&case.id, &|damage| made_again(damage, events))?;
    let prepared =
        if name == ConfigurationName::Cascade { with_first_stage(plan, prepared, events)? } else { prepared };

    let samples = samples(plan, configuration, &prepared, request.samples);
    let axes = Axes::new(configuration);
    let header =
        read_header(&case.images[0]).map_err(|source| ExperimentError::Nifti { case: case.id.clone(), source })?;
    let spacing = target_spacing(header.geometry.spacing, configuration);
    // Prepared cases have class numbers in place of the labels' own values.
    let classes: BTreeMap<u8, String> = (1..).zip(plan.data.labels.values().cloned()).collect();
    let sheet = Sheet {
        samples: &samples,
        spacing: Spacing(prepared.placement.axes().map(|axis| spacing.0[axis])),
        axes,
        channels: &plan.data.channels,
        classes: &classes,
        title: format!("{}, {name}, patch {}", case.id, configuration.patch_size),
    };
    draw(&sheet, &outputs.staging()?.join(&file))?;
    outputs.keep(&file)?;
    let draws = samples.iter().map(|sample| words(sample, axes, &classes)).collect();
    Ok(Shown { case: case.id, configuration: name, sheet: request.output.join(file), draws })
}

fn find_case<'a>(dataset: &'a Dataset, asked: Option<&str>) -> Result<&'a Case, ExperimentError> {
    let found = match asked {
        Some(asked) => dataset.training.iter().find(|case| case.id.0 == asked),
        None => dataset.training.first(),
    };
    found.ok_or_else(|| ExperimentError::NoSuchCase {
        case: asked.unwrap_or_default().to_owned(),
        dataset: dataset.name.clone(),
        first: dataset.training.first().map_or_else(String::new, |case| format!("; its first one is `{}`", case.id)),
    })
}

/// A case of the cascade's second stage with what the run's first stage says of it; with its reference where that says nothing.
fn with_first_stage(plan: &Plan, case: PreparedCase, events: &dyn Events) -> Result<PreparedCase, ExperimentError> {
    let seed = plan.run.seeds.first().copied().unwrap_or_default();
    let folder = RunFolder::new(&plan.runtime.runs, &plan.name).first_stage_predictions(seed);
    let path = prepared_case(&folder, &case.id.0);
    if FirstStage::open(&path).is_ok_and(|found| found.labels().dim() == case.labels().dim()) {
        events.say("dotted lines are what the first stage says of the case");
        return Ok(case.with_first_stage(&path)?);
    }
    events.say("the first stage says nothing of the case yet: dotted lines are its reference, in place of that");
    Ok(case.with_stand_in())
}

fn samples(plan: &Plan, configuration: &Configuration, case: &PreparedCase, count: usize) -> Vec<Sample> {
    let augmenter = Augmenter::new(&plan.augment, configuration);
    let seed = plan.run.seeds.first().copied().unwrap_or_default();
    let view = CaseView::from(case);
    let masked = plan.preprocess.normalize_in_mask;
    let sample = |number: usize| {
        let counters = [0, 0, 0, number as u64];
        let mut rng = stream(Key { purpose: Purpose::TrainingPatch, seed, counters });
        let corner = draw_corner(&view, augmenter.window(), true, &mut rng);
        let loaded = extract(&view, corner, augmenter.loaded_size());
        let draw = augmenter.draw(plan.data.channels.len(), &mut rng);
        let original = finish(augmenter.apply(&Draw::default(), &loaded), masked);
        let mut augmented = finish(augmenter.apply(&draw, &loaded), masked);
        let mut faults = Faults::default();
        if let Some(classes) = &mut augmented.first_stage {
            faults = Faults::draw(&plan.augment, plan.data.labels.len(), &mut rng);
            let mut masks = masks(classes.view(), plan.data.labels.len());
            faults.apply(&mut masks);
            classes.fill(0);
            for (class, mask) in (1..).zip(&masks) {
                Zip::from(&mut *classes).and(mask).for_each(|at, &inside| *at = if inside { class } else { *at });
            }
        }
        Sample { original, augmented, draw, faults }
    };
    (0..count).map(sample).collect()
}
