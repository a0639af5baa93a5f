#![allow(clippy::float_cmp, reason = "the values are copied, not computed")]

use std::collections::BTreeMap;

use super::*;
use crate::plan::schema::Morphology;
use crate::random::{Key, Purpose, stream};

/// The plan's defaults.
fn ranges() -> Augment {
    crate::plan::testing::example().augment
}

fn rng(sample: u64) -> Rng {
    stream(Key { purpose: Purpose::TrainingPatch, seed: 7, counters: [0, 0, 0, sample] })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    shape: [usize; 3],
    /// Classes 0 to 2, raster order.
    labels: Vec<u8>,
    radius: f64,
    /// Raster indices of the voxels of class 1 after each operation.
    morphology: BTreeMap<String, Vec<usize>>,
    /// Classes after a dilation of class 1 and a closing of class 2, with gained voxels lost by the other.
    both: Vec<u8>,
    /// Sizes of the 26-connected components of class 1, in raster order of their first voxel.
    sizes: Vec<usize>,
    /// Share of the patch below which a component is removed, a choice among them, and the voxels of class 1 that stay.
    share: f64,
    choice: f64,
    removed: Vec<usize>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../../../tests/reference/values/faults.json")).expect("the committed values")
}

impl Case {
    fn masks(&self) -> Vec<Array3<bool>> {
        [1, 2]
            .map(|class| {
                let voxels = self.labels.iter().map(|&label| label == class).collect();
                Array3::from_shape_vec(self.shape, voxels).expect("as many labels as voxels")
            })
            .to_vec()
    }
}

fn inside(mask: &Array3<bool>) -> Vec<usize> {
    mask.iter().enumerate().filter(|&(_, &inside)| inside).map(|(place, _)| place).collect()
}

fn change(mask: usize, operation: Operation, radius: f64) -> Change {
    Change { mask, operation, radius }
}

#[test]
fn a_ball_changes_a_mask_as_scikit_image_does() {
    for case in cases() {
        for (name, expected) in &case.morphology {
            let operation: Operation = serde_json::from_str(&format!("\"{name}\"")).expect("an operation");
            let found = operation.apply(&case.masks()[0], case.radius);
            assert_eq!(&inside(&found), expected, "{name} by {} in {:?}", case.radius, case.shape);
        }
    }
}

#[test]
fn voxels_that_a_mask_gains_are_lost_by_the_others() {
    for case in cases() {
        let mut masks = case.masks();
        let morphology = vec![change(0, Operation::Dilate, case.radius), change(1, Operation::Close, case.radius)];
        Faults { morphology, removal: None }.apply(&mut masks);
        let found: Vec<u8> =
            masks[0].iter().zip(&masks[1]).map(|(&one, &two)| u8::from(one) + 2 * u8::from(two)).collect();
        assert_eq!(found, case.both, "by {} in {:?}", case.radius, case.shape);
    }
}

#[test]
fn a_small_component_is_removed_as_scikit_image_labels_it() {
    for case in cases() {
        let mut masks = case.masks();
        assert_eq!(components(masks[0].view(), Connectivity::Corners).sizes, case.sizes);
        let removal = Removal { choices: vec![case.choice], share: case.share };
        Faults { morphology: Vec::new(), removal: Some(removal) }.apply(&mut masks);
        assert_eq!(inside(&masks[0]), case.removed, "of {:?}", case.shape);
        assert_eq!(masks[1], case.masks()[1]);
    }
}

#[test]
fn large_components_and_empty_masks_stay() {
    let mut masks = [Array3::from_elem((4, 4, 4), true), Array3::from_elem((4, 4, 4), false)];
    let before = masks.clone();
    let removal = Removal { choices: vec![0.0, 0.99], share: 0.15 };
    Faults { morphology: Vec::new(), removal: Some(removal) }.apply(&mut masks);
    assert_eq!(masks, before);
}

#[test]
fn a_draw_fires_as_often_as_the_plan_says_and_keeps_to_its_ranges() {
    let draws: Vec<Faults> = (0..2000).map(|sample| Faults::draw(&ranges(), 3, &mut rng(sample))).collect();
    let changed: Vec<&Faults> = draws.iter().filter(|draw| !draw.morphology.is_empty()).collect();
    assert!((700..900).contains(&changed.len()), "{} of 2000 at a probability of 0.4", changed.len());
    let removed = draws.iter().filter_map(|draw| draw.removal.as_ref()).collect::<Vec<_>>();
    assert!((320..480).contains(&removed.len()), "{} of 2000 at a probability of 0.2", removed.len());
    assert!(removed.iter().all(|removal| removal.share == 0.15 && removal.choices.len() == 3));

    let changes: Vec<Change> = changed.iter().flat_map(|draw| draw.morphology.clone()).collect();
    assert!(changes.iter().all(|change| (1.0..8.0).contains(&change.radius)));
    let small = changes.iter().filter(|change| change.radius < 4.5).count();
    assert!(3 * small > changes.len() && 3 * small < 2 * changes.len());
    for operation in Operation::ALL {
        let share = changes.iter().filter(|change| change.operation == operation).count() as f64 / changes.len() as f64;
        assert!((0.2..0.3).contains(&share), "{operation:?}: {share}");
    }
    for first in 0..3 {
        assert!(changed.iter().any(|draw| draw.morphology[0].mask == first), "mask {first} is never the first");
    }
    for draw in changed {
        let mut masks: Vec<usize> = draw.morphology.iter().map(|change| change.mask).collect();
        masks.sort_unstable();
        assert_eq!(masks, [0, 1, 2]);
    }
}

#[test]
fn the_same_key_gives_the_same_faults_and_a_voxel_stays_in_one_class() {
    let case = &cases()[0];
    for sample in 0..40 {
        let once = || {
            let mut masks = case.masks();
            Faults::draw(
                &Augment { morphology: Morphology { radius_voxels: [1.0, 3.0], ..ranges().morphology }, ..ranges() },
                2,
                &mut rng(sample),
            )
            .apply(&mut masks);
            masks
        };
        let masks = once();
        assert_eq!(masks, once());
        assert!(masks[0].iter().zip(&masks[1]).all(|(&one, &two)| !(one && two)));
    }
}
