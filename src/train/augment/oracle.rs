//! The spatial transform and gamma correction against SciPy and NumPy (`tests/reference/augment.py`).

use serde::Deserialize;

use super::coordinates::Coordinates;
use super::scratch::Buffer;
use super::smooth_noise::displacement;
use super::spatial::{Spatial, coordinates_with_offsets};
use super::{gamma, labels, spline};
use crate::volume::Shape;

/// Tolerance of every value; the images lie between -1 and 1.
const TOLERANCE: f32 = 1e-3;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    loaded: Shape,
    patch: Shape,
    alpha: Option<f64>,
    sigma: Option<f64>,
    angles: Option<[f64; 3]>,
    scale: Option<f64>,
    positions: [Vec<f32>; 3],
    image: Vec<f32>,
    linear: Vec<i16>,
    nearest: Vec<i16>,
    gamma: std::collections::BTreeMap<String, Vec<f32>>,
}

impl Case {
    fn coordinates(&self) -> Coordinates {
        let noise = std::array::from_fn(|axis| {
            (axis > 0 || self.patch.0[0] > 1).then(|| {
                let mut noise = Buffer::zeros(self.patch.voxels());
                noise.copy_from_slice(&uniform(self.patch.voxels(), 10 + axis as u32));
                noise
            })
        });
        let offsets = self.alpha.zip(self.sigma).map(|(alpha, sigma)| displacement(noise, self.patch, sigma, alpha));
        let spatial = Spatial { elastic: None, rotation: self.angles, scale: self.scale };
        coordinates_with_offsets(&spatial, offsets.as_ref(), self.patch, self.loaded)
    }

    fn image(&self) -> Vec<f32> {
        let mut out = vec![f32::NAN; self.patch.voxels()];
        spline::sample(&uniform(self.loaded.voxels(), 1), self.loaded, &self.coordinates(), &mut out);
        out
    }

    fn labels(&self, order: u8) -> Vec<i16> {
        let mut out = vec![99; self.patch.voxels()];
        labels::sample(&blobs(self.loaded, 2), self.loaded, &self.coordinates(), order, &mut out);
        out
    }
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../../tests/reference/values/augment.json")).expect("the committed values")
}

/// 32 pseudo-random bits per index; the same as in the script.
fn scramble(count: usize, stream: u32) -> Vec<u32> {
    (0..count as u32)
        .map(|index| {
            let x = index.wrapping_mul(0x9E37_79B1).wrapping_add(stream.wrapping_mul(0x85EB_CA77));
            let x = (x ^ (x >> 15)).wrapping_mul(0x2C1B_3C6D);
            x ^ (x >> 13)
        })
        .collect()
}

fn uniform(count: usize, stream: u32) -> Vec<f32> {
    scramble(count, stream).into_iter().map(|bits| (bits >> 8) as f32 / 8_388_608.0 - 1.0).collect()
}

fn blobs(shape: Shape, stream: u32) -> Vec<i16> {
    let bits = scramble(4096, stream);
    let [_, height, width] = shape.0;
    (0..shape.voxels())
        .map(|i| {
            let [z, y, x] = [i / (height * width), i / width % height, i % width].map(|index| index / 3);
            [-1, 0, 1, 3][(bits[(z * 16 + y) * 16 + x] >> 30) as usize]
        })
        .collect()
}

fn assert_close(name: &str, found: impl IntoIterator<Item = f32>, expected: &[f32], tolerance: f32) {
    let found: Vec<f32> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len(), "{name}");
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= tolerance, "{name}: differs by {worst}, more than {tolerance}");
}

/// At most 1 in 1000 voxels may differ: those whose label depends on the last bits of their position.
fn assert_same_labels(name: &str, found: &[i16], expected: &[i16]) {
    let wrong = found.iter().zip(expected).filter(|(a, b)| a != b).count();
    assert!(found.len() == expected.len() && wrong * 1000 <= expected.len(), "{name}: {wrong} labels differ");
}

#[test]
fn positions_are_those_of_scipy() {
    for case in cases() {
        let found = case.coordinates();
        // A grid of one slice does not use positions along z.
        for axis in usize::from(case.patch.0[0] == 1)..3 {
            let every_seventh = found.axes[axis].iter().step_by(7).copied();
            assert_close(&case.name, every_seventh, &case.positions[axis], TOLERANCE);
        }
    }
}

#[test]
fn images_are_those_of_scipy() {
    for case in cases() {
        assert_close(&case.name, case.image().into_iter().step_by(3), &case.image, 2.0 * TOLERANCE);
    }
}

#[test]
fn labels_are_those_of_scipy() {
    for case in cases() {
        assert_same_labels(&case.name, &case.labels(1), &case.linear);
        assert_same_labels(&case.name, &case.labels(0), &case.nearest);
    }
}

#[test]
fn gamma_is_that_of_numpy() {
    for case in cases() {
        for (exponent, expected) in &case.gamma {
            let mut values = case.image();
            gamma::apply(&mut values, exponent.parse().expect("an exponent"));
            assert_close(&case.name, values.into_iter().step_by(5), expected, 2.0 * TOLERANCE);
        }
    }
}
