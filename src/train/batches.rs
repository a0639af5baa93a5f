//! The batches of an epoch: cases and patches are drawn, cut out and augmented, each sample with its own random stream.

use ndarray::{Array3, ArrayView3};
use rayon::prelude::*;

use crate::plan::schema::Plan;
use crate::preprocess::cache::PreparedCase;
use crate::preprocess::first_stage::{append_masks, one_hot};
use crate::random::{Key, Purpose, Rng, stream};
use crate::train::augment::{Augmenter, FirstStageCorruption};
use crate::train::job::Job;
use crate::train::loader::Batch;
use crate::train::patch::{CaseView, Patch, PatchSizes, extract, to_network_input};
use crate::train::sampler::{draw_case, draw_corner, oversamples_foreground};

/// The cases that batches are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CaseSet {
    /// Training cases, augmented.
    Training,
    /// Validation cases, without augmentation. Source: nnU-Net commit 6150f1b0, `nnUNetTrainer.py`.
    Validation,
}

/// The batches of one epoch.
#[derive(Debug)]
pub(crate) struct EpochBatches<'a> {
    plan: &'a Plan,
    cases: &'a [PreparedCase],
    augmenter: Option<Augmenter>,
    sizes: PatchSizes,
    channels: usize,
    batch_size: usize,
    purpose: Purpose,
    seed: u64,
    fold: u64,
    epoch: u64,
}

impl<'a> EpochBatches<'a> {
    /// The batches of an epoch, counted from 0.
    pub(crate) fn new(job: &Job<'a>, set: CaseSet, epoch: usize) -> Self {
        let patch = job.configuration().patch_size;
        let (cases, augmenter, purpose) = match set {
            CaseSet::Training => {
                let augmenter = Augmenter::new(&job.plan().augment, job.configuration());
                (job.training, Some(augmenter), Purpose::TrainingPatch)
            }
            CaseSet::Validation => (job.validation, None, Purpose::ValidationPatch),
        };
        let sizes = augmenter.as_ref().map_or(PatchSizes { loaded: patch, patch }, Augmenter::sizes);
        Self {
            plan: job.plan(),
            cases,
            augmenter,
            sizes,
            channels: job.network.input_channels(),
            batch_size: job.configuration().batch_size,
            purpose,
            seed: job.seed,
            fold: job.fold as u64,
            epoch: epoch as u64,
        }
    }

    /// The batch of a step, counted from 0.
    pub(crate) fn batch(&self, step: usize) -> Batch {
        let samples: Vec<(usize, Patch)> =
            (0..self.batch_size).into_par_iter().map(|sample| self.draw_sample(step, sample)).collect();
        let channels = self.channels;
        let voxels = self.sizes.patch.voxels() * samples.len();
        let mut batch = Batch {
            images: Vec::with_capacity(channels * voxels),
            labels: Vec::with_capacity(voxels),
            channels,
            patch: self.sizes.patch,
            cases: Vec::with_capacity(samples.len()),
        };
        for (case, patch) in samples {
            batch.images.extend(&patch.image);
            batch.labels.extend(patch.labels.iter().map(|&label| i32::from(label)));
            batch.cases.push(self.cases[case].id.clone());
        }
        batch
    }

    /// One sample of a batch: the index of its case, and its patch.
    fn draw_sample(&self, step: usize, sample: usize) -> (usize, Patch) {
        let counters = [self.fold, self.epoch, step as u64, sample as u64];
        let mut rng = stream(Key { purpose: self.purpose, seed: self.seed, counters });
        let index = draw_case(self.cases.len(), &mut rng);
        let view = CaseView::from(&self.cases[index]);
        let on_foreground = oversamples_foreground(sample, self.batch_size);
        let corner = draw_corner(&view, self.sizes, on_foreground, &mut rng);
        let loaded = extract(&view, corner, self.sizes.loaded);
        let patch = match &self.augmenter {
            Some(augmenter) => {
                let draw = augmenter.draw(self.plan.data.channels.len(), &mut rng);
                augmenter.apply(&draw, &loaded)
            }
            None => loaded,
        };
        let patch = to_network_input(patch, self.plan.preprocess.normalize_in_mask);
        (index, self.append_first_stage(patch, &mut rng))
    }

    /// Appends the first stage's prediction in the second stage of the cascade: one channel per foreground class, in training with
    /// random corruption.
    fn append_first_stage(&self, mut patch: Patch, rng: &mut Rng) -> Patch {
        let Some(classes) = patch.first_stage.take() else { return patch };
        let mut masks = class_masks(classes.view(), self.plan.data.labels.len());
        if self.augmenter.is_some() {
            FirstStageCorruption::draw(&self.plan.augment, masks.len(), rng).apply(&mut masks);
        }
        patch.image = append_masks(patch.image.view(), &masks);
        patch
    }
}

