//! The shape of a U-Net as numbers: strides, layers, parameters, multiply-adds, memory. Pure functions, no tensors.

mod layers;
mod memory;
mod receptive_field;
#[cfg(test)]
mod tests;

use crate::plan::schema::{Configuration, Downsampling, EncoderBlock, Network};

/// Everything that determines the shape of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// Input channels.
    pub in_channels: usize,
    /// Output channels: one per class, background included, or one per region.
    pub outputs: usize,
    /// Features per resolution, finest first.
    pub features: Vec<usize>,
    /// Kernel edges of the convolutions at each resolution, finest first, `[z, y, x]`.
    pub kernels: Vec<[usize; 3]>,
    /// Stride from each resolution to the next coarser one, finest first, `[z, y, x]`; one entry less than `features`.
    pub strides: Vec<[usize; 3]>,
    /// Blocks of the encoder per resolution, finest first.
    pub encoder_blocks: Vec<usize>,
    /// Convolutions of the decoder per resolution but the coarsest, finest first.
    pub decoder_blocks: Vec<usize>,
    /// Kind of the encoder's blocks.
    pub block: EncoderBlock,
    /// How the encoder goes to the next coarser resolution.
    pub downsampling: Downsampling,
    /// Whether transposed convolutions have a bias.
    pub upsampling_bias: bool,
    /// Whether final convolutions have a bias.
    pub head_bias: bool,
    /// Whether each resolution of the decoder has a final convolution.
    pub deep_supervision: bool,
}

impl Topology {
    /// The topology of a configuration, for `in_channels` input channels and `outputs` output channels.
    ///
    /// # Panics
    ///
    /// When the plan was not validated: every list of the configuration has one entry per resolution, those of the decoder and of the
    /// strides one less.
    ///
    /// Source: arXiv:1809.10486, section 2.1; the kernel edge is that of nnU-Net commit 6150f1b0, `generic_UNet.py`.
    pub fn new(configuration: &Configuration, network: &Network, in_channels: usize, outputs: usize) -> Self {
        let new = Self {
            in_channels,
            outputs,
            features: configuration.features_per_stage.clone(),
            kernels: configuration.kernels(),
            strides: configuration.downsampling_strides(),
            encoder_blocks: configuration.encoder_blocks(),
            decoder_blocks: configuration.decoder_blocks(),
            block: network.block,
            downsampling: network.downsampling,
            upsampling_bias: network.upsampling_bias,
            head_bias: network.head_bias,
            deep_supervision: network.deep_supervision,
        };
        let levels = new.levels();
        let found = [new.kernels.len(), new.encoder_blocks.len(), new.strides.len() + 1, new.decoder_blocks.len() + 1];
        assert_eq!(
            found, [levels; 4],
            "entries of kernels, blocks, strides and decoder blocks for {levels} resolutions"
        );
        new
    }

    /// Number of resolutions.
    pub fn levels(&self) -> usize {
        self.features.len()
    }

    /// The product of all strides, `[z, y, x]`; patch edges must be divisible by it.
    pub fn divisor(&self) -> [usize; 3] {
        self.divisor_at(self.levels() - 1)
    }

    /// The product of the strides from the finest resolution to `level`, `[z, y, x]`.
    pub fn divisor_at(&self, level: usize) -> [usize; 3] {
        std::array::from_fn(|axis| self.strides[..level].iter().map(|stride| stride[axis]).product())
    }

    /// Stride of the first convolution of a resolution of the encoder.
    pub fn convolution_stride(&self, level: usize) -> [usize; 3] {
        match self.downsampling {
            Downsampling::StridedConvolution if level > 0 => self.strides[level - 1],
            Downsampling::StridedConvolution | Downsampling::MaxPool => [1; 3],
        }
    }

    /// Input channels of the first block of a resolution of the encoder.
    pub fn encoder_input(&self, level: usize) -> usize {
        match (level, self.block) {
            (0, EncoderBlock::Plain) => self.in_channels,
            (0, EncoderBlock::Residual) => self.features[0],
            (level, _) => self.features[level - 1],
        }
    }

    /// Final convolutions, beginning with that of the finest resolution: one, or one per resolution of the decoder.
    pub fn heads(&self) -> usize {
        if self.deep_supervision { self.strides.len().max(1) } else { 1 }
    }

    /// Voxels of a patch `[z, y, x]` at each resolution.
    fn voxels(&self, patch: [usize; 3]) -> Vec<u64> {
        (0..self.levels()).map(|level| product(patch) / product(self.divisor_at(level))).collect()
    }
}

fn product(edges: [usize; 3]) -> u64 {
    edges.into_iter().map(|edge| edge as u64).product()
}
