//! The blocks of a network: their parameters, and how they compute.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::ops::{self, BlockParams};

/// Convolution, instance normalisation, leaky `ReLU`.
#[derive(Module, Debug)]
pub struct Block {
    /// The convolution.
    pub conv: Convolution,
    /// Scale and shift after the normalisation.
    pub norm: Affine,
    /// Stride of the convolution, `[z, y, x]`.
    #[module(skip)]
    pub stride: [usize; 3],
    /// Added to the variance.
    #[module(skip)]
    pub eps: f64,
    /// Negative slope of the leaky `ReLU`; 1 if there is none.
    #[module(skip)]
    pub slope: f64,
}

/// Two blocks, the second without activation; their output is added to the input, and a leaky `ReLU` follows.
///
/// If the first block has a stride, the input is averaged over boxes of that size before it is added; if the number of channels
/// changes, it passes a 1 × 1 × 1 convolution with normalisation after that.
///
/// Source: `dynamic_network_architectures` 0.4.4, `BasicBlockD`.
#[derive(Module, Debug)]
pub struct ResidualBlock {
    /// The first block.
    pub conv1: Block,
    /// The second block.
    pub conv2: Block,
    /// For the input of the block.
    pub projection: Option<Block>,
    /// Negative slope of the leaky `ReLU` after the addition.
    #[module(skip)]
    pub slope: f64,
}

/// A convolution or a transposed one.
#[derive(Module, Debug)]
pub struct Convolution {
    /// `[out, in, kz, ky, kx]`; `[in, out, kz, ky, kx]` for a transposed convolution.
    pub weight: Param<Tensor<5>>,
    /// `[out]`.
    pub bias: Option<Param<Tensor<1>>>,
}

/// Scale and shift per channel.
#[derive(Module, Debug)]
pub struct Affine {
    /// Scale, `[channels]`.
    pub weight: Param<Tensor<1>>,
    /// Shift, `[channels]`.
    pub bias: Param<Tensor<1>>,
}

impl Block {
    /// Maps `[b, out, z, y, x]` of an input, `[b, in, z, y, x]`, whose channels are followed by those of `skip`.
    pub(super) fn forward(&self, input: Tensor<5>, skip: Option<Tensor<5>>) -> Tensor<5> {
        let params = BlockParams {
            weight: self.conv.weight.val(),
            bias: self.conv.bias(),
            gamma: self.norm.weight.val(),
            beta: self.norm.bias.val(),
            stride: self.stride,
            eps: self.eps,
            slope: self.slope,
        };
        ops::conv_norm_act(input, skip, params)
    }
}

impl ResidualBlock {
    /// Maps `[b, out, z, y, x]` of an input, `[b, in, z, y, x]`.
    pub(super) fn forward(&self, input: Tensor<5>) -> Tensor<5> {
        let mut identity = input.clone();
        let maps = self.conv2.forward(self.conv1.forward(input, None), None);
        if self.conv1.stride != [1; 3] {
            identity = ops::avg_pool(identity, self.conv1.stride);
        }
        if let Some(projection) = &self.projection {
            identity = projection.forward(identity, None);
        }
        ops::add_act(maps, identity, self.slope)
    }
}

impl Convolution {
    /// The bias, `[out]`, if there is one.
    pub(super) fn bias(&self) -> Option<Tensor<1>> {
        self.bias.as_ref().map(Param::val)
    }
}

/// Blocks one after the other; the channels of `skip` follow those of the input of the first.
pub(super) fn in_sequence(blocks: &[Block], input: Tensor<5>, skip: Option<Tensor<5>>) -> Tensor<5> {
    let (first, others) = blocks.split_first().expect("each resolution has at least one block");
    others.iter().fold(first.forward(input, skip), |maps, block| block.forward(maps, None))
}
