//! The operations of the network, as plain Burn functions that run and differentiate on every backend.
//!
//! [`super::UNet`] computes with these functions only; each one dispatches to a faster implementation where a backend has one
//! (`network::cpu`), next to the plain version that is its reference. All tensors are `[b, c, z, y, x]`.
//!
//! Inputs may be 16-bit. Convolutions compute in the dtype of their input, to which 32-bit weights are rounded; normalisation and
//! activation compute in 32 bits. The output has the dtype of the input.

use burn::tensor::activation::leaky_relu;
use burn::tensor::module::conv3d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{FloatDType, Tensor, assert_shape};

#[cfg(feature = "flex")]
use super::cpu;

/// The parameters of one block.
pub struct BlockParams {
    /// Convolution weight, `[out, in, kz, ky, kx]`, odd kernel edges.
    pub weight: Tensor<5>,
    /// Convolution bias, `[out]`.
    pub bias: Tensor<1>,
    /// Scale after the normalisation, `[out]`.
    pub gamma: Tensor<1>,
    /// Shift after the normalisation, `[out]`.
    pub beta: Tensor<1>,
    /// Added to the variance.
    pub eps: f64,
    /// Negative slope of the leaky `ReLU`.
    pub slope: f64,
}

/// Convolution (stride 1, zero padding that keeps the shape), instance normalisation, leaky `ReLU`: `[b, out, z, y, x]`.
///
/// `input` is `[b, c, z, y, x]`. The channels of `skip`, `[b, c', z, y, x]`, follow those of `input`; both are separate arguments
/// so that an implementation need not concatenate them in memory.
///
/// Source: arXiv:1809.10486, section 2.1; bias, padding and the order are those of nnU-Net commit 6150f1b0, `generic_UNet.py`.
pub fn conv_norm_act(input: Tensor<5>, skip: Option<Tensor<5>>, block: BlockParams) -> Tensor<5> {
    #[cfg(feature = "flex")]
    if cpu::supports(&input) {
        let maps = cpu::conv3d(input, skip, block.weight, Some(block.bias), [1; 3]);
        return cpu::norm_act(maps, block.gamma, block.beta, block.eps, block.slope);
    }
    let maps = conv(input, skip, block.weight, block.bias);
    norm_act(maps, block.gamma, block.beta, block.eps, block.slope)
}

/// Convolution of the concatenated inputs, with stride 1 and zero padding that keeps the shape.
pub(super) fn conv(input: Tensor<5>, skip: Option<Tensor<5>>, weight: Tensor<5>, bias: Tensor<1>) -> Tensor<5> {
    let input = match skip {
        Some(skip) => Tensor::cat(vec![input, skip], 1),
        None => input,
    };
    let [_, _, kz, ky, kx] = weight.dims();
    let (weight, bias) = (weight.cast(input.dtype()), bias.cast(input.dtype()));
    conv3d(input, weight, Some(bias), ConvOptions::new([1; 3], [kz / 2, ky / 2, kx / 2], [1; 3], 1))
}

/// Instance normalisation, leaky `ReLU`.
pub(super) fn norm_act(maps: Tensor<5>, gamma: Tensor<1>, beta: Tensor<1>, eps: f64, slope: f64) -> Tensor<5> {
    let dtype = maps.dtype();
    leaky_relu(instance_norm(maps.cast(FloatDType::F32), gamma, beta, eps), slope).cast(dtype)
}

/// Normalises each channel of each sample to zero mean and unit (population) variance, then scales and shifts it.
fn instance_norm(maps: Tensor<5>, gamma: Tensor<1>, beta: Tensor<1>, eps: f64) -> Tensor<5> {
    let shape @ [samples, channels, z, y, x] = maps.dims();
    // In two steps, row by row: a single-precision sum over a large map would lose digits on some backends.
    let mean = |maps: Tensor<4>| {
        let rows = maps.mean_dim(3).reshape([samples, channels, z * y]);
        rows.mean_dim(2).reshape([samples, channels, 1, 1])
    };
    let maps = maps.reshape([samples, channels, z * y, x]);
    let centred = maps.clone() - mean(maps);
    let variance = mean(centred.clone().square());
    let scale = gamma.reshape([1, channels, 1, 1]) / (variance + eps).sqrt();
    (centred * scale + beta.reshape([1, channels, 1, 1])).reshape(shape)
}

