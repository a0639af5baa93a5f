//! The operations of the CPU backend against the plain versions.

use burn::tensor::Tensor;
use burn::tensor::module::conv_transpose3d;
use burn::tensor::ops::ConvTransposeOptions;

use crate::network::cpu::{conv_transpose, conv3d, max_pool, norm_act};
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
    // Samples, channels of input and skip, output channels; edges of the maps; edges of the kernel.
    for ([samples, inputs, skips, outputs], [z, y, x], [kz, ky, kx]) in [
        ([2, 1, 0, 30], [3, 5, 4], [3, 3, 3]),
        ([1, 4, 0, 8], [1, 9, 7], [3, 3, 3]),
        ([1, 3, 0, 5], [2, 1, 1], [3, 3, 3]),
        ([3, 7, 2, 13], [1, 6, 9], [1, 3, 3]),
        ([2, 40, 0, 33], [2, 4, 5], [3, 3, 3]),
        ([2, 9, 9, 11], [4, 3, 8], [1, 1, 1]),
        ([1, 34, 0, 1], [2, 8, 9], [3, 1, 3]),
        ([1, 2, 0, 2], [1, 40, 41], [1, 3, 3]),
        ([2, 20, 17, 12], [5, 7, 5], [3, 3, 1]),
        ([1, 2, 0, 3], [4, 6, 7], [5, 5, 3]),
    ] {
        let mut given = vec![
            wave([outputs, inputs + skips, kz, ky, kx], 0.91, 0.5, &cpu()),
            wave([1, 1, 1, 1, outputs], 1.3, 0.2, &cpu()),
            wave([samples, inputs, z, y, x], 0.37, 0.0, &cpu()),
        ];
        if skips > 0 {
            given.push(wave([samples, skips, z, y, x], 0.41, 0.3, &cpu()));
        }
        let what =
            format!("{samples} samples, {inputs} + {skips} to {outputs} channels, {:?}, {:?}", [z, y, x], [kz, ky, kx]);
        compare(
            &given,
            |t| conv3d(t[2].clone(), t.get(3).cloned(), t[0].clone(), to_row(&t[1])),
            |t| ops::plain_conv(t[2].clone(), t.get(3).cloned(), t[0].clone(), Some(to_row(&t[1])), [1; 3]),
            &what,
        );
    }
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
        ];
        let burn = |t: &[Tensor<5>]| {
            let options = ConvTransposeOptions::new([kz, ky, kx], [0; 3], [0; 3], [1; 3], 1);
            conv_transpose3d(t[0].clone(), t[1].clone(), None, options)
        };
        let what = format!("{samples} samples, {inputs} to {outputs} channels, {:?}, {:?}", [z, y, x], [kz, ky, kx]);
        compare(&given, |t| conv_transpose(t[0].clone(), t[1].clone()), burn, &what);
        compare(
            &given,
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
            let maps = conv3d(input.clone(), None, weight.clone(), bias.clone());
            let pooled = max_pool(norm_act(maps, gamma.clone(), beta.clone(), 1e-5, 0.01), [2, 2, 1]);
            let fine = wave([17, 11, 2, 2, 1], 0.77, 0.2, &device).require_grad();
            let output = conv_transpose(pooled, fine.clone());
            let gradients = (output.clone() * wave(output.dims(), 0.53, 1.0, &device)).sum().backward();
            let large = [input, weight, fine].map(|given| values(given.grad(&gradients).expect("tracked")));
            let small = [bias, gamma, beta].map(|given| values(given.grad(&gradients).expect("tracked")));
            (values(output.inner()), large, small)
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(5));
}
