//! What is random in an augmentation. Source: spec section 10.

use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use super::size::max_rotation;
use crate::plan::schema::{Augment, AugmentationKind, Configuration};
use crate::random::Rng;

/// Everything that was drawn for one patch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Draw {
    /// Where the patch's voxels come from.
    pub spatial: Spatial,
    /// Exponent of the gamma transform of each channel; none where it is left out.
    pub gamma: Option<Vec<f64>>,
    /// Which axes are mirrored, `[z, y, x]`.
    pub mirror: [bool; 3],
}

/// The parts of the spatial transform; with none of them the middle of the loaded patch is cut out as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spatial {
    /// Elastic deformation.
    pub elastic: Option<Elastic>,
    /// Angles about the patch's axes, radians: z, y and x in space; of slices, the one that they are perpendicular to first.
    pub rotation: Option<[f64; 3]>,
    /// Zoom; above 1 shows more of the image.
    pub scale: Option<f64>,
}

impl Spatial {
    /// Whether any part was drawn.
    pub fn fires(&self) -> bool {
        self.elastic.is_some() || self.rotation.is_some() || self.scale.is_some()
    }
}

/// An elastic deformation: white noise, smoothed, times an amplitude.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Elastic {
    /// Amplitude, voxels, of the noise before it is smoothed.
    pub alpha: f64,
    /// Standard deviation of the smoothing, voxels.
    pub sigma: f64,
    /// Seed of the noise, which is too large to be kept.
    pub noise: u64,
}

/// Ranges and probabilities of one configuration.
#[derive(Clone, Debug)]
pub(super) struct Ranges {
    augment: Augment,
    kind: AugmentationKind,
    max_rotation: f64,
}

impl Ranges {
    pub(super) fn new(augment: &Augment, configuration: &Configuration) -> Self {
        let max_rotation = max_rotation(augment, configuration);
        Self { augment: augment.clone(), kind: configuration.augmentation, max_rotation }
    }

    pub(super) fn draw(&self, channels: usize, rng: &mut Rng) -> Draw {
        let ranges = &self.augment;
        let spatial = Spatial {
            elastic: fires(ranges.elastic.probability, rng).then(|| self.draw_elastic(rng)),
            rotation: fires(ranges.rotation.probability, rng).then(|| self.draw_rotation(rng)),
            scale: fires(ranges.scaling.probability, rng).then(|| around_one(ranges.scaling.range, rng)),
        };
        let gamma = fires(ranges.gamma.probability, rng)
            .then(|| (0..channels).map(|_| around_one(ranges.gamma.range, rng)).collect());
        Draw { spatial, gamma, mirror: self.draw_mirror(rng) }
    }

    fn draw_elastic(&self, rng: &mut Rng) -> Elastic {
        let alpha = match self.kind {
            AugmentationKind::ThreeD => self.augment.elastic.alpha_3d_voxels,
            AugmentationKind::TwoD | AugmentationKind::Dummy2d => self.augment.elastic.alpha_2d_voxels,
        };
        Elastic {
            alpha: uniform(alpha, rng),
            sigma: uniform(self.augment.elastic.sigma_voxels, rng),
            noise: rng.random(),
        }
    }

    fn draw_rotation(&self, rng: &mut Rng) -> [f64; 3] {
        let mut angle = || uniform([-self.max_rotation, self.max_rotation], rng);
        match self.kind {
            AugmentationKind::ThreeD => [angle(), angle(), angle()],
            AugmentationKind::TwoD | AugmentationKind::Dummy2d => [angle(), 0.0, 0.0],
        }
    }

    fn draw_mirror(&self, rng: &mut Rng) -> [bool; 3] {
        let mut side = || fires(self.augment.mirroring.probability, rng);
        match self.kind {
            AugmentationKind::ThreeD | AugmentationKind::Dummy2d => [side(), side(), side()],
            AugmentationKind::TwoD => [false, side(), side()],
        }
    }
}

pub(super) fn fires(probability: f64, rng: &mut Rng) -> bool {
    rng.random::<f64>() < probability
}

pub(super) fn uniform([low, high]: [f64; 2], rng: &mut Rng) -> f64 {
    low + (high - low) * rng.random::<f64>()
}

/// Below and above 1 equally often, however lopsided the range; uniform on either side.
fn around_one([low, high]: [f64; 2], rng: &mut Rng) -> f64 {
    let below = rng.random::<f64>() < 0.5;
    match (low < 1.0, high > 1.0) {
        (true, true) if below => uniform([low, 1.0], rng),
        (true, true) => uniform([1.0, high], rng),
        (true, false) | (false, true | false) => uniform([low, high], rng),
    }
}
