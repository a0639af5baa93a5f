//! Elastic deformation: each voxel is displaced by smoothed white noise. Source: arXiv:1809.10486, 2.3; ranges and probability of
//! nnU-Net commit 6150f1b0, `default_data_augmentation.py`.

use rand::RngExt as _;

use super::random::{occurs, uniform};
use super::smooth_noise::{Offsets, displacement, noise};
use super::text::{Dimension, by_dimension, range};
use crate::plan::schema::{self, AugmentationKind, Configuration};
use crate::random::Rng;
use crate::volume::Shape;

/// The random part of a deformation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elastic {
    /// Amplitude of the noise before it is smoothed, voxels.
    pub alpha: f64,
    /// Standard deviation of the smoothing, voxels.
    pub sigma: f64,
    /// Seed of the noise.
    pub noise: u64,
}

pub(super) fn draw(settings: &schema::Elastic, kind: AugmentationKind, rng: &mut Rng) -> Option<Elastic> {
    let alpha = match kind {
        AugmentationKind::ThreeD => settings.alpha_3d_voxels,
        AugmentationKind::TwoD | AugmentationKind::Dummy2d => settings.alpha_2d_voxels,
    };
    occurs(settings.probability, rng).then(|| Elastic {
        alpha: uniform(alpha, rng),
        sigma: uniform(settings.sigma_voxels, rng),
        noise: rng.random(),
    })
}

impl Elastic {
    /// Displacement of each voxel of a patch, `[z, y, x]`, in voxels.
    pub(super) fn offsets(self, patch: Shape) -> Offsets {
        displacement(noise(self.noise, patch), patch, self.sigma, self.alpha)
    }

    pub(super) fn describe(self) -> String {
        format!("elastic α {:.0}, σ {:.1} voxels", self.alpha, self.sigma)
    }
}

/// The transform in a methods paragraph; `None` if it is not used.
pub(super) fn describe(settings: &schema::Elastic, configurations: &[&Configuration]) -> Option<String> {
    let amplitude = by_dimension(configurations, |_, dimension| match dimension {
        Dimension::Space => format!("{} voxels", range(settings.alpha_3d_voxels)),
        Dimension::Plane => format!("{} pixels", range(settings.alpha_2d_voxels)),
    });
    (settings.probability > 0.0).then(|| {
        format!(
            "elastic deformation (probability {}; noise of amplitude {amplitude}, smoothed by a Gaussian with a standard \
             deviation of {} voxels)",
            settings.probability,
            range(settings.sigma_voxels)
        )
    })
}
