//! The smaller kernels with every instruction set against their definitions.

use super::add_act;
use super::avg_pool::AvgPool;
use super::conv_transpose::{ConvTranspose, Requested};
use super::norm::InstanceNorm;
use super::simd::InstructionSet;

fn wave(count: usize, frequency: f32) -> Vec<f32> {
    (0..count).map(|at| (at as f32 * frequency).sin()).collect()
}

/// Asserts a relative error of at most 1e-5 in the Euclidean norm.
fn assert_close(ours: &[f32], reference: &[f64], what: &str) {
    assert_eq!(ours.len(), reference.len(), "{what}");
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    let difference = norm(&mut ours.iter().zip(reference).map(|(ours, reference)| f64::from(*ours) - reference));
    assert!(difference <= 1e-5 * norm(&mut reference.iter().copied()) + 1e-12, "{what}: {difference}");
}

/// All positions of a box, `[z, y, x]`.
fn positions([depth, height, width]: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    (0..depth).flat_map(move |z| (0..height).flat_map(move |y| (0..width).map(move |x| [z, y, x])))
}

fn index([z, y, x]: [usize; 3], [_, height, width]: [usize; 3]) -> usize {
    (z * height + y) * width + x
}

#[test]
fn a_transposed_convolution_equals_its_definition_with_every_instruction_set() {
    for (samples, inputs, outputs, size, kernel) in [
        (2, 3, 5, [2, 3, 4], [2, 2, 2]),
        (1, 20, 17, [1, 5, 3], [1, 2, 2]),
        (2, 9, 4, [3, 1, 7], [2, 1, 3]),
        (1, 2, 3, [2, 2, 2], [1, 1, 1]),
    ] {
        let dims = ConvTranspose { samples, inputs, outputs, size, kernel };
        let (fine, coarse) = (dims.output_size(), size);
        let [voxels, fine_voxels, taps] = [size, fine, kernel].map(|edges| edges.iter().product::<usize>());
        let (input, weight) = (wave(samples * inputs * voxels, 0.37), wave(inputs * outputs * taps, 0.91));
        let (bias, gradient) = (wave(outputs, 1.3), wave(samples * outputs * fine_voxels, 0.53));
        let mut output: Vec<f64> = vec![0.0; gradient.len()];
        let (mut of_input, mut of_weight) = (vec![0.0; input.len()], vec![0.0; weight.len()]);
        let mut of_bias = vec![0.0; outputs];
        for sample in 0..samples {
            for o in 0..outputs {
                for at in positions(fine) {
                    let from = index(std::array::from_fn(|axis| at[axis] / kernel[axis]), coarse);
                    let tap = index(std::array::from_fn(|axis| at[axis] % kernel[axis]), kernel);
                    let to = (sample * outputs + o) * fine_voxels + index(at, fine);
                    output[to] = f64::from(bias[o]);
                    of_bias[o] += f64::from(gradient[to]);
                    for i in 0..inputs {
                        let (from, tap) = ((sample * inputs + i) * voxels + from, (i * outputs + o) * taps + tap);
                        output[to] += f64::from(input[from]) * f64::from(weight[tap]);
                        of_input[from] += f64::from(gradient[to]) * f64::from(weight[tap]);
                        of_weight[tap] += f64::from(gradient[to]) * f64::from(input[from]);
                    }
                }
            }
        }
        for instructions in InstructionSet::available() {
            let requested = Requested { input: true, bias: true };
            let (ours, gradients) = instructions
                .force(|| (dims.forward(&input, &weight, &bias), dims.backward(&input, &weight, &gradient, requested)));
            let what = |part: &str| format!("{part}, {instructions:?}, {dims:?}");
            assert_close(&ours, &output, &what("output"));
            assert_close(&gradients.input, &of_input, &what("input"));
            assert_close(&gradients.weight, &of_weight, &what("weight"));
            assert_close(&gradients.bias, &of_bias, &what("bias"));
        }
    }
}

