//! The random properties of one phantom case.

use std::f64::consts::TAU;

use ndarray::Array3;
use rand::RngExt as _;

use crate::random::Rng;
use crate::volume::{Shape, Spacing};

/// Typical spacing, mm, `[z, y, x]`; times the typical shape, it is the extent of the volume.
const TYPICAL_SPACING: [f64; 3] = [2.5, 1.0, 1.0];
/// Semi-axes of the organ as fractions of the extent of the volume, `[z, y, x]`.
const ORGAN: [f64; 3] = [0.27, 0.24, 0.21];
/// Number of vessels.
const VESSELS: usize = 3;

/// The anatomy of one case. Positions and lengths are in mm from the centre, `[z, y, x]`.
pub(super) struct Anatomy {
    pub(super) shape: Shape,
    pub(super) spacing: Spacing,
    /// World position `(x, y, z)` of voxel 0.
    pub(super) origin_mm: [f64; 3],
    /// Semi-axes of the body across z, `[y, x]`.
    pub(super) body: [f64; 2],
    pub(super) wall_mm: f64,
    pub(super) organ: Organ,
    /// Straight tubes, nearly along z.
    pub(super) vessels: [Vessel; VESSELS],
    /// Intensity drift: logarithms of factors on a coarse grid.
    pub(super) drift: Array3<f32>,
    /// Texture of the surrounding tissue, on a coarse grid.
    pub(super) texture: Array3<f32>,
    /// Noise per voxel, with mean 0 and variance 1.
    pub(super) noise: Array3<f32>,
    /// Intensity of the core in the file.
    pub(super) gain: f32,
}

/// A deformed ellipsoid with a core at one end.
pub(super) struct Organ {
    pub(super) centre: [f64; 3],
    pub(super) semi_axes: [f64; 3],
    /// Rotation about z in radians.
    pub(super) angle: f64,
    /// Bumps of the surface.
    pub(super) bumps: [Bump; 3],
    /// Centre of the core, in semi-axes of the organ and in its frame.
    pub(super) core_centre: [f64; 3],
    /// Size of the core, in semi-axes of the organ.
    pub(super) core_size: f64,
}

/// A wave over the directions from the centre of the organ.
pub(super) struct Bump {
    pub(super) wave: [f64; 3],
    pub(super) phase: f64,
    pub(super) height: f64,
}

/// A tube.
pub(super) struct Vessel {
    /// Position in the middle slice, `[y, x]`.
    pub(super) centre: [f64; 2],
    /// Displacement per millimetre along z, `[y, x]`.
    pub(super) slope: [f64; 2],
    pub(super) radius: f64,
}

impl Anatomy {
    /// Draws one case around a typical shape.
    pub(super) fn draw(rng: &mut Rng, typical: Shape) -> Self {
        let spacing = [rng.random_range(2.0..3.2), 0.0, 0.0];
        let across = rng.random_range(0.85..1.15);
        let spacing = [spacing[0], across, across].map(|step: f64| (step * 100.0).round() / 100.0);
        let extent: [f64; 3] =
            std::array::from_fn(|axis| typical.0[axis] as f64 * TYPICAL_SPACING[axis] * rng.random_range(0.95..1.05));
        let shape: [usize; 3] = std::array::from_fn(|axis| (extent[axis] / spacing[axis]).round() as usize);
        let organ = Organ::draw(rng, extent);
        let vessels = std::array::from_fn(|_| Vessel::draw(rng, extent, &organ));
        Self {
            shape: Shape(shape),
            spacing: Spacing(spacing),
            origin_mm: std::array::from_fn(|_| f64::from(rng.random_range(-60_i32..60))),
            body: [1, 2].map(|axis| extent[axis] * rng.random_range(0.43..0.47)),
            wall_mm: extent[1] * rng.random_range(0.055..0.07),
            organ,
            vessels,
            drift: coarse(rng, 0.15),
            texture: coarse(rng, 0.05),
            noise: Array3::from_shape_simple_fn(shape, || normal(rng)),
            gain: rng.random_range(250.0..600.0),
        }
    }
}

impl Organ {
    fn draw(rng: &mut Rng, extent: [f64; 3]) -> Self {
        let away = rng.random_range(0.0..TAU);
        let shift = rng.random_range(0.05..0.13);
        let along = extent[0] * rng.random_range(-0.1..0.1);
        let side = || if rng.random_range(0..2) == 0 { -1.0 } else { 1.0 };
        let sides: [f64; 2] = std::array::from_fn({
            let mut side = side;
            move |_| side()
        });
        Self {
            centre: [along, extent[1] * shift * away.sin(), extent[2] * shift * away.cos()],
            semi_axes: std::array::from_fn(|axis| extent[axis] * ORGAN[axis] * rng.random_range(0.9..1.1)),
            angle: rng.random_range(0.0..TAU),
            bumps: std::array::from_fn(|_| Bump::draw(rng)),
            core_centre: [0.5 * sides[0], 0.45 * sides[1], 0.0],
            core_size: rng.random_range(0.62..0.72),
        }
    }
}

impl Bump {
    fn draw(rng: &mut Rng) -> Self {
        Self {
            wave: std::array::from_fn(|_| rng.random_range(-3.0..3.0)),
            phase: rng.random_range(0.0..TAU),
            height: rng.random_range(0.03..0.08),
        }
    }
}

impl Vessel {
    /// Draws a tube that does not touch the organ, or the last of 100 attempts.
    fn draw(rng: &mut Rng, extent: [f64; 3], organ: &Organ) -> Self {
        let radius = extent[1] * rng.random_range(0.055..0.075);
        let clear = organ.semi_axes[1].max(organ.semi_axes[2]) * 1.1 + radius;
        let mut centre = [0.0; 2];
        for _ in 0..100 {
            let (angle, far) = (rng.random_range(0.0..TAU), rng.random_range(0.15..0.36_f64));
            centre = [extent[1] * far * angle.sin(), extent[2] * far * angle.cos()];
            if (centre[0] - organ.centre[1]).hypot(centre[1] - organ.centre[2]) > clear {
                break;
            }
        }
        Self { centre, slope: std::array::from_fn(|_| rng.random_range(-0.05..0.05)), radius }
    }
}

/// Random values of mean 0 on a coarse grid.
fn coarse(rng: &mut Rng, deviation: f32) -> Array3<f32> {
    Array3::from_shape_simple_fn((3, 4, 4), || deviation * normal(rng))
}

/// A standard normal random number (Box and Muller).
fn normal(rng: &mut Rng) -> f32 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    (radius * (TAU * rng.random::<f64>()).cos()) as f32
}
