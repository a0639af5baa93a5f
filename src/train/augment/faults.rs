//! Random faults of the first stage's labels, so that the second stage of the cascade does not learn to copy them.
//!
//! Input: the masks of one patch, one for each foreground class. Output: the same masks, some of them eroded, dilated, opened
//! or closed, some without one of their components. Source: arXiv:1809.10486, section 2.3 (spec section 10); probabilities
//! and ranges are the first public code's.

use ndarray::{Array3, Zip};
use rand::RngExt as _;
use rand::seq::SliceRandom as _;
use serde::{Deserialize, Serialize};

use super::draw::{fires, uniform};
use crate::plan::schema::Augment;
use crate::random::Rng;
use crate::volume::Spacing;
use crate::volume::components::{Connectivity, components};
use crate::volume::morphology::{close, dilate, erode, open};

/// Voxels are as long as they are wide to the ball, as in the first code.
const VOXELS: Spacing = Spacing([1.0; 3]);

/// Everything that was drawn for the masks of one patch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Faults {
    /// Changes of shape, in the order in which they are made: one for each mask, or none at all.
    pub morphology: Vec<Change>,
    /// Components that are lost; none where it is left out.
    pub removal: Option<Removal>,
}

/// A mask changed by a ball.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Which mask, counted from 0.
    pub mask: usize,
    /// What is done to it.
    pub operation: Operation,
    /// Radius of the ball, voxels.
    pub radius: f64,
}

/// What is done to a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Whatever is near the background is lost.
    Erode,
    /// Whatever is near the mask is gained.
    Dilate,
    /// Erosion, then dilation.
    Open,
    /// Dilation, then erosion.
    Close,
}

/// One component of each mask taken away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Removal {
    /// Which component of each mask: its place among those that are small enough, as a share of their number, from 0 to
    /// below 1. The number of components is not known before the masks are.
    pub choices: Vec<f64>,
    /// Components of this share of the patch or more stay.
    pub share: f64,
}

impl Faults {
    /// Draws the faults of a patch with this many masks.
    pub fn draw(augment: &Augment, masks: usize, rng: &mut Rng) -> Self {
        let mut morphology = Vec::new();
        if fires(augment.morphology.probability, rng) {
            let mut order: Vec<usize> = (0..masks).collect();
            order.shuffle(rng);
            morphology.extend(order.into_iter().map(|mask| Change {
                mask,
                operation: Operation::ALL[rng.random_range(0..Operation::ALL.len() as u64) as usize],
                radius: uniform(augment.morphology.radius_voxels, rng),
            }));
        }
        let removal = fires(augment.component_removal.probability, rng).then(|| Removal {
            choices: (0..masks).map(|_| rng.random::<f64>()).collect(),
            share: augment.component_removal.max_patch_fraction,
        });
        Self { morphology, removal }
    }

    /// Makes the faults. Voxels that a mask gains are lost by the others: a voxel stays in one class at most.
    ///
    /// # Panics
    ///
    /// When there are fewer masks than faults were drawn for.
    pub fn apply(&self, masks: &mut [Array3<bool>]) {
        for change in &self.morphology {
            let changed = change.operation.apply(&masks[change.mask], change.radius);
            let before = std::mem::replace(&mut masks[change.mask], changed);
            let (left, rest) = masks.split_at_mut(change.mask);
            let (changed, right) = rest.split_first_mut().expect("the mask that was changed");
            for other in left.iter_mut().chain(right) {
                Zip::from(other).and(&*changed).and(&before).for_each(|other, &now, &before| *other &= !now || before);
            }
        }
        for (mask, &choice) in masks.iter_mut().zip(self.removal.iter().flat_map(|removal| &removal.choices)) {
            let share = self.removal.as_ref().map_or(0.0, |removal| removal.share);
            remove_component(mask, choice, share);
        }
    }
}

impl Operation {
    const ALL: [Self; 4] = [Self::Erode, Self::Dilate, Self::Open, Self::Close];

    fn apply(self, mask: &Array3<bool>, radius: f64) -> Array3<bool> {
        match self {
            Self::Erode => erode(mask.view(), radius, VOXELS),
            Self::Dilate => dilate(mask.view(), radius, VOXELS),
            Self::Open => open(mask.view(), radius, VOXELS),
            Self::Close => close(mask.view(), radius, VOXELS),
        }
    }
}

/// Empties one of the mask's components that have less than `share` of its voxels: the one at `choice` of their list.
fn remove_component(mask: &mut Array3<bool>, choice: f64, share: f64) {
    let found = components(mask.view(), Connectivity::Corners);
    let limit = share * mask.len() as f64;
    let small: Vec<u32> =
        (1..).zip(&found.sizes).filter(|&(_, &size)| (size as f64) < limit).map(|(number, _)| number).collect();
    let Some(&lost) = small.get((choice * small.len() as f64) as usize) else { return };
    Zip::from(mask).and(&found.numbers).for_each(|inside, &number| *inside &= number != lost);
}

#[cfg(test)]
mod tests;