/// One mask per foreground class from the classes of a patch, `[z, y, x]`.
pub(crate) fn class_masks(classes: ArrayView3<'_, i16>, foreground: usize) -> Vec<Array3<bool>> {
    one_hot(classes.mapv(|class| u8::try_from(class).unwrap_or(0)).view(), foreground)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::dataset::contents::{Contents, KnownFiles};
    use crate::dataset::phantom::{PhantomConfig, write};
    use crate::network::PlannedNetwork;
    use crate::network::testing::cpu;
    use crate::plan::schema::{AugmentationKind, Configuration, ConfigurationName, PostprocessRule};
    use crate::preprocess::cache::Preparation;
    use crate::preprocess::first_stage::{Origin, write as write_first_stage};
    use crate::run::folder::{FoldFolder, prepared_case};
    use crate::volume::{Shape, Spacing};

    /// The example plan, for the phantom and its cascade.
    fn cascade_plan() -> Plan {
        let mut plan: Plan = crate::plan::testing::example();
        plan.postprocess.rule = PostprocessRule::None;
        let configuration = Configuration {
            spacing_mm: Spacing([2.5, 1.0, 1.0]),
            patch_size: Shape([8, 16, 16]),
            batch_size: 6,
            augmentation: AugmentationKind::ThreeD,
            dummy_2d_axis: None,
            ..plan.configurations[&ConfigurationName::FullRes].clone()
        };
        for name in [ConfigurationName::FullRes, ConfigurationName::LowRes, ConfigurationName::Cascade] {
            plan.configurations.insert(name, configuration.clone());
        }
        plan
    }

    /// Prepared phantom cases whose first stage predicts exactly the reference.
    fn prepare_cases(folder: &Path, plan: &Plan) -> Vec<PreparedCase> {
        let config = PhantomConfig { cases: 2, seed: 1, shape: Shape([12, 24, 24]) };
        let dataset = write(&folder.join("data"), &config, &|| ()).unwrap();
        let prepared = folder.join("prepared");
        let contents = &Contents::read(&dataset, &mut KnownFiles::new(), &|| ()).unwrap();
        let configuration = &plan.configurations[&ConfigurationName::Cascade];
        Preparation { dataset: &dataset, contents, plan, configuration, folder: &prepared }
            .make(&AtomicBool::new(false), &|| ())
            .unwrap();
        let open = |case: &crate::dataset::Case| {
            let prepared = PreparedCase::open(&prepared, &case.id).unwrap();
            let classes = prepared.labels().mapv(|label| u8::try_from(label).unwrap_or(0));
            let path = prepared_case(&folder.join("next_stage"), &case.id.0);
            write_first_stage(&path, &classes, &Origin { digest: String::new(), fold: 0, split: None }).unwrap();
            prepared.with_first_stage(&path).unwrap()
        };
        dataset.training.iter().map(open).collect()
    }

    fn batch(plan: &Plan, cases: &[PreparedCase], set: CaseSet, step: usize) -> Batch {
        let name = ConfigurationName::Cascade;
        let job = Job {
            network: PlannedNetwork::new(plan, name),
            fold: 0,
            seed: 1,
            training: cases,
            validation: cases,
            folder: &FoldFolder { root: std::path::PathBuf::new() },
            digest: "",
            device: &cpu(),
            workers: 1,
        };
        EpochBatches::new(&job, set, 0).batch(step)
    }

    /// Voxels of a batch at which the channels of the first stage differ from the labels.
    fn disagreements(batch: &Batch) -> usize {
        let voxels = batch.patch.voxels();
        assert_eq!(batch.channels, 3, "one image channel and one channel per class");
        let samples = batch.images.chunks_exact(3 * voxels).zip(batch.labels.chunks_exact(voxels));
        samples
            .flat_map(|(image, labels)| {
                let predicted = |voxel: usize| (image[voxels + voxel] + 2.0 * image[2 * voxels + voxel]) as i32;
                labels.iter().enumerate().filter(move |&(voxel, &label)| predicted(voxel) != label)
            })
            .count()
    }

    #[test]
    fn the_first_stages_channels_are_aligned_with_the_labels() {
        let folder = tempfile::tempdir().unwrap();
        let mut plan = cascade_plan();
        plan.augment.elastic.probability = 0.5;
        plan.augment.rotation.probability = 0.5;
        let cases = prepare_cases(folder.path(), &plan);
        let mut changed = 0;
        for step in 0..8 {
            let found = batch(&plan, &cases, CaseSet::Validation, step);
            assert!(found.labels.iter().any(|&label| label > 0));
            assert_eq!(disagreements(&found), 0, "validation patches are not corrupted");
            changed += disagreements(&batch(&plan, &cases, CaseSet::Training, step));
        }
        assert!(changed > 0, "training patches are corrupted");

        plan.augment.morphology.probability = 0.0;
        plan.augment.component_removal.probability = 0.0;
        for step in 0..8 {
            let found = batch(&plan, &cases, CaseSet::Training, step);
            assert_eq!(disagreements(&found), 0, "transformed like the labels");
        }
    }
}
