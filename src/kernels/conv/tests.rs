//! Convolution with every instruction set against its definition in double precision.

use proptest::prelude::*;

use super::{ConvDims, Requested, backward, forward};
use crate::kernels::simd::InstructionSet;

/// All gradients.
const ALL: Requested = Requested { inputs: true, bias: true };

/// A convolution with its operands in double precision.
#[derive(Clone, Debug)]
struct Case {
    dims: ConvDims,
    inputs: Vec<Vec<f64>>,
    weight: Vec<f64>,
    bias: Vec<f64>,
    /// Gradient of the output.
    gradient: Vec<f64>,
}

impl Case {
    fn new(dims: ConvDims) -> Self {
        let voxels = dims.samples * dims.size.iter().product::<usize>();
        let output_voxels = dims.samples * output_size(&dims).iter().product::<usize>();
        let taps: usize = dims.kernel.iter().product();
        let channels: usize = dims.inputs.iter().sum();
        let wave = |count: usize, frequency: f64| -> Vec<f64> {
            // Values that are exact in single precision.
            (0..count).map(|at| f64::from((at as f64 * frequency).sin() as f32)).collect()
        };
        Self {
            inputs: dims.inputs.iter().map(|channels| wave(voxels * channels, 0.37)).collect(),
            weight: wave(dims.outputs * channels * taps, 0.91),
            bias: wave(dims.outputs, 1.3),
            gradient: wave(output_voxels * dims.outputs, 0.53),
            dims,
        }
    }

    /// The output by definition.
    fn output(&self) -> Vec<f64> {
        let ConvDims { samples, outputs, size, kernel: [kz, ky, kx], stride, padding, .. } = self.dims;
        let channels: usize = self.dims.inputs.iter().sum();
        let mut result = Vec::new();
        for (sample, output) in (0..samples).flat_map(|sample| (0..outputs).map(move |output| (sample, output))) {
            for (z, y, x) in voxels(output_size(&self.dims)) {
                let mut sum = self.bias[output];
                for channel in 0..channels {
                    for (k, j, i) in voxels([kz, ky, kx]) {
                        let weight = self.weight[(((output * channels + channel) * kz + k) * ky + j) * kx + i];
                        let at = [z * stride[0] + k, y * stride[1] + j, x * stride[2] + i];
                        let inside = (0..3).all(|a| at[a] >= padding[a] && at[a] - padding[a] < size[a]);
                        if inside {
                            let [z, y, x] = std::array::from_fn(|a| at[a] - padding[a]);
                            sum += weight * self.input(sample, channel, (z * size[1] + y) * size[2] + x);
                        }
                    }
                }
                result.push(sum);
            }
        }
        result
    }

    fn input(&self, sample: usize, mut channel: usize, voxel: usize) -> f64 {
        let voxels: usize = self.dims.size.iter().product();
        for (input, channels) in self.inputs.iter().zip(&self.dims.inputs) {
            if channel < *channels {
                return input[(sample * channels + channel) * voxels + voxel];
            }
            channel -= channels;
        }
        unreachable!("the inputs have fewer channels")
    }

    /// Central differences of the sum of output times gradient, with respect to each value of the operand that `of` selects.
    fn differences(&self, of: impl Fn(&mut Self) -> &mut Vec<f64>) -> Vec<f64> {
        let loss = |case: &Self| -> f64 { case.output().iter().zip(&self.gradient).map(|(a, b)| a * b).sum() };
        let mut case = self.clone();
        let count = of(&mut case).len();
        let mut moved = |at: usize, by: f64| {
            of(&mut case)[at] += by;
            let loss = loss(&case);
            of(&mut case)[at] -= by;
            loss
        };
        (0..count).map(|at| moved(at, 0.5) - moved(at, -0.5)).collect()
    }
}

/// Edges of the output by the formula of `PyTorch`.
fn output_size(dims: &ConvDims) -> [usize; 3] {
    std::array::from_fn(|a| (dims.size[a] + 2 * dims.padding[a] - dims.kernel[a]) / dims.stride[a] + 1)
}

fn voxels([depth, height, width]: [usize; 3]) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..depth).flat_map(move |z| (0..height).flat_map(move |y| (0..width).map(move |x| (z, y, x))))
}

