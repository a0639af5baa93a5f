//! Renders the anatomy of one case as an image and a label map.

use ndarray::{Array3, Axis, Zip};

use crate::dataset::phantom::anatomy::{Anatomy, Organ, Vessel};
use crate::volume::resample::{resize_cubic, resize_linear};
use crate::volume::{Geometry, Image, LabelMap, Shape};

/// Intensities relative to the core.
const AIR: f32 = 0.05;
const TISSUE: f32 = 0.4;
/// The organ, and the wall of the body.
const ORGAN: f32 = 0.7;
/// The core, and the vessels.
const CORE: f32 = 1.0;
/// Standard deviation of the noise.
const NOISE: f32 = 0.04;

/// Renders a case on its grid: intensities of one channel, and labels 0, 1 (organ) and 2 (core).
pub(super) fn render(anatomy: &Anatomy, geometry: Geometry) -> (Image, LabelMap) {
    let Shape([depth, height, width]) = anatomy.shape;
    let mut labels = Array3::zeros(anatomy.shape.0);
    let mut clean = Array3::zeros(anatomy.shape.0);
    let texture = resize_cubic(anatomy.texture.view(), anatomy.shape);
    for z in 0..depth {
        for y in 0..height {
            for x in 0..width {
                let position = anatomy.position([z, y, x]);
                labels[[z, y, x]] = anatomy.organ.label(position);
                clean[[z, y, x]] = match labels[[z, y, x]] {
                    1 => ORGAN,
                    2 => CORE,
                    _ => anatomy.surroundings(position, texture[[z, y, x]]),
                };
            }
        }
    }
    let drift = resize_linear(anatomy.drift.view(), anatomy.shape);
    let mut voxels = blur_in_plane(&clean);
    Zip::from(&mut voxels).and(&drift).and(&anatomy.noise).for_each(|value, &drift, &noise| {
        // Integers, as from scanners; rounding also hides the last bits, in which machines may differ.
        *value = (anatomy.gain * (*value * drift.exp() + NOISE * noise)).round();
    });
    let image = Image { voxels: voxels.insert_axis(Axis(0)), geometry: geometry.clone() };
    (image, LabelMap { labels, geometry })
}

/// Partial volume effect: each voxel takes half of its value from its neighbours along y and x.
fn blur_in_plane(image: &Array3<f32>) -> Array3<f32> {
    let mut blurred = image.clone();
    for axis in [1, 2] {
        let source = blurred.clone();
        for mut line in blurred.lanes_mut(Axis(axis)).into_iter().zip(source.lanes(Axis(axis))) {
            let last = line.1.len() - 1;
            for (index, value) in line.0.iter_mut().enumerate() {
                let (before, after) = (line.1[index.saturating_sub(1)], line.1[(index + 1).min(last)]);
                *value = 0.5 * line.1[index] + 0.25 * (before + after);
            }
        }
    }
    blurred
}

impl Anatomy {
    /// Millimetres from the centre of the volume, `[z, y, x]`.
    fn position(&self, voxel: [usize; 3]) -> [f64; 3] {
        std::array::from_fn(|axis| (voxel[axis] as f64 + 0.5 - self.shape.0[axis] as f64 / 2.0) * self.spacing.0[axis])
    }

    /// Intensity outside the organ.
    fn surroundings(&self, position: [f64; 3], texture: f32) -> f32 {
        let [_, y, x] = position;
        let inside = |shrunk: f64| (y / (self.body[0] - shrunk)).hypot(x / (self.body[1] - shrunk)) < 1.0;
        if !inside(0.0) {
            AIR
        } else if !inside(self.wall_mm) {
            ORGAN
        } else if self.vessels.iter().any(|vessel| vessel.contains(position)) {
            CORE
        } else {
            TISSUE + texture
        }
    }
}

impl Vessel {
    fn contains(&self, [z, y, x]: [f64; 3]) -> bool {
        (y - self.centre[0] - self.slope[0] * z).hypot(x - self.centre[1] - self.slope[1] * z) < self.radius
    }
}

impl Organ {
    /// 2 in the core, 1 in the rest of the organ, 0 elsewhere.
    fn label(&self, position: [f64; 3]) -> i16 {
        let [z, y, x]: [f64; 3] = std::array::from_fn(|axis| position[axis] - self.centre[axis]);
        let (sine, cosine) = self.angle.sin_cos();
        let turned = [z, cosine * y + sine * x, cosine * x - sine * y];
        let unit: [f64; 3] = std::array::from_fn(|axis| turned[axis] / self.semi_axes[axis]);
        let from_core: [f64; 3] = std::array::from_fn(|axis| (unit[axis] - self.core_centre[axis]) / self.core_size);
        if self.within(from_core) { 2 } else { i16::from(self.within(unit)) }
    }

    /// Whether a position lies inside the unit sphere with its bumps.
    fn within(&self, position: [f64; 3]) -> bool {
        let length = position.iter().map(|part| part * part).sum::<f64>().sqrt().max(1e-9);
        let height: f64 = self
            .bumps
            .iter()
            .map(|bump| {
                let along: f64 = bump.wave.iter().zip(position).map(|(wave, part)| wave * part / length).sum();
                bump.height * (along + bump.phase).sin()
            })
            .sum();
        length < 1.0 + height
    }
}
