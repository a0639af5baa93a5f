//! Shapes of the network, and its operations against naive implementations.

#[cfg(feature = "flex")]
mod cpu;
mod variants;

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::init;
use super::ops::{self, BlockParams};
use super::testing::{self, build_unet, configuration, network, tiny, wave, weight_rng};
use super::weights::{to_host, values};
use super::{Encoder, UNet, UNetConfig};
use crate::plan::schema::Precision;

#[test]
fn logits_have_the_shape_of_the_images() {
    for (patch, pools, io) in
        [([8, 8, 8], [2, 2, 2], (1, 3)), ([1, 16, 8], [0, 3, 2], (2, 4)), ([8, 64, 64], [2, 5, 5], (1, 2))]
    {
        let depth = pools.into_iter().max().unwrap_or(0);
        let plan = configuration(patch, pools, &(0..=depth).map(|level| (2 << level).min(8)).collect::<Vec<_>>());
        let unet = build_unet(&plan, io, 0, &testing::cpu());
        let [z, y, x] = patch;
        let logits = unet.forward(wave([2, io.0, z, y, x], 0.1, 0.0, &testing::cpu()));
        assert_eq!(logits.dims(), [2, io.1, z, y, x]);
        assert!(values(logits).iter().all(|logit| logit.is_finite()));
        let config = UNetConfig::new(&plan, &network(), io.0, io.1);
        assert_eq!(unet.num_params() as u64, config.topology.parameters());
    }
}

#[test]
fn the_seed_determines_the_weights_on_every_device() {
    assert_eq!(to_host(&tiny(1, &testing::cpu())), to_host(&tiny(1, &testing::cpu().autodiff())));
    assert_ne!(to_host(&tiny(1, &testing::cpu())), to_host(&tiny(2, &testing::cpu())));
}

#[test]
fn initial_weights_have_the_variance_of_he_normal() {
    let plan = configuration([4, 4, 4], [1, 1, 1], &[24, 32]);
    let unet = init::he_normal(&UNetConfig::new(&plan, &network(), 1, 2), &mut weight_rng(3), &testing::cpu());
    // As in PyTorch, the fan-in of a transposed convolution counts its output channels.
    let Encoder::Plain(encoder) = &unet.encoder else { panic!("a plain encoder") };
    for (weight, fan_in) in [(&encoder[1][1].conv.weight, 32 * 27), (&unet.upsample[0].weight, 24 * 8)] {
        let drawn = values(weight.val());
        let mean = drawn.iter().sum::<f32>() / drawn.len() as f32;
        let variance = drawn.iter().map(|w| (w - mean).powi(2)).sum::<f32>() / drawn.len() as f32;
        let expected = 2.0 / (1.0 + 1e-4) / fan_in as f32;
        assert!((variance / expected - 1.0).abs() < 0.05, "{variance} is not about {expected}");
        assert!(mean.abs() < 0.1 * expected.sqrt(), "{mean}");
    }
}

#[test]
fn a_skip_equals_a_concatenation() {
    let (input, skip) =
        (wave([2, 3, 2, 4, 4], 0.7, 0.0, &testing::cpu()), wave([2, 2, 2, 4, 4], 0.3, 1.0, &testing::cpu()));
    let params = || BlockParams {
        weight: wave([4, 5, 3, 3, 3], 0.9, 0.5, &testing::cpu()),
        bias: Some(wave([4], 1.0, 0.0, &testing::cpu())),
        gamma: wave([4], 1.0, 2.0, &testing::cpu()),
        beta: wave([4], 1.0, 3.0, &testing::cpu()),
        stride: [1; 3],
        eps: 1e-5,
        slope: 0.01,
    };
    let concatenated = Tensor::cat(vec![input.clone(), skip.clone()], 1);
    let pair = values(ops::conv_norm_act(input, Some(skip), params()));
    assert_eq!(pair, values(ops::conv_norm_act(concatenated, None, params())));
}

#[test]
fn max_pooling_takes_the_maximum_of_each_box() {
    let edges = [2, 3, 4, 6, 8];
    let input = wave(edges, 1.3, 0.2, &testing::cpu());
    let given = values(input.clone());
    for kernel in [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 1, 2], [2, 2, 1]] {
        let pooled = ops::max_pool(input.clone(), kernel);
        let [samples, channels, z, y, x] = pooled.dims();
        let mut expected = vec![f32::NEG_INFINITY; samples * channels * z * y * x];
        for (at, value) in given.iter().enumerate() {
            let [_, _, i, j, k] = position(at, edges);
            let map = at / (edges[2] * edges[3] * edges[4]);
            let cell = ((map * z + i / kernel[0]) * y + j / kernel[1]) * x + k / kernel[2];
            expected[cell] = expected[cell].max(*value);
        }
        assert_eq!(values(pooled), expected, "{kernel:?}");
    }
}