fn single(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

/// Asserts a relative error of at most 1e-5 in the Euclidean norm.
fn assert_close(ours: &[f32], reference: &[f64], what: &str) {
    assert_eq!(ours.len(), reference.len(), "{what}");
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    let difference = norm(&mut ours.iter().zip(reference).map(|(&ours, reference)| f64::from(ours) - reference));
    assert!(difference <= 1e-5 * norm(&mut reference.iter().copied()) + 1e-12, "{what}: {difference}");
}

fn dims() -> impl Strategy<Value = ConvDims> {
    let axes = |edge: BoxedStrategy<usize>| (edge.clone(), edge.clone(), edge).prop_map(|(z, y, x)| [z, y, x]);
    let kernel = axes(prop_oneof![Just(1_usize), Just(3), Just(5)].boxed());
    let stride = axes(prop_oneof![3 => Just(1_usize), 2 => Just(2), 1 => Just(3)].boxed());
    let channels =
        prop_oneof![(1_usize..5).prop_map(|first| vec![first]), (1_usize..4, 1_usize..4).prop_map(|(a, b)| vec![a, b])];
    let size = (1_usize..4, 1_usize..9, 1_usize..20);
    (1_usize..3, channels, 1_usize..40, size, kernel, stride).prop_map(
        |(samples, inputs, outputs, (z, y, x), kernel, stride)| ConvDims {
            samples,
            inputs,
            outputs,
            size: [z, y, x],
            kernel,
            stride,
            padding: kernel.map(|edge| edge / 2),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_convolution_equals_its_definition_with_every_instruction_set(dims in dims()) {
        let case = Case::new(dims);
        let inputs: Vec<Vec<f32>> = case.inputs.iter().map(|input| single(input)).collect();
        let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
        let expected = case.output();
        for instructions in InstructionSet::available() {
            let ours = instructions.force(|| forward(&case.dims, &inputs, &single(&case.weight), &single(&case.bias)));
            assert_close(&ours, &expected, &format!("{instructions:?}"));
        }
    }
}

#[test]
fn gradients_equal_finite_differences_with_every_instruction_set() {
    for (samples, inputs, outputs, size, kernel, stride) in [
        (2, vec![2], 3, [2, 4, 5], [3, 3, 3], [1, 1, 1]),
        (1, vec![1, 2], 18, [1, 3, 4], [1, 3, 3], [1, 1, 1]),
        (1, vec![2], 2, [3, 2, 3], [3, 1, 3], [1, 1, 1]),
        (2, vec![3], 5, [1, 2, 3], [1, 1, 1], [1, 1, 1]),
        (1, vec![1], 34, [2, 2, 3], [1, 3, 3], [1, 1, 1]),
        // Edges that the stride divides, and edges that it does not divide.
        (2, vec![2], 3, [4, 5, 6], [3, 3, 3], [2, 2, 2]),
        (1, vec![1, 2], 18, [2, 5, 7], [1, 3, 3], [1, 2, 2]),
        (1, vec![2], 17, [5, 4, 9], [3, 1, 3], [3, 1, 2]),
        (1, vec![2, 1], 4, [3, 4, 5], [1, 1, 1], [2, 2, 2]),
        (1, vec![1], 3, [2, 5, 8], [3, 3, 3], [1, 3, 3]),
        (1, vec![2], 2, [1, 2, 1], [3, 3, 3], [2, 2, 2]),
        (1, vec![7], 3, [2, 4, 11], [1, 5, 5], [1, 2, 2]),
    ] {
        let padding = kernel.map(|edge| edge / 2);
        let case = Case::new(ConvDims { samples, inputs, outputs, size, kernel, stride, padding });
        let inputs: Vec<Vec<f32>> = case.inputs.iter().map(|input| single(input)).collect();
        let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
        let of_inputs: Vec<Vec<f64>> =
            (0..inputs.len()).map(|which| case.differences(move |case| &mut case.inputs[which])).collect();
        let (of_weight, of_bias) = (case.differences(|case| &mut case.weight), case.differences(|case| &mut case.bias));
        for instructions in InstructionSet::available() {
            let ours = instructions
                .force(|| backward(&case.dims, &inputs, &single(&case.weight), &single(&case.gradient), ALL));
            let what = format!("{instructions:?}, {:?}", case.dims);
            assert_close(&ours.weight, &of_weight, &format!("weight, {what}"));
            assert_close(&ours.bias, &of_bias, &format!("bias, {what}"));
            for (ours, reference) in ours.inputs.iter().zip(&of_inputs) {
                assert_close(ours, reference, &format!("input, {what}"));
            }
        }
    }
}

#[test]
fn regions_blocks_and_sections_join_seamlessly() {
    for (samples, inputs, outputs, size, stride) in [
        // Several strips per plane, several sections of planes.
        (1, vec![24], 4, [2, 70, 40], [1, 1, 1]),
        (1, vec![24], 4, [4, 70, 81], [2, 2, 2]),
        // Several samples per region, several blocks of channels, two inputs.
        (9, vec![20, 17], 50, [3, 4, 2], [1, 1, 1]),
        (9, vec![20, 17], 50, [3, 4, 5], [1, 2, 2]),
        // Several planes per region.
        (2, vec![5], 3, [9, 6, 7], [1, 1, 1]),
        (2, vec![5], 3, [9, 12, 7], [2, 2, 1]),
    ] {
        let case = Case::new(ConvDims { samples, inputs, outputs, size, kernel: [3; 3], stride, padding: [1; 3] });
        let inputs: Vec<Vec<f32>> = case.inputs.iter().map(|input| single(input)).collect();
        let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
        let expected = case.output();
        // The output is linear in each operand: the sum of an operand times its gradient equals that of the output times its gradient.
        let dot = |left: &[f32], right: &[f64]| -> f64 { left.iter().zip(right).map(|(a, b)| f64::from(*a) * b).sum() };
        let of_bias: f64 = expected
            .chunks(output_size(&case.dims).iter().product())
            .zip(case.bias.iter().cycle())
            .enumerate()
            .map(|(at, (map, bias))| case.gradient[at * map.len()..][..map.len()].iter().sum::<f64>() * bias)
            .sum();
        let whole = expected.iter().zip(&case.gradient).map(|(a, b)| a * b).sum::<f64>() - of_bias;
        let norm = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>().sqrt();
        let scale = norm(&expected) * norm(&case.gradient);
        for instructions in InstructionSet::available() {
            let what = format!("{instructions:?}, {:?}", case.dims);
            let (ours, gradients) = instructions.force(|| {
                let weight = single(&case.weight);
                let gradients = backward(&case.dims, &inputs, &weight, &single(&case.gradient), ALL);
                (forward(&case.dims, &inputs, &weight, &single(&case.bias)), gradients)
            });
            assert_close(&ours, &expected, &what);
            let of_inputs: f64 = gradients.inputs.iter().zip(&case.inputs).map(|(ours, input)| dot(ours, input)).sum();
            for (product, which) in [(of_inputs, "inputs"), (dot(&gradients.weight, &case.weight), "weight")] {
                assert!((product - whole).abs() <= 1e-6 * scale, "{which}, {what}: {product} instead of {whole}");
            }
        }
    }
}
