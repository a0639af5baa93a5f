//! The weights of the voxels of a tile: a Gaussian around its centre.

use burn::tensor::f16;
use ndarray::Array3;

use crate::plan::schema::TileWeights;
use crate::volume::Shape;
use crate::volume::gaussian::gaussian;

/// Added to weights of single precision, so that none is 0. Source: nnU-Net commit 6150f1b0, `neural_network.py`.
const WEIGHT_EPS: f64 = 1e-8;
/// Maximum of weights of half precision. Source: nnU-Net v2, `sliding_window_prediction.py`.
const HALF_MAXIMUM: f64 = 10.0;

/// Weights of the voxels of a tile, `[z, y, x]`, all positive and largest in its centre: at most 1, or 10 in half precision.
///
/// `sigma_fraction` is the standard deviation as a fraction of each edge. The paper (arXiv:1809.10486, 2.4) weights the centre more
/// than the border, without a formula. nnU-Net filters an impulse at `patch / 2` with SciPy's Gaussian, which ends at 4 standard
/// deviations, and divides by the maximum (commit 6150f1b0, `neural_network.py`). Weights of half precision are those of nnU-Net v2,
/// `sliding_window_prediction.py`, bit for bit.
///
/// Differs: nnU-Net's commit rounds the standard deviation down to whole voxels (`patch // 8`); later versions do not.
pub(super) fn tile_weights(patch: Shape, sigma_fraction: f64, kind: TileWeights) -> Array3<f32> {
    let lines: [Vec<f64>; 3] = patch.0.map(|edge| {
        let centre = (edge / 2) as f64;
        let sigma = edge as f64 * sigma_fraction;
        (0..edge).map(|voxel| gaussian(voxel as f64 - centre, sigma)).collect()
    });
    let weights = Array3::from_shape_fn(patch.0, |(z, y, x)| lines[0][z] * lines[1][y] * lines[2][x]);
    match kind {
        TileWeights::Single => weights.mapv(|weight| (weight + WEIGHT_EPS) as f32),
        TileWeights::Half => in_half_precision(&weights),
    }
}

/// Weights of at most 1 as multiples of 10 in half precision, where zeros become the smallest positive one.
fn in_half_precision(weights: &Array3<f64>) -> Array3<f32> {
    let rounded = weights.mapv(|weight| f16::from_f64(weight * HALF_MAXIMUM).to_f32());
    let positive = rounded.iter().copied().filter(|&weight| weight > 0.0);
    let smallest = positive.fold(HALF_MAXIMUM as f32, f32::min);
    rounded.mapv(|weight| weight.max(smallest))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_weight_is_1_in_the_centre_and_lowest_in_the_corners() {
        let weights = tile_weights(Shape([8, 16, 4]), 0.125, TileWeights::Single);
        assert!((weights[[4, 8, 2]] - 1.0).abs() < 1e-6);
        assert!(weights.iter().all(|&weight| weight >= weights[[0, 0, 0]] && weight > 0.0));
    }

    #[test]
    fn weights_of_half_precision_are_those_of_nnu_net() {
        let text = include_str!("../../tests/reference/values/nnunet/inference.json");
        let all: Value = serde_json::from_str(text).unwrap();
        let reference = &all["gaussian"];
        let number = |value: &Value| value.as_f64().unwrap();
        let edges: Vec<usize> = serde_json::from_value(reference["tile"].clone()).unwrap();
        let patch: [usize; 3] = edges.try_into().unwrap();
        let weights = tile_weights(Shape(patch), 0.125, TileWeights::Half).mapv(f64::from);
        // The file has 16 digits.
        let equal = |found: f64, expected: &Value| {
            approx::assert_relative_eq!(found, number(expected), max_relative = 1e-15);
        };
        for (z, expected) in reference["axis0_at_centre_fp16"].as_array().unwrap().iter().enumerate() {
            equal(weights[[z, 12, 12]], expected);
        }
        for (y, expected) in reference["axis1_at_centre_fp16"].as_array().unwrap().iter().enumerate() {
            equal(weights[[4, y, 12]], expected);
        }
        equal(weights[[0, 0, 0]], &reference["corner_fp16"]);
        equal(weights.iter().copied().fold(f64::MAX, f64::min), &reference["min_fp16"]);
        // Not rounded, the sum is slightly different.
        approx::assert_relative_eq!(weights.sum(), number(&reference["sum_fp64"]), max_relative = 1e-5);

        let reference = &all["gaussian64"];
        let weights = tile_weights(Shape([64; 3]), 0.125, TileWeights::Half).mapv(f64::from);
        equal(weights[[0, 0, 0]], &reference["corner"]);
        equal(weights[[0, 32, 32]], &reference["edge"]);
    }
}