#[test]
fn the_gradient_of_max_pooling_goes_to_the_first_of_equal_voxels() {
    let device = testing::cpu().autodiff();
    let input = Tensor::<5>::ones([1, 1, 2, 2, 4], &device).require_grad();
    let gradients = ops::max_pool(input.clone(), [2, 2, 2]).sum().backward();
    let gradient = values(input.grad(&gradients).expect("tracked"));
    assert_eq!(gradient, [[1.0, 0.0, 1.0, 0.0], [0.0; 4], [0.0; 4], [0.0; 4]].concat());
}

#[test]
fn a_transposed_convolution_adds_each_voxel_times_the_kernel() {
    let edges = [2, 3, 2, 3, 2];
    let input = wave(edges, 1.1, 0.4, &testing::cpu());
    for [kz, ky, kx] in [[1, 2, 2], [2, 2, 2], [2, 1, 2]] {
        let kernel = wave([3, 2, kz, ky, kx], 0.8, 0.1, &testing::cpu());
        let (given, weight) = (values(input.clone()), values(kernel.clone()));
        let [_, _, z, y, x] = edges;
        let mut expected = vec![0.0_f32; 2 * 2 * z * kz * y * ky * x * kx];
        for (at, value) in given.iter().enumerate() {
            let [sample, from, i, j, k] = position(at, edges);
            for (tap, weight) in weight[from * 2 * kz * ky * kx..][..2 * kz * ky * kx].iter().enumerate() {
                let [_, to, di, dj, dk] = position(tap, [1, 2, kz, ky, kx]);
                let row = ((sample * 2 + to) * z * kz + i * kz + di) * y * ky + j * ky + dj;
                expected[row * x * kx + k * kx + dk] += value * weight;
            }
        }
        let upsampled = values(ops::conv_transpose(input.clone(), kernel, None));
        assert!(upsampled.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5), "{:?}", [kz, ky, kx]);
    }
}

/// Logits of a batch, and the gradients of their mean square with respect to each convolution weight.
fn logits_and_gradients(precision: Precision) -> (Vec<f32>, Vec<Vec<f32>>) {
    let device = testing::cpu().autodiff();
    let unet = UNet { precision, ..tiny(1, &device) };
    let logits = unet.forward(wave([2, 1, 8, 16, 16], 0.37, 0.0, &device));
    let gradients = logits.clone().square().mean().backward();
    let Encoder::Plain(encoder) = &unet.encoder else { panic!("a plain encoder") };
    let blocks = encoder.iter().chain(&unet.decoder).flatten();
    let weights =
        blocks.map(|block| &block.conv.weight).chain(unet.upsample.iter().chain([&unet.head]).map(|conv| &conv.weight));
    let gradient = |weight: &Param<Tensor<5>>| values(weight.val().grad(&gradients).expect("tracked"));
    (values(logits), weights.map(gradient).collect())
}

#[test]
fn logits_and_gradients_at_16_bit_precision_are_32_bit_and_differ_by_rounding() {
    let (expected, expected_gradients) = logits_and_gradients(Precision::F32);
    // Gradients differ by more than rounding where it moves a voxel across the kink of an activation, or changes which voxel of a
    // box is the maximum.
    for (precision, logit_tolerance, tolerance) in [(Precision::Bf16, 0.05, 0.7), (Precision::F16, 0.01, 0.2)] {
        let (found, gradients) = logits_and_gradients(precision);
        let relative_difference = |found: &[f32], expected: &[f32]| {
            let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|value| value * value).sum::<f32>().sqrt();
            norm(&mut found.iter().zip(expected).map(|(found, expected)| found - expected))
                / norm(&mut expected.iter().copied())
        };
        let logits = relative_difference(&found, &expected);
        assert!(logits > 0.0 && logits < logit_tolerance, "{precision:?}: relative difference of the logits {logits}");
        assert_eq!(gradients.len(), expected_gradients.len());
        for (found, expected) in gradients.iter().zip(&expected_gradients) {
            let gradient = relative_difference(found, expected);
            assert!(gradient < tolerance, "{precision:?}: relative difference of a gradient {gradient}");
        }
    }
}

/// Indices of element `at` of a tensor with these edges.
fn position(mut at: usize, edges: [usize; 5]) -> [usize; 5] {
    let mut indices = [0; 5];
    for axis in (0..5).rev() {
        indices[axis] = at % edges[axis];
        at /= edges[axis];
    }
    indices
}
