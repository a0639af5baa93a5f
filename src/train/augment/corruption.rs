//! Random corruption of the first stage's predictions, so that the second stage of the cascade does not learn to copy them.
//!
//! Input: the masks of one patch, one per foreground class. Output: the same masks, some of them eroded, dilated, opened or closed,
//! some without one of their components. Source: arXiv:1809.10486, 2.3.

use ndarray::Array3;

use super::component_removal::{self, ComponentRemoval};
use super::morphology::{self, Morphology};
use crate::plan::schema::Augment;
use crate::random::Rng;

/// The random part of the corruption of one patch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FirstStageCorruption {
    /// One operation per mask, in the order in which they are applied; empty if the transform was not drawn.
    pub morphology: Vec<Morphology>,
    /// Removed components; `None` if the transform was not drawn.
    pub removal: Option<ComponentRemoval>,
}

impl FirstStageCorruption {
    /// Draws the corruption of a patch with this number of masks. The order of the draws must not change, see
    /// [`Augmenter::draw`](super::Augmenter::draw).
    pub fn draw(augment: &Augment, masks: usize, rng: &mut Rng) -> Self {
        Self {
            morphology: morphology::draw(&augment.morphology, masks, rng),
            removal: component_removal::draw(&augment.component_removal, masks, rng),
        }
    }

    /// Applies the corruption.
    ///
    /// # Panics
    ///
    /// If there are fewer masks than it was drawn for.
    pub fn apply(&self, masks: &mut [Array3<bool>]) {
        let Self { morphology, removal } = self;
        for change in morphology {
            change.apply(masks);
        }
        if let Some(removal) = removal {
            removal.apply(masks);
        }
    }

    /// The drawn transforms, one line each. `classes` are the names of the foreground classes.
    pub fn describe(&self, classes: &[&str]) -> Vec<String> {
        let Self { morphology, removal } = self;
        let morphology = morphology.iter().map(|change| change.describe(classes));
        morphology.chain(removal.as_ref().map(|_| component_removal::describe_draw())).collect()
    }
}

/// The corruption as a sentence of a methods paragraph; `None` if it is not used.
pub(super) fn describe(augment: &Augment) -> Option<String> {
    let transforms =
        [morphology::describe(&augment.morphology), component_removal::describe(&augment.component_removal)];
    let transforms: Vec<String> = transforms.into_iter().flatten().collect();
    (!transforms.is_empty()).then(|| {
        format!(
            "In the second stage of the cascade, the predictions of the first stage were corrupted by {}.",
            transforms.join(" and by ")
        )
    })
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "the values are copied, not computed")]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::super::morphology::Operation;
    use super::*;
    use crate::plan::schema;
    use crate::random::{Key, Purpose, stream};
    use crate::volume::components::{Connectivity, components};

    /// The defaults.
    fn augment() -> Augment {
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
        /// Fraction of the patch below which components are removed, the choice among them, and the remaining voxels of class 1.
        share: f64,
        choice: f64,
        removed: Vec<usize>,
    }

    fn cases() -> Vec<Case> {
        serde_json::from_str(include_str!("../../../tests/reference/values/faults.json")).expect("the committed values")
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
        mask.iter().enumerate().filter(|&(_, &inside)| inside).map(|(index, _)| index).collect()
    }

    fn change(mask: usize, operation: Operation, radius: f64) -> Morphology {
        Morphology { mask, operation, radius }
    }

    fn operation_of(name: &str) -> Operation {
        match name {
            "erode" => Operation::Erode,
            "dilate" => Operation::Dilate,
            "open" => Operation::Open,
            "close" => Operation::Close,
            _ => panic!("unknown operation `{name}`"),
        }
    }

    #[test]
    fn a_ball_changes_a_mask_as_scikit_image_does() {
        for case in cases() {
            for (name, expected) in &case.morphology {
                let operation = operation_of(name);
                let found = operation.apply(&case.masks()[0], case.radius);
                assert_eq!(&inside(&found), expected, "{name} by {} in {:?}", case.radius, case.shape);
            }
        }
    }

    #[test]
    fn voxels_that_a_mask_gains_are_removed_from_the_others() {
        for case in cases() {
            let mut masks = case.masks();
            let morphology = vec![change(0, Operation::Dilate, case.radius), change(1, Operation::Close, case.radius)];
            FirstStageCorruption { morphology, removal: None }.apply(&mut masks);
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
            let removal = ComponentRemoval { choices: vec![case.choice], max_patch_fraction: case.share };
            FirstStageCorruption { morphology: Vec::new(), removal: Some(removal) }.apply(&mut masks);
            assert_eq!(inside(&masks[0]), case.removed, "of {:?}", case.shape);
            assert_eq!(masks[1], case.masks()[1]);
        }
    }

    #[test]
    fn large_components_and_empty_masks_are_kept() {
        let mut masks = [Array3::from_elem((4, 4, 4), true), Array3::from_elem((4, 4, 4), false)];
        let before = masks.clone();
        let removal = ComponentRemoval { choices: vec![0.0, 0.99], max_patch_fraction: 0.15 };
        FirstStageCorruption { morphology: Vec::new(), removal: Some(removal) }.apply(&mut masks);
        assert_eq!(masks, before);
    }

    #[test]
    fn draws_follow_the_probabilities_and_ranges_of_the_plan() {
        let draws: Vec<FirstStageCorruption> =
            (0..2000).map(|sample| FirstStageCorruption::draw(&augment(), 3, &mut rng(sample))).collect();
        let changed: Vec<&FirstStageCorruption> = draws.iter().filter(|draw| !draw.morphology.is_empty()).collect();
        assert!((700..900).contains(&changed.len()), "{} of 2000 at a probability of 0.4", changed.len());
        let removed = draws.iter().filter_map(|draw| draw.removal.as_ref()).collect::<Vec<_>>();
        assert!((320..480).contains(&removed.len()), "{} of 2000 at a probability of 0.2", removed.len());
        assert!(removed.iter().all(|removal| removal.max_patch_fraction == 0.15 && removal.choices.len() == 3));

        let changes: Vec<Morphology> = changed.iter().flat_map(|draw| draw.morphology.clone()).collect();
        assert!(changes.iter().all(|change| (1.0..8.0).contains(&change.radius)));
        let small = changes.iter().filter(|change| change.radius < 4.5).count();
        assert!(3 * small > changes.len() && 3 * small < 2 * changes.len());
        for operation in Operation::ALL {
            let fraction =
                changes.iter().filter(|change| change.operation == operation).count() as f64 / changes.len() as f64;
            assert!((0.2..0.3).contains(&fraction), "{operation:?}: {fraction}");
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
    fn the_same_key_gives_the_same_corruption_and_a_voxel_stays_in_one_class() {
        let case = &cases()[0];
        for sample in 0..40 {
            let once = || {
                let mut masks = case.masks();
                FirstStageCorruption::draw(
                    &Augment {
                        morphology: schema::Morphology { radius_voxels: [1.0, 3.0], ..augment().morphology },
                        ..augment()
                    },
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
}
