//! Random morphology of the first stage's masks. Source: arXiv:1809.10486, 2.3; radius and probability of nnU-Net commit 6150f1b0,
//! `pyramid_augmentations.py` (`ApplyRandomBinaryOperatorTransform`).

use ndarray::{Array3, Zip};
use rand::RngExt as _;
use rand::seq::SliceRandom as _;

use super::random::{occurs, uniform};
use super::text::range;
use crate::plan::schema;
use crate::random::Rng;
use crate::volume::Spacing;
use crate::volume::morphology::{close, dilate, erode, open};

/// The ball is measured in voxels, whatever their spacing, as in nnU-Net.
///
/// Differs: batchgenerators samples a ball of fractional radius off the voxel centres; here it is all voxels within the radius.
const VOXELS: Spacing = Spacing([1.0; 3]);

/// One mask changed by a ball.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Morphology {
    /// Index of the mask.
    pub mask: usize,
    /// Operation.
    pub operation: Operation,
    /// Radius of the ball, voxels.
    pub radius: f64,
}

/// A morphological operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the terms of mathematical morphology")]
pub enum Operation {
    Erode,
    Dilate,
    Open,
    Close,
}

/// Draws one operation per mask, in random order, or none at all.
pub(super) fn draw(settings: &schema::Morphology, masks: usize, rng: &mut Rng) -> Vec<Morphology> {
    if !occurs(settings.probability, rng) {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..masks).collect();
    order.shuffle(rng);
    let drawn = order.into_iter().map(|mask| Morphology {
        mask,
        operation: Operation::ALL[rng.random_range(0..Operation::ALL.len() as u64) as usize],
        radius: uniform(settings.radius_voxels, rng),
    });
    drawn.collect()
}

impl Morphology {
    /// Changes one of the masks. Voxels that it gains are removed from the others, so that a voxel stays in at most one class.
    pub(super) fn apply(self, masks: &mut [Array3<bool>]) {
        let changed = self.operation.apply(&masks[self.mask], self.radius);
        let before = std::mem::replace(&mut masks[self.mask], changed);
        let (left, rest) = masks.split_at_mut(self.mask);
        let (changed, right) = rest.split_first_mut().expect("the mask that was changed");
        for other in left.iter_mut().chain(right) {
            Zip::from(other).and(&*changed).and(&before).for_each(|other, &now, &before| *other &= !now || before);
        }
    }

    pub(super) fn describe(self, classes: &[&str]) -> String {
        let name = classes.get(self.mask).copied().unwrap_or("label");
        let done = match self.operation {
            Operation::Erode => "eroded",
            Operation::Dilate => "dilated",
            Operation::Open => "opened",
            Operation::Close => "closed",
        };
        format!("{name} {done}, {:.1} voxels", self.radius)
    }
}

impl Operation {
    pub(super) const ALL: [Self; 4] = [Self::Erode, Self::Dilate, Self::Open, Self::Close];

    pub(super) fn apply(self, mask: &Array3<bool>, radius: f64) -> Array3<bool> {
        match self {
            Self::Erode => erode(mask.view(), radius, VOXELS),
            Self::Dilate => dilate(mask.view(), radius, VOXELS),
            Self::Open => open(mask.view(), radius, VOXELS),
            Self::Close => close(mask.view(), radius, VOXELS),
        }
    }
}

/// The transform in a methods paragraph; `None` if it is not used.
pub(super) fn describe(settings: &schema::Morphology) -> Option<String> {
    let range = range(settings.radius_voxels);
    (settings.probability > 0.0).then(|| {
        let probability = settings.probability;
        format!("erosion, dilation, opening or closing with a ball (probability {probability}; radius {range} voxels)")
    })
}