#[test]
fn an_average_pooling_equals_its_definition_with_every_instruction_set() {
    for (size, kernel) in [
        ([4, 6, 8], [2, 2, 2]),
        ([3, 5, 37], [1, 2, 2]),
        ([5, 3, 9], [3, 1, 2]),
        ([2, 7, 11], [1, 3, 3]),
        ([2, 3, 4], [1, 1, 1]),
    ] {
        let pool = AvgPool { size, kernel };
        let pooled: [usize; 3] = std::array::from_fn(|axis| (size[axis] - kernel[axis]) / kernel[axis] + 1);
        let [voxels, pooled_voxels, taps] = [size, pooled, kernel].map(|edges| edges.iter().product::<usize>());
        let (maps, gradient) = (wave(6 * voxels, 0.37), wave(6 * pooled_voxels, 0.53));
        let (mut output, mut of_maps) = (vec![0.0; gradient.len()], vec![0.0; maps.len()]);
        for map in 0..6 {
            for at in positions(pooled) {
                let to = map * pooled_voxels + index(at, pooled);
                for tap in positions(kernel) {
                    let from = std::array::from_fn(|axis| at[axis] * kernel[axis] + tap[axis]);
                    let from = map * voxels + index(from, size);
                    output[to] += f64::from(maps[from]) / taps as f64;
                    of_maps[from] += f64::from(gradient[to]) / taps as f64;
                }
            }
        }
        for instructions in InstructionSet::available() {
            let what = format!("{instructions:?}, {pool:?}");
            assert_close(&instructions.force(|| pool.forward(&maps)), &output, &what);
            assert_close(&instructions.force(|| pool.backward(&gradient)), &of_maps, &what);
        }
    }
}

#[test]
fn a_residual_sum_equals_its_definition_with_every_instruction_set() {
    for slope in [0.0, 0.01, 1.0] {
        let (a, b, gradient) = (wave(40_003, 0.37), wave(40_003, 0.91), wave(40_003, 0.53));
        let sums: Vec<f64> = a.iter().zip(&b).map(|(a, b)| f64::from(*a + *b)).collect();
        let leaky = |sign: f64, value: f64| if sign > 0.0 { value } else { slope * value };
        let output: Vec<f64> = sums.iter().map(|sum| leaky(*sum, *sum)).collect();
        let of_sum: Vec<f64> = sums.iter().zip(&gradient).map(|(sum, by)| leaky(*sum, f64::from(*by))).collect();
        for instructions in InstructionSet::available() {
            let ours = instructions.force(|| add_act::forward(&a, &b, slope));
            assert_close(&ours, &output, &format!("{instructions:?}"));
            let ours = instructions.force(|| add_act::backward(&ours, &gradient, slope));
            assert_close(&ours, &of_sum, &format!("{instructions:?}"));
        }
    }
}

#[test]
fn a_normalisation_with_slope_1_has_no_activation() {
    let (maps, gradient) = (wave(2 * 3 * 50, 0.37), wave(2 * 3 * 50, 0.53));
    let (gamma, beta) = ([1.5, -0.5, 0.25], [0.5, -1.0, 0.0]);
    let (mut output, mut of_maps) = (Vec::new(), Vec::new());
    for (index, (map, gradient)) in maps.chunks(50).zip(gradient.chunks(50)).enumerate() {
        let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / 50.0;
        let (gamma, beta) = (f64::from(gamma[index % 3]), f64::from(beta[index % 3]));
        let average = mean(&mut map.iter().map(|value| f64::from(*value)));
        let variance = mean(&mut map.iter().map(|value| (f64::from(*value) - average).powi(2)));
        let scale = 1.0 / (variance + 1e-5).sqrt();
        let normalized: Vec<f64> = map.iter().map(|value| (f64::from(*value) - average) * scale).collect();
        output.extend(normalized.iter().map(|value| value * gamma + beta));
        let mean_gradient = mean(&mut gradient.iter().map(|value| f64::from(*value)));
        let mean_product = mean(&mut gradient.iter().zip(&normalized).map(|(a, b)| f64::from(*a) * b));
        let of_value =
            |(by, value): (&f32, &f64)| gamma * scale * (f64::from(*by) - mean_gradient - value * mean_product);
        of_maps.extend(gradient.iter().zip(&normalized).map(of_value));
    }
    let norm = InstanceNorm { voxels: 50, gamma: &gamma, beta: &beta, eps: 1e-5, slope: 1.0 };
    for instructions in InstructionSet::available() {
        assert_close(&instructions.force(|| norm.forward(&maps)), &output, &format!("{instructions:?}"));
        let gradients = instructions.force(|| norm.backward(&maps, &gradient));
        assert_close(&gradients.maps, &of_maps, &format!("{instructions:?}"));
    }
}
