//! The operations of the CPU backend against the plain versions.

use burn::tensor::Tensor;
use burn::tensor::activation::leaky_relu;
use burn::tensor::module::conv_transpose3d;
use burn::tensor::ops::ConvTransposeOptions;

use crate::network::cpu::{add_act, avg_pool, conv_transpose, conv3d, max_pool, norm_act};
use crate::network::ops;
use crate::network::testing::{cpu, wave};
use crate::network::weights::values;

/// Asserts a relative error below 1e-5 in the Euclidean norm.
fn assert_close(ours: Tensor<5>, reference: Tensor<5>, what: &str) {
    assert_eq!(ours.dims(), reference.dims(), "{what}");
    let (ours, reference) = (values(ours), values(reference));
    let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let difference = norm(&mut ours.iter().zip(&reference).map(|(a, b)| a - b));
    let error = difference / norm(&mut reference.iter().copied());
    assert!(error < 1e-5, "{what}: {error}");
}

/// Compares the outputs of two functions of the same tensors, and their gradients with respect to all tensors.
fn compare(
    inputs: &[Tensor<5>],
    ours: impl Fn(&[Tensor<5>]) -> Tensor<5>,
    reference: impl Fn(&[Tensor<5>]) -> Tensor<5>,
    what: &str,
) {
    let run = |function: &dyn Fn(&[Tensor<5>]) -> Tensor<5>| {
        let device = cpu().autodiff();
        let inputs: Vec<_> = inputs.iter().map(|input| input.clone().autodiff().require_grad()).collect();
        let output = function(&inputs);
        let gradients = (output.clone() * wave(output.dims(), 0.53, 1.0, &device)).sum().backward();
        let gradients = inputs.iter().map(|input| input.grad(&gradients).expect("tracked"));
        [output.inner()].into_iter().chain(gradients).collect::<Vec<_>>()
    };
    for (part, (ours, reference)) in run(&ours).into_iter().zip(run(&reference)).enumerate() {
        assert_close(ours, reference, &format!("{what}, part {part}"));
    }
}

fn to_row(channels: &Tensor<5>) -> Tensor<1> {
    channels.clone().reshape([-1])
}

#[test]
fn convolution_equals_that_of_burn() {
    // Samples, channels of input and skip, output channels; edges of the maps; edges of the kernel; strides.
    for ([samples, inputs, skips, outputs], [z, y, x], [kz, ky, kx], stride) in [
        ([2, 1, 0, 30], [3, 5, 4], [3, 3, 3], [1, 1, 1]),
        ([1, 4, 0, 8], [1, 9, 7], [3, 3, 3], [1, 1, 1]),
        ([1, 3, 0, 5], [2, 1, 1], [3, 3, 3], [1, 1, 1]),
        ([3, 7, 2, 13], [1, 6, 9], [1, 3, 3], [1, 1, 1]),
        ([2, 40, 0, 33], [2, 4, 5], [3, 3, 3], [1, 1, 1]),
        ([2, 9, 9, 11], [4, 3, 8], [1, 1, 1], [1, 1, 1]),
        ([1, 34, 0, 1], [2, 8, 9], [3, 1, 3], [1, 1, 1]),
        ([1, 2, 0, 2], [1, 40, 41], [1, 3, 3], [1, 1, 1]),
        ([2, 20, 17, 12], [5, 7, 5], [3, 3, 1], [1, 1, 1]),
        ([1, 2, 0, 3], [4, 6, 7], [5, 5, 3], [1, 1, 1]),
        ([2, 5, 0, 20], [6, 8, 10], [3, 3, 3], [2, 2, 2]),
        ([1, 20, 3, 50], [5, 7, 9], [3, 3, 3], [2, 2, 2]),
        ([3, 4, 0, 7], [1, 9, 30], [1, 3, 3], [1, 2, 2]),
        ([2, 3, 4, 6], [3, 6, 5], [3, 3, 3], [1, 2, 2]),
        ([1, 6, 0, 5], [7, 5, 8], [3, 1, 3], [3, 1, 2]),
        ([2, 7, 0, 9], [5, 4, 6], [1, 1, 1], [2, 2, 2]),
    ] {
        let mut given = vec![
            wave([outputs, inputs + skips, kz, ky, kx], 0.91, 0.5, &cpu()),
            wave([1, 1, 1, 1, outputs], 1.3, 0.2, &cpu()),
            wave([samples, inputs, z, y, x], 0.37, 0.0, &cpu()),
        ];
        if skips > 0 {
            given.push(wave([samples, skips, z, y, x], 0.41, 0.3, &cpu()));
        }
        let plain = |t: &[Tensor<5>]| {
            ops::plain_conv(t[2].clone(), t.get(3).cloned(), t[0].clone(), Some(to_row(&t[1])), stride)
        };
        let what = format!(
            "{samples} samples, {inputs} + {skips} to {outputs} channels, {:?}, {:?}, {stride:?}",
            [z, y, x],
            [kz, ky, kx]
        );
        compare(
            &given,
            |t| conv3d(t[2].clone(), t.get(3).cloned(), t[0].clone(), Some(to_row(&t[1])), stride),
            plain,
            &what,
        );
    }
}