/// Max pooling whose stride is its kernel.
///
/// If several voxels of a box share the maximum, the gradient goes to the first in memory order, as in `PyTorch`.
///
/// # Panics
///
/// When an edge is not divisible by its kernel.
pub fn max_pool(input: Tensor<5>, kernel: [usize; 3]) -> Tensor<5> {
    let [_, _, z, y, x] = input.dims();
    for axis in 0..3 {
        let edge = [z, y, x][axis];
        assert_eq!(edge % kernel[axis], 0, "axis {axis} of {edge} voxels is not divisible by its pooling");
    }
    #[cfg(feature = "flex")]
    if cpu::supports(&input) {
        return cpu::max_pool(input, kernel);
    }
    max_pool_by_axes(input, kernel)
}

/// [`max_pool`] by one reduction per axis, x first; the edges must be divisible.
pub(super) fn max_pool_by_axes(input: Tensor<5>, kernel: [usize; 3]) -> Tensor<5> {
    let [samples, channels, mut z, mut y, mut x] = input.dims();
    let [kz, ky, kx] = kernel;
    let mut pooled = input;
    if kx > 1 {
        x /= kx;
        pooled = pooled.reshape([samples * channels, z, y, x, kx]).max_dim(4).reshape([samples, channels, z, y, x]);
    }
    if ky > 1 {
        y /= ky;
        pooled = pooled.reshape([samples * channels, z, y, ky, x]).max_dim(3).reshape([samples, channels, z, y, x]);
    }
    if kz > 1 {
        z /= kz;
        pooled = pooled.reshape([samples * channels, z, kz, y, x]).max_dim(2).reshape([samples, channels, z, y, x]);
    }
    pooled
}

/// Transposed convolution without bias, whose stride is its kernel: `[b, in, z, y, x]` to `[b, out, z·kz, y·ky, x·kx]`.
///
/// `weight` is `[in, out, kz, ky, kx]`, as in `PyTorch`.
///
/// # Panics
///
/// When the channels do not agree.
pub fn conv_transpose(input: Tensor<5>, weight: Tensor<5>) -> Tensor<5> {
    let [_, inputs, ..] = input.dims();
    let [_, outputs, kz, ky, kx] = weight.dims();
    assert_shape!(weight, [inputs, outputs, kz, ky, kx]);
    #[cfg(feature = "flex")]
    if cpu::supports(&input) {
        return cpu::conv_transpose(input, weight, None);
    }
    conv_transpose_by_matmul(input, weight)
}

/// [`conv_transpose`] as one matrix product and a permutation, which is exact because no two boxes of the output overlap; the
/// channels must agree.
pub(super) fn conv_transpose_by_matmul(input: Tensor<5>, weight: Tensor<5>) -> Tensor<5> {
    let [samples, inputs, z, y, x] = input.dims();
    let [_, outputs, kz, ky, kx] = weight.dims();
    let weight = weight.cast(input.dtype()).reshape([inputs, outputs * kz * ky * kx]).transpose().unsqueeze::<3>();
    weight
        .matmul(input.reshape([samples, inputs, z * y * x]))
        .reshape([samples, outputs, kz, ky, kx, z, y, x])
        .permute([0, 1, 5, 2, 6, 3, 7, 4])
        .reshape([samples, outputs, z * kz, y * ky, x * kx])
}

/// 1 × 1 × 1 convolution without bias: `[b, in, z, y, x]` to `[b, out, z, y, x]`.
///
/// `weight` is `[out, in, 1, 1, 1]`.
///
/// # Panics
///
/// When the channels do not agree.
pub fn head(input: Tensor<5>, weight: Tensor<5>) -> Tensor<5> {
    let [samples, inputs, z, y, x] = input.dims();
    let [outputs, ..] = weight.dims();
    assert_shape!(weight, [outputs, inputs, 1, 1, 1]);
    #[cfg(feature = "flex")]
    if cpu::supports(&input) {
        return cpu::conv3d(input, None, weight, None, [1; 3]);
    }
    weight
        .cast(input.dtype())
        .reshape([1, outputs, inputs])
        .matmul(input.reshape([samples, inputs, z * y * x]))
        .reshape([samples, outputs, z, y, x])
}
