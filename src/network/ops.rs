//! The operations of the network, as plain Burn functions that run and differentiate on every backend.
//!
//! These functions are all that [`super::UNet`] computes with, so they are where a faster implementation for one
//! backend is put in. All tensors are `[b, c, z, y, x]`.
//!
//! Maps may have 16 bits: convolutions are computed in the numbers of their input, to which weights of 32 bits are rounded, and
//! normalisation and activation in 32 bits. What comes out has the numbers of what went in.

use burn::tensor::activation::leaky_relu;
use burn::tensor::module::conv3d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{FloatDType, Tensor, assert_shape};

#[cfg(feature = "flex")]
use crate::network::fast;

/// The numbers of one block.
pub struct BlockParams {
    /// Kernel, `[out, in, kz, ky, kx]`, odd edges.
    pub weight: Tensor<5>,
    /// Bias of the convolution, `[out]`.
    pub bias: Tensor<1>,
    /// Scale after the normalisation, `[out]`.
    pub gamma: Tensor<1>,
    /// Shift after the normalisation, `[out]`.
    pub beta: Tensor<1>,
    /// Added to the variance.
    pub eps: f64,
    /// Slope of the activation below zero.
    pub slope: f64,
}

/// Convolution (stride 1, zero padding that keeps the shape), instance normalisation, leaky `ReLU`: `[b, out, z, y, x]`.
///
/// `input` is `[b, c, z, y, x]`. The channels of `skip`, `[b, c', z, y, x]`, follow those of `input`; the two are given apart so
/// that an implementation need not join them in memory.
///
/// Source: spec section 7.
pub fn conv_norm_act(input: Tensor<5>, skip: Option<Tensor<5>>, block: BlockParams) -> Tensor<5> {
    #[cfg(feature = "flex")]
    if fast::takes(&input) {
        let maps = fast::conv3d(input, skip, block.weight, block.bias);
        return fast::norm_act(maps, block.gamma, block.beta, block.eps, block.slope);
    }
    let maps = convolve(input, skip, block.weight, block.bias);
    normalize(maps, block.gamma, block.beta, block.eps, block.slope)
}

/// Convolution of the inputs, with stride 1 and zero padding that keeps the shape.
pub(super) fn convolve(input: Tensor<5>, skip: Option<Tensor<5>>, weight: Tensor<5>, bias: Tensor<1>) -> Tensor<5> {
    let input = match skip {
        Some(skip) => Tensor::cat(vec![input, skip], 1),
        None => input,
    };
    let [_, _, kz, ky, kx] = weight.dims();
    let (weight, bias) = (weight.cast(input.dtype()), bias.cast(input.dtype()));
    conv3d(input, weight, Some(bias), ConvOptions::new([1; 3], [kz / 2, ky / 2, kx / 2], [1; 3], 1))
}

/// Instance normalisation, leaky `ReLU`.
pub(super) fn normalize(maps: Tensor<5>, gamma: Tensor<1>, beta: Tensor<1>, eps: f64, slope: f64) -> Tensor<5> {
    let numbers = maps.dtype();
    leaky_relu(instance_norm(maps.cast(FloatDType::F32), gamma, beta, eps), slope).cast(numbers)
}

/// Zero mean and unit (population) variance of each map of each sample, then the affine map of its channel.
fn instance_norm(maps: Tensor<5>, gamma: Tensor<1>, beta: Tensor<1>, eps: f64) -> Tensor<5> {
    let shape @ [samples, channels, z, y, x] = maps.dims();
    // In two steps, row by row: one sum over a large map in single precision would lose digits on some backends.
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

/// Maximum over boxes of the kernel's shape, which is also the stride.
///
/// One axis at a time, x first: where several voxels of a box are equal, the gradient goes to the first of them in memory
/// order, as in `PyTorch`.
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
    if fast::takes(&input) {
        return fast::max_pool(input, kernel);
    }
    pool_by_axes(input, kernel)
}

/// [`max_pool`] of edges that are divisible.
pub(super) fn pool_by_axes(input: Tensor<5>, kernel: [usize; 3]) -> Tensor<5> {
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

/// Transposed convolution whose stride is its kernel, without bias: `[b, in, z, y, x]` to `[b, out, z·kz, y·ky, x·kx]`.
///
/// `weight` is `[in, out, kz, ky, kx]`, the order of `PyTorch`. As no two boxes of the output overlap, it is one matrix
/// product, rearranged.
///
/// # Panics
///
/// When the channels do not agree.
pub fn up(input: Tensor<5>, weight: Tensor<5>) -> Tensor<5> {
    let [_, inputs, ..] = input.dims();
    let [_, outputs, kz, ky, kx] = weight.dims();
    assert_shape!(weight, [inputs, outputs, kz, ky, kx]);
    #[cfg(feature = "flex")]
    if fast::takes(&input) {
        return fast::up(input, weight);
    }
    up_by_product(input, weight)
}

/// [`up`] of channels that agree.
pub(super) fn up_by_product(input: Tensor<5>, weight: Tensor<5>) -> Tensor<5> {
    let [samples, inputs, z, y, x] = input.dims();
    let [_, outputs, kz, ky, kx] = weight.dims();
    let weight = weight.cast(input.dtype()).reshape([inputs, outputs * kz * ky * kx]).transpose().unsqueeze::<3>();
    weight
        .matmul(input.reshape([samples, inputs, z * y * x]))
        .reshape([samples, outputs, kz, ky, kx, z, y, x])
        .permute([0, 1, 5, 2, 6, 3, 7, 4])
        .reshape([samples, outputs, z * kz, y * ky, x * kx])
}

/// Convolution with a kernel of one voxel, without bias: `[b, in, z, y, x]` to `[b, out, z, y, x]`.
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
    if fast::takes(&input) {
        let bias = Tensor::zeros([outputs], &input.device());
        return fast::conv3d(input, None, weight, bias);
    }
    weight
        .cast(input.dtype())
        .reshape([1, outputs, inputs])
        .matmul(input.reshape([samples, inputs, z * y * x]))
        .reshape([samples, outputs, z, y, x])
}
