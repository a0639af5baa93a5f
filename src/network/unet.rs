//! The U-Net: its parameters and its forward pass.

use burn::module::{Module, Param};
use burn::tensor::{FloatDType, Tensor, assert_shape};

use super::ops::{self, BlockParams};
use crate::plan::schema::Precision;

/// The plain U-Net of the paper: two blocks per resolution, max pooling, transposed convolutions, concatenated skips.
///
/// Parameter names in weight files are the field names, such as `encoder.0.1.conv.weight`.
///
/// Source: arXiv:1809.10486, section 2.1; what the paper leaves open, from nnU-Net commit 6150f1b0, `generic_UNet.py`.
///
/// Differs: nnU-Net's code of 2019 downsamples by strided convolutions; the paper describes "poolings", so this is max pooling.
#[derive(Module, Debug)]
pub struct UNet {
    /// Two blocks per resolution, finest first.
    pub encoder: Vec<[Block; 2]>,
    /// Transposed convolution from the next coarser resolution onto each resolution, finest first.
    pub upsample: Vec<ConvWeight>,
    /// Two blocks per resolution except the coarsest, finest first.
    pub decoder: Vec<[Block; 2]>,
    /// Final convolution, from features to classes.
    pub head: ConvWeight,
    /// Kernel and stride of each pooling, finest first, `[z, y, x]`.
    #[module(skip)]
    pub pools: Vec<[usize; 3]>,
    /// dtype of convolutions and activations; parameters are always 32-bit.
    #[module(skip)]
    pub precision: Precision,
}

/// Convolution, instance normalisation, leaky `ReLU`.
#[derive(Module, Debug)]
pub struct Block {
    /// The convolution.
    pub conv: Convolution,
    /// Scale and shift after the normalisation.
    pub norm: Affine,
    /// Added to the variance.
    #[module(skip)]
    pub eps: f64,
    /// Negative slope of the leaky `ReLU`.
    #[module(skip)]
    pub slope: f64,
}

/// A convolution with bias.
#[derive(Module, Debug)]
pub struct Convolution {
    /// `[out, in, kz, ky, kx]`.
    pub weight: Param<Tensor<5>>,
    /// `[out]`.
    pub bias: Param<Tensor<1>>,
}

/// Scale and shift per channel.
#[derive(Module, Debug)]
pub struct Affine {
    /// Scale, `[channels]`.
    pub weight: Param<Tensor<1>>,
    /// Shift, `[channels]`.
    pub bias: Param<Tensor<1>>,
}

/// The weight of a convolution without bias.
#[derive(Module, Debug)]
pub struct ConvWeight {
    /// `[out, in, kz, ky, kx]`; `[in, out, kz, ky, kx]` for a transposed convolution.
    pub weight: Param<Tensor<5>>,
}

impl UNet {
    /// Logits `[b, classes, z, y, x]` of images `[b, channels, z, y, x]`, both 32-bit.
    ///
    /// # Panics
    ///
    /// When the number of channels is wrong, or an edge is not divisible by its poolings.
    pub fn forward(&self, images: Tensor<5>) -> Tensor<5> {
        let [samples, _, z, y, x] = images.dims();
        assert_shape!(images, [samples, self.encoder[0][0].conv.weight.dims()[1], z, y, x]);
        // Each operation computes in the dtype of its input.
        let mut maps = apply_blocks(&self.encoder[0], images.cast(float_dtype(self.precision)), None);
        let mut skips = Vec::with_capacity(self.pools.len());
        for (pool, blocks) in self.pools.iter().zip(&self.encoder[1..]) {
            let pooled = ops::max_pool(maps.clone(), *pool);
            skips.push(maps);
            maps = apply_blocks(blocks, pooled, None);
        }
        for ((upsample, blocks), skip) in self.upsample.iter().zip(&self.decoder).rev().zip(skips.into_iter().rev()) {
            let upsampled = ops::conv_transpose(maps, upsample.weight.val());
            maps = apply_blocks(blocks, upsampled, Some(skip));
        }
        ops::head(maps, self.head.weight.val()).cast(FloatDType::F32)
    }
}

/// The Burn dtype of a precision.
pub fn float_dtype(precision: Precision) -> FloatDType {
    match precision {
        Precision::F32 => FloatDType::F32,
        Precision::Bf16 => FloatDType::BF16,
        Precision::F16 => FloatDType::F16,
    }
}

fn apply_blocks(blocks: &[Block; 2], input: Tensor<5>, skip: Option<Tensor<5>>) -> Tensor<5> {
    blocks[1].forward(blocks[0].forward(input, skip), None)
}

impl Block {
    fn forward(&self, input: Tensor<5>, skip: Option<Tensor<5>>) -> Tensor<5> {
        let params = BlockParams {
            weight: self.conv.weight.val(),
            bias: self.conv.bias.val(),
            gamma: self.norm.weight.val(),
            beta: self.norm.bias.val(),
            eps: self.eps,
            slope: self.slope,
        };
        ops::conv_norm_act(input, skip, params)
    }
}
