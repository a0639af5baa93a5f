//! Random removal of components of the first stage's masks. Source: arXiv:1809.10486, 2.3; size and probability of nnU-Net commit
//! 6150f1b0, `pyramid_augmentations.py` (`RemoveRandomConnectedComponentFromOneHotEncodingTransform`).

use ndarray::{Array3, Zip};
use rand::RngExt as _;

use super::random::occurs;
use crate::plan::schema;
use crate::random::Rng;
use crate::volume::components::{Connectivity, components};

/// One component removed from each mask.
#[derive(Clone, Debug, PartialEq)]
pub struct ComponentRemoval {
    /// For each mask, the index of the removed component among those that are small enough, as a fraction of their number, from 0
    /// to below 1: the number of components is unknown when the transform is drawn.
    pub choices: Vec<f64>,
    /// Only components smaller than this fraction of the patch are removed.
    pub max_patch_fraction: f64,
}

pub(super) fn draw(settings: &schema::ComponentRemoval, masks: usize, rng: &mut Rng) -> Option<ComponentRemoval> {
    occurs(settings.probability, rng).then(|| ComponentRemoval {
        choices: (0..masks).map(|_| rng.random::<f64>()).collect(),
        max_patch_fraction: settings.max_patch_fraction,
    })
}

impl ComponentRemoval {
    pub(super) fn apply(&self, masks: &mut [Array3<bool>]) {
        for (mask, &choice) in masks.iter_mut().zip(&self.choices) {
            remove_component(mask, choice, self.max_patch_fraction);
        }
    }
}

pub(super) fn describe_draw() -> String {
    "component of each label removed".to_owned()
}

/// Removes one of the components of a mask that are smaller than a fraction of the patch.
fn remove_component(mask: &mut Array3<bool>, choice: f64, max_patch_fraction: f64) {
    let found = components(mask.view(), Connectivity::Corners);
    let limit = max_patch_fraction * mask.len() as f64;
    let small: Vec<u32> =
        (1..).zip(&found.sizes).filter(|&(_, &size)| (size as f64) < limit).map(|(component, _)| component).collect();
    let Some(&removed) = small.get((choice * small.len() as f64) as usize) else { return };
    Zip::from(mask).and(&found.numbers).for_each(|inside, &component| *inside &= component != removed);
}

/// The transform in a methods paragraph; `None` if it is not used.
pub(super) fn describe(settings: &schema::ComponentRemoval) -> Option<String> {
    (settings.probability > 0.0).then(|| {
        format!(
            "removal of a component of less than {} % of the patch from each class (probability {})",
            100.0 * settings.max_patch_fraction,
            settings.probability
        )
    })
}
