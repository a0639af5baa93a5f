//! Batches of a training job: cases and patches drawn, cut out and transformed, each sample by numbers of its own.

use ndarray::{Array3, ArrayView3};
use rayon::prelude::*;

use crate::plan::schema::Plan;
use crate::preprocess::cache::PreparedCase;
use crate::preprocess::first_stage::{FirstStage, append_masks, one_hot};
use crate::random::{Key, Purpose, Rng, stream};
use crate::train::Job;
use crate::train::augment::{Augmenter, Faults};
use crate::train::loader::Batch;
use crate::train::sample::{CaseView, Patch, Window, draw_case, draw_corner, extract, finish, is_forced};

/// What batches are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Training cases, with random transforms.
    Training,
    /// Held-out cases, as they are.
    Validation,
}

impl<'a> From<&'a PreparedCase> for CaseView<'a> {
    fn from(case: &'a PreparedCase) -> Self {
        let foreground = case.classes().iter().map(|&class| case.foreground(class)).collect();
        let first_stage = case.first_stage().map(FirstStage::labels);
        CaseView { image: case.image(), labels: case.labels(), first_stage, foreground }
    }
}

/// The batches of one epoch.
#[derive(Debug)]
pub struct Patches<'a> {
    plan: &'a Plan,
    cases: &'a [PreparedCase],
    augmenter: Option<Augmenter>,
    window: Window,
    channels: usize,
    batch_size: usize,
    purpose: Purpose,
    seed: u64,
    place: [u64; 2],
}

impl<'a> Patches<'a> {
    /// The batches of an epoch, counted from 0.
    pub fn new(job: &Job<'a>, set: Set, epoch: usize) -> Self {
        let patch = job.configuration.patch_size;
        let (cases, augmenter, purpose) = match set {
            Set::Training => {
                let augmenter = Augmenter::new(&job.plan.augment, job.configuration);
                (job.training, Some(augmenter), Purpose::TrainingPatch)
            }
            Set::Validation => (job.validation, None, Purpose::ValidationPatch),
        };
        let window = augmenter.as_ref().map_or(Window { loaded: patch, patch }, Augmenter::window);
        Self {
            plan: job.plan,
            cases,
            augmenter,
            window,
            channels: job.plan.input_channels(job.name),
            batch_size: job.configuration.batch_size,
            purpose,
            seed: job.seed,
            place: [job.fold as u64, epoch as u64],
        }
    }

    /// The batch of a step, counted from 0.
    pub fn batch(&self, step: usize) -> Batch {
        let samples: Vec<(usize, Patch)> =
            (0..self.batch_size).into_par_iter().map(|sample| self.sample(step, sample)).collect();
        let channels = self.channels;
        let voxels = self.window.patch.voxels() * samples.len();
        let mut batch = Batch {
            images: Vec::with_capacity(channels * voxels),
            labels: Vec::with_capacity(voxels),
            channels,
            patch: self.window.patch,
            cases: Vec::with_capacity(samples.len()),
        };
        for (case, patch) in samples {
            batch.images.extend(&patch.image);
            batch.labels.extend(patch.labels.iter().map(|&label| i32::from(label)));
            batch.cases.push(self.cases[case].id.clone());
        }
        batch
    }

    /// One sample of a batch: the number of its case, and its patch.
    fn sample(&self, step: usize, sample: usize) -> (usize, Patch) {
        let [fold, epoch] = self.place;
        let counters = [fold, epoch, step as u64, sample as u64];
        let mut rng = stream(Key { purpose: self.purpose, seed: self.seed, counters });
        let number = draw_case(self.cases.len(), &mut rng);
        let case = &self.cases[number];
        let view = CaseView::from(case);
        let corner = draw_corner(&view, self.window, is_forced(sample, self.batch_size), &mut rng);
        let loaded = extract(&view, corner, self.window.loaded);
        let patch = match &self.augmenter {
            Some(augmenter) => {
                let draw = augmenter.draw(self.plan.data.channels.len(), &mut rng);
                augmenter.apply(&draw, &loaded)
            }
            None => loaded,
        };
        (number, self.with_first_stage(finish(patch, self.plan.preprocess.normalize_in_mask), &mut rng))
    }

    /// The patch as the network sees it: in the cascade's second stage with one more channel for each foreground class that
    /// the first stage knows, in training with random faults.
    fn with_first_stage(&self, mut patch: Patch, rng: &mut Rng) -> Patch {
        let Some(classes) = patch.first_stage.take() else { return patch };
        let mut masks = masks(classes.view(), self.plan.data.labels.len());
        if self.augmenter.is_some() {
            Faults::draw(&self.plan.augment, masks.len(), rng).apply(&mut masks);
        }
        patch.image = append_masks(patch.image.view(), &masks);
        patch
    }
}

/// The classes of the first stage in a patch, `[z, y, x]`, as one mask for each of so many foreground classes.
pub fn masks(classes: ArrayView3<'_, i16>, foreground: usize) -> Vec<Array3<bool>> {
    one_hot(classes.mapv(|class| u8::try_from(class).unwrap_or(0)).view(), foreground)
}

#[cfg(test)]
mod tests;
