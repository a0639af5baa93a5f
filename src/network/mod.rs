//! The U-Net.
//!
//! Input: images `[b, channels, z, y, x]`. Output: logits `[b, classes, z, y, x]`; a 2D configuration has z = 1. The shape
//! comes from the plan ([`topology`]), the first weights from a seed ([`init`]), later ones from a file ([`weights`]).
//! Deliberately absent: deep supervision, residual connections and dropout, which the paper does not have.

#[cfg(feature = "flex")]
pub(crate) mod fast;
pub mod init;
pub mod ops;
pub mod topology;
pub mod weights;

use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::{Device, FloatDType, Tensor, assert_shape};

use crate::network::ops::BlockParams;
use crate::network::topology::Topology;
use crate::network::weights::WeightsError;
use crate::plan::schema::{Configuration, ConfigurationName, Network, Plan, Precision};
use crate::random::Rng;

/// What a network is built from.
#[derive(Clone, Debug, PartialEq)]
pub struct UNetConfig {
    /// Resolutions, features, kernels and poolings.
    pub topology: Topology,
    /// Numbers that all networks share.
    pub network: Network,
}

impl UNetConfig {
    /// The network of a configuration, for images of `in_channels` and `classes` classes, background included.
    ///
    /// # Panics
    ///
    /// When the configuration was not validated, see [`Topology::new`].
    pub fn new(configuration: &Configuration, network: &Network, in_channels: usize, classes: usize) -> Self {
        Self { topology: Topology::new(configuration, in_channels, classes), network: network.clone() }
    }

    /// The network of a plan's configuration.
    ///
    /// # Panics
    ///
    /// When the plan has no such configuration, or was not validated, see [`Topology::new`].
    pub fn of_plan(plan: &Plan, name: ConfigurationName) -> Self {
        let classes = plan.data.labels.len() + 1;
        Self::new(&plan.configurations[&name], &plan.network, plan.input_channels(name), classes)
    }

    /// A network with random weights on a device; put it on `device.autodiff()` to train it.
    ///
    /// The weights are drawn on the host: the same generator gives the same weights on every device.
    pub fn init(&self, rng: &mut Rng, device: &Device) -> UNet {
        init::draw(self, rng, device)
    }

    /// The network with the weights of a file, on a device.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is damaged, or was written for another network.
    pub fn load(&self, path: &Path, device: &Device) -> Result<UNet, WeightsError> {
        weights::load(init::blank(self, device), path)
    }
}

/// The U-Net of the paper: two blocks a resolution, max-pooling down, transposed convolution up, skips concatenated.
///
/// Source: arXiv:1809.10486, section 2.1; spec section 7.
#[derive(Module, Debug)]
pub struct UNet {
    /// Two blocks of each resolution, finest first.
    pub encoder: Vec<[Block; 2]>,
    /// Transposed convolution onto each resolution from the next coarser one, finest first.
    pub up: Vec<Kernel>,
    /// Two blocks of each resolution but the coarsest, finest first.
    pub decoder: Vec<[Block; 2]>,
    /// Last convolution, to the classes.
    pub head: Kernel,
    /// Kernel and stride of each pooling, finest first.
    #[module(skip)]
    pub pools: Vec<[usize; 3]>,
    /// Numbers of the convolutions and of the maps between them; the weights are kept in 32 bits.
    #[module(skip)]
    pub precision: Precision,
}

/// Convolution, instance normalisation, leaky `ReLU`.
#[derive(Module, Debug)]
pub struct Block {
    /// The convolution.
    pub conv: Convolution,
    /// The affine map after the normalisation.
    pub norm: Affine,
    /// Added to the variance.
    #[module(skip)]
    pub eps: f64,
    /// Slope of the activation below zero.
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

/// Scale and shift of each channel.
#[derive(Module, Debug)]
pub struct Affine {
    /// Scale, `[channels]`.
    pub gamma: Param<Tensor<1>>,
    /// Shift, `[channels]`.
    pub beta: Param<Tensor<1>>,
}

/// A convolution or transposed convolution without bias.
#[derive(Module, Debug)]
pub struct Kernel {
    /// `[out, in, kz, ky, kx]`; `[in, out, kz, ky, kx]` if transposed.
    pub weight: Param<Tensor<5>>,
}

impl UNet {
    /// Logits. Input `[b, channels, z, y, x]`, output `[b, classes, z, y, x]`, both in 32 bits.
    ///
    /// # Panics
    ///
    /// When the channels are not the network's, or an edge is not divisible by its poolings.
    pub fn forward(&self, images: Tensor<5>) -> Tensor<5> {
        let [samples, _, z, y, x] = images.dims();
        assert_shape!(images, [samples, self.encoder[0][0].conv.weight.dims()[1], z, y, x]);
        // The operations compute in the numbers of their input.
        let mut maps = both(&self.encoder[0], images.cast(float_type(self.precision)), None);
        let mut skips = Vec::with_capacity(self.pools.len());
        for (pool, blocks) in self.pools.iter().zip(&self.encoder[1..]) {
            let pooled = ops::max_pool(maps.clone(), *pool);
            skips.push(maps);
            maps = both(blocks, pooled, None);
        }
        for ((kernel, blocks), skip) in self.up.iter().zip(&self.decoder).rev().zip(skips.into_iter().rev()) {
            let up = ops::up(maps, kernel.weight.val());
            maps = both(blocks, up, Some(skip));
        }
        ops::head(maps, self.head.weight.val()).cast(FloatDType::F32)
    }
}

/// What Burn calls the numbers of a precision.
pub fn float_type(precision: Precision) -> FloatDType {
    match precision {
        Precision::F32 => FloatDType::F32,
        Precision::Bf16 => FloatDType::BF16,
        Precision::F16 => FloatDType::F16,
    }
}

fn both(blocks: &[Block; 2], input: Tensor<5>, skip: Option<Tensor<5>>) -> Tensor<5> {
    blocks[1].forward(blocks[0].forward(input, skip), None)
}

impl Block {
    fn forward(&self, input: Tensor<5>, skip: Option<Tensor<5>>) -> Tensor<5> {
        let params = BlockParams {
            weight: self.conv.weight.val(),
            bias: self.conv.bias.val(),
            gamma: self.norm.gamma.val(),
            beta: self.norm.beta.val(),
            eps: self.eps,
            slope: self.slope,
        };
        ops::conv_norm_act(input, skip, params)
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) mod testing;