#[test]
fn a_convolution_without_bias_has_bias_zero() {
    let weight = wave([5, 3, 3, 3, 3], 0.91, 0.5, &cpu());
    let given = [wave([2, 3, 4, 5, 6], 0.37, 0.0, &cpu()), weight];
    let zeros = Tensor::zeros([5], &cpu());
    compare(
        &given,
        |t| conv3d(t[0].clone(), None, t[1].clone(), None, [2; 3]),
        |t| conv3d(t[0].clone(), None, t[1].clone(), Some(zeros.clone().autodiff()), [2; 3]),
        "no bias",
    );
}

#[test]
fn normalisation_equals_that_of_burn() {
    for shape @ [_, channels, ..] in [[2, 3, 4, 5, 6], [1, 2, 1, 3, 3], [3, 5, 11, 12, 13]] {
        let given = [
            wave(shape, 0.37, 0.0, &cpu()) + 3.0,
            wave([1, 1, 1, 1, channels], 1.3, 0.2, &cpu()),
            wave([1, 1, 1, 1, channels], 0.7, 0.1, &cpu()),
        ];
        compare(
            &given,
            |t| norm_act(t[0].clone(), to_row(&t[1]), to_row(&t[2]), 1e-5, 0.01),
            |t| ops::norm_act(t[0].clone(), to_row(&t[1]), to_row(&t[2]), 1e-5, 0.01),
            &format!("{shape:?}"),
        );
    }
}

#[test]
fn max_pooling_equals_that_of_burn() {
    for kernel in [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 1, 3]] {
        // Rounded, so that some voxels are equal.
        let maps = (wave([2, 3, 4, 6, 12], 1.3, 0.2, &cpu()) * 3.0).round();
        let what = format!("{kernel:?}");
        compare(&[maps], |t| max_pool(t[0].clone(), kernel), |t| ops::max_pool_by_axes(t[0].clone(), kernel), &what);
    }
}

#[test]
fn average_pooling_equals_the_mean_of_boxes() {
    for (kernel, [z, y, x]) in
        [([1, 1, 1], [4, 6, 12]), ([1, 2, 2], [3, 7, 9]), ([2, 2, 2], [5, 6, 8]), ([2, 1, 3], [4, 3, 8])]
    {
        let [kz, ky, kx] = kernel;
        let maps = wave([2, 3, z, y, x], 1.3, 0.2, &cpu());
        let [pz, py, px] = [z / kz, y / ky, x / kx];
        let means = |t: &[Tensor<5>]| {
            let whole = t[0].clone().slice([0..2, 0..3, 0..pz * kz, 0..py * ky, 0..px * kx]);
            let rows = whole.reshape([6 * pz, kz, py, ky, px, kx]);
            rows.mean_dim(5).mean_dim(3).mean_dim(1).reshape([2, 3, pz, py, px])
        };
        let given = [maps];
        compare(&given, |t| avg_pool(t[0].clone(), kernel), means, &format!("{kernel:?}"));
        if [pz * kz, py * ky, px * kx] == [z, y, x] {
            compare(&given, |t| ops::avg_pool_by_axes(t[0].clone(), kernel), means, &format!("plain, {kernel:?}"));
        }
    }
}

