use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::dataset::contents::{Contents, KnownFiles};
use crate::dataset::phantom::{PhantomConfig, write};
use crate::network::testing::cpu;
use crate::plan::schema::{AugmentationKind, Configuration, ConfigurationName, PostprocessRule};
use crate::preprocess::cache::Preparation;
use crate::preprocess::first_stage::{Origin, write as write_first_stage};
use crate::run::folder::{FoldFolder, prepared_case};
use crate::volume::{Shape, Spacing};

/// The example's plan, for the phantom and its cascade.
fn plan() -> Plan {
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

/// Prepared cases of the phantom whose first stage says what the reference says.
fn cases(folder: &Path, plan: &Plan) -> Vec<PreparedCase> {
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

fn batch(plan: &Plan, cases: &[PreparedCase], set: Set, step: usize) -> Batch {
    let name = ConfigurationName::Cascade;
    let job = Job {
        plan,
        name,
        configuration: &plan.configurations[&name],
        fold: 0,
        seed: 1,
        training: cases,
        validation: cases,
        folder: &FoldFolder { root: std::path::PathBuf::new() },
        digest: "",
        device: &cpu(),
        workers: 1,
    };
    Patches::new(&job, set, 0).batch(step)
}

/// Voxels of a batch at which the channels of the first stage say something else than the labels.
fn disagreements(batch: &Batch) -> usize {
    let voxels = batch.patch.voxels();
    assert_eq!(batch.channels, 3, "one channel of the image, and one for each of two classes");
    let samples = batch.images.chunks_exact(3 * voxels).zip(batch.labels.chunks_exact(voxels));
    samples
        .flat_map(|(image, labels)| {
            let said = |voxel: usize| (image[voxels + voxel] + 2.0 * image[2 * voxels + voxel]) as i32;
            labels.iter().enumerate().filter(move |&(voxel, &label)| said(voxel) != label)
        })
        .count()
}

#[test]
fn the_first_stages_channels_lie_on_the_image_in_training_and_validation() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = plan();
    plan.augment.elastic.probability = 0.5;
    plan.augment.rotation.probability = 0.5;
    let cases = cases(folder.path(), &plan);
    let mut changed = 0;
    for step in 0..8 {
        let seen = batch(&plan, &cases, Set::Validation, step);
        assert!(seen.labels.iter().any(|&label| label > 0));
        assert_eq!(disagreements(&seen), 0, "validation patches have no faults");
        changed += disagreements(&batch(&plan, &cases, Set::Training, step));
    }
    assert!(changed > 0, "training patches have faults");

    plan.augment.morphology.probability = 0.0;
    plan.augment.component_removal.probability = 0.0;
    for step in 0..8 {
        let seen = batch(&plan, &cases, Set::Training, step);
        assert_eq!(disagreements(&seen), 0, "rotated, deformed and mirrored as the labels are");
    }
}
