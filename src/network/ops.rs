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
    /// Convolution bias, `[out]`, if it has one.
    pub bias: Option<Tensor<1>>,
    /// Scale after the normalisation, `[out]`.
    pub gamma: Tensor<1>,
    /// Shift after the normalisation, `[out]`.
    pub beta: Tensor<1>,
    /// Stride of the convolution, `[z, y, x]`.
    pub stride: [usize; 3],
    /// Added to the variance.
    pub eps: f64,
    /// Negative slope of the leaky `ReLU`; 1 for none.
    pub slope: f64,
}

/// Convolution (zero padding of half a kernel), instance normalisation, leaky `ReLU`: `[b, out, z, y, x]`.
///
/// `input` is `[b, c, z, y, x]`. The channels of `skip`, `[b, c', z, y, x]`, follow those of `input`; both are separate arguments
/// so that an implementation need not concatenate them in memory. The edges of the output are those of the input divided by the stride,
/// rounded up.
///
/// Source: arXiv:1809.10486, section 2.1; bias, padding and the order are those of nnU-Net commit 6150f1b0, `generic_UNet.py`.
pub fn conv_norm_act(input: Tensor<5>, skip: Option<Tensor<5>>, block: BlockParams) -> Tensor<5> {
    let maps = conv(input, skip, block.weight, block.bias, block.stride);
    #[cfg(feature = "flex")]
    if cpu::supports(&maps) {
        return cpu::norm_act(maps, block.gamma, block.beta, block.eps, block.slope);
    }
    norm_act(maps, block.gamma, block.beta, block.eps, block.slope)
}

/// Convolution of the concatenated inputs, with zero padding of half a kernel.
fn conv(
    input: Tensor<5>,
    skip: Option<Tensor<5>>,
    weight: Tensor<5>,
    bias: Option<Tensor<1>>,
    stride: [usize; 3],
) -> Tensor<5> {
    #[cfg(feature = "flex")]
    if cpu::supports(&input) {
        return cpu::conv3d(input, skip, weight, bias, stride);
    }
    plain_conv(input, skip, weight, bias, stride)
}

/// [`conv`] by Burn's operation.
pub(super) fn plain_conv(
    input: Tensor<5>,
    skip: Option<Tensor<5>>,
    weight: Tensor<5>,
    bias: Option<Tensor<1>>,
    stride: [usize; 3],
) -> Tensor<5> {
    let input = match skip {
        Some(skip) => Tensor::cat(vec![input, skip], 1),
        None => input,
    };
    let [_, _, kz, ky, kx] = weight.dims();
    let (weight, bias) = (weight.cast(input.dtype()), bias.map(|bias| bias.cast(input.dtype())));
    conv3d(input, weight, bias, ConvOptions::new(stride, [kz / 2, ky / 2, kx / 2], [1; 3], 1))
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
    check_divisible(&input, kernel);
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

/// Mean over boxes, whose stride is their size.
///
/// # Panics
///
/// When an edge is not divisible by that of the box.
pub fn avg_pool(input: Tensor<5>, kernel: [usize; 3]) -> Tensor<5> {
    check_divisible(&input, kernel);
    #[cfg(feature = "flex")]
    if cpu::supports(&input) {
        return cpu::avg_pool(input, kernel);
    }
    avg_pool_by_axes(input, kernel)
}

/// [`avg_pool`] by one reduction per axis, x first, in 32 bits; the edges must be divisible.
pub(super) fn avg_pool_by_axes(input: Tensor<5>, kernel: [usize; 3]) -> Tensor<5> {
    let dtype = input.dtype();
    let [samples, channels, z, y, x] = input.dims();
    let [kz, ky, kx] = kernel;
    let maps = samples * channels;
    let pooled = input.cast(FloatDType::F32).reshape([maps * z * y * (x / kx), kx]).mean_dim(1);
    let pooled = pooled.reshape([maps * z * (y / ky), ky, x / kx]).mean_dim(1);
    let pooled = pooled.reshape([maps * (z / kz), kz, (y / ky) * (x / kx)]).mean_dim(1);
    pooled.reshape([samples, channels, z / kz, y / ky, x / kx]).cast(dtype)
}

/// Sum of two tensors of the same shape, leaky `ReLU`.
pub fn add_act(a: Tensor<5>, b: Tensor<5>, slope: f64) -> Tensor<5> {
    #[cfg(feature = "flex")]
    if cpu::supports(&a) {
        return cpu::add_act(a, b, slope);
    }
    plain_add_act(a, b, slope)
}

/// [`add_act`] by Burn's operations, in 32 bits.
pub(super) fn plain_add_act(a: Tensor<5>, b: Tensor<5>, slope: f64) -> Tensor<5> {
    let dtype = a.dtype();
    leaky_relu(a.cast(FloatDType::F32) + b.cast(FloatDType::F32), slope).cast(dtype)
}

/// Transposed convolution whose stride is its kernel: `[b, in, z, y, x]` to `[b, out, z·kz, y·ky, x·kx]`.
///
/// `weight` is `[in, out, kz, ky, kx]`, as in `PyTorch`; `bias` is `[out]`.
///
/// # Panics
///
/// When the channels do not agree.
pub fn conv_transpose(input: Tensor<5>, weight: Tensor<5>, bias: Option<Tensor<1>>) -> Tensor<5> {
    let [_, inputs, ..] = input.dims();
    let [_, outputs, kz, ky, kx] = weight.dims();
    assert_shape!(weight, [inputs, outputs, kz, ky, kx]);
    #[cfg(feature = "flex")]
    if cpu::supports(&input) {
        return cpu::conv_transpose(input, weight, bias);
    }
    add_bias(conv_transpose_by_matmul(input, weight), bias)
}

/// [`conv_transpose`] without bias as one matrix product and a permutation, which is exact because no two boxes of the output overlap;
/// the channels must agree.
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

/// 1 × 1 × 1 convolution: `[b, in, z, y, x]` to `[b, out, z, y, x]`.
///
/// `weight` is `[out, in, 1, 1, 1]`; `bias` is `[out]`.
///
/// # Panics
///
/// When the channels do not agree.
pub fn head(input: Tensor<5>, weight: Tensor<5>, bias: Option<Tensor<1>>) -> Tensor<5> {
    let [samples, inputs, z, y, x] = input.dims();
    let [outputs, ..] = weight.dims();
    assert_shape!(weight, [outputs, inputs, 1, 1, 1]);
    #[cfg(feature = "flex")]
    if cpu::supports(&input) {
        return cpu::conv3d(input, None, weight, bias, [1; 3]);
    }
    let maps = weight
        .cast(input.dtype())
        .reshape([1, outputs, inputs])
        .matmul(input.reshape([samples, inputs, z * y * x]))
        .reshape([samples, outputs, z, y, x]);
    add_bias(maps, bias)
}

/// Adds a bias, `[c]`, to maps, `[b, c, z, y, x]`.
fn add_bias(maps: Tensor<5>, bias: Option<Tensor<1>>) -> Tensor<5> {
    match bias {
        Some(bias) => {
            let [channels] = bias.dims();
            let bias = bias.cast(maps.dtype()).reshape([1, channels, 1, 1, 1]);
            maps + bias
        }
        None => maps,
    }
}

/// # Panics
///
/// When an edge is not divisible by that of the kernel.
fn check_divisible(input: &Tensor<5>, kernel: [usize; 3]) {
    let [_, _, z, y, x] = input.dims();
    for axis in 0..3 {
        let edge = [z, y, x][axis];
        assert_eq!(edge % kernel[axis], 0, "axis {axis} of {edge} voxels is not divisible by its pooling");
    }
}