#[test]
fn a_residual_sum_equals_that_of_burn() {
    for slope in [0.0, 0.01] {
        let given = [wave([2, 3, 4, 5, 6], 0.37, 0.2, &cpu()), wave([2, 3, 4, 5, 6], 0.91, 0.5, &cpu())];
        let plain = |t: &[Tensor<5>]| ops::plain_add_act(t[0].clone(), t[1].clone(), slope);
        compare(&given, |t| add_act(t[0].clone(), t[1].clone(), slope), plain, &format!("slope {slope}"));
    }
}

#[test]
fn a_tensor_added_to_itself_receives_both_gradients() {
    // No value is 0, where Burn's leaky ReLU has gradient 1, and ours the slope, like that of PyTorch.
    let given = [wave([1, 2, 2, 3, 4], 0.37, 0.2, &cpu())];
    let burn = |t: &[Tensor<5>]| leaky_relu(t[0].clone() * 2.0, 0.01);
    compare(&given, |t| add_act(t[0].clone(), t[0].clone(), 0.01), burn, "twice the same");
}

#[test]
fn transposed_convolution_equals_that_of_burn() {
    for ([samples, inputs, outputs], [z, y, x], [kz, ky, kx]) in [
        ([2, 3, 5], [2, 3, 4], [2, 2, 2]),
        ([1, 34, 17], [1, 5, 3], [1, 2, 2]),
        ([3, 8, 4], [3, 1, 7], [2, 1, 3]),
        ([2, 1, 1], [1, 1, 1], [1, 1, 1]),
    ] {
        let given = [
            wave([samples, inputs, z, y, x], 0.37, 0.0, &cpu()),
            wave([inputs, outputs, kz, ky, kx], 0.91, 0.5, &cpu()),
            wave([1, 1, 1, 1, outputs], 1.3, 0.2, &cpu()),
        ];
        let burn = |t: &[Tensor<5>]| {
            let options = ConvTransposeOptions::new([kz, ky, kx], [0; 3], [0; 3], [1; 3], 1);
            conv_transpose3d(t[0].clone(), t[1].clone(), t.get(2).map(to_row), options)
        };
        let what = format!("{samples} samples, {inputs} to {outputs} channels, {:?}, {:?}", [z, y, x], [kz, ky, kx]);
        let ours = |t: &[Tensor<5>]| conv_transpose(t[0].clone(), t[1].clone(), t.get(2).map(to_row));
        compare(&given, ours, burn, &what);
        compare(&given[..2], ours, burn, &format!("no bias, {what}"));
        compare(
            &given[..2],
            |t| ops::conv_transpose_by_matmul(t[0].clone(), t[1].clone()),
            burn,
            &format!("matmul, {what}"),
        );
    }
}

#[test]
fn results_are_identical_for_any_number_of_threads() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
        pool.install(|| {
            let device = cpu().autodiff();
            let input = wave([2, 13, 6, 20, 9], 0.37, 0.0, &device).require_grad();
            let weight = wave([17, 13, 3, 3, 3], 0.91, 0.5, &device).require_grad();
            let [bias, gamma, beta] = [0.1, 0.7, 1.3].map(|phase| wave([17], 1.1, phase, &device).require_grad());
            let maps = conv3d(input.clone(), None, weight.clone(), Some(bias.clone()), [1; 3]);
            let normalized = norm_act(maps, gamma.clone(), beta.clone(), 1e-5, 0.01);
            let strided = wave([17, 17, 3, 3, 3], 0.83, 0.4, &device).require_grad();
            let summed = add_act(
                max_pool(normalized.clone(), [2, 2, 1]),
                conv3d(normalized.clone(), None, strided.clone(), None, [2, 2, 1]),
                0.01,
            );
            let pooled = add_act(summed, avg_pool(normalized, [2, 2, 1]), 0.01);
            let fine = wave([17, 11, 2, 2, 1], 0.77, 0.2, &device).require_grad();
            let output = conv_transpose(pooled, fine.clone(), Some(wave([11], 1.7, 0.3, &device).require_grad()));
            let gradients = (output.clone() * wave(output.dims(), 0.53, 1.0, &device)).sum().backward();
            let large = [input, weight, strided, fine].map(|given| values(given.grad(&gradients).expect("tracked")));
            let small = [bias, gamma, beta].map(|given| values(given.grad(&gradients).expect("tracked")));
            (values(output.inner()), large, small)
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(5));
}
