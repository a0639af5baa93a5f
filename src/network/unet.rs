//! The U-Net: its parameters and its forward pass.

use burn::module::Module;
use burn::tensor::{FloatDType, Tensor, assert_shape};

use super::blocks::{Block, Convolution, ResidualBlock, in_sequence};
use super::ops;
use crate::plan::schema::{Downsampling, Precision};

/// A U-Net: an encoder of plain or residual blocks, max pooling or strided convolutions, transposed convolutions, concatenated skip
/// connections.
///
/// Parameter names in weight files are the field names, such as `encoder.0.1.conv.weight`.
///
/// Source: arXiv:1809.10486, section 2.1; what the paper leaves open, from nnU-Net commit 6150f1b0, `generic_UNet.py`. The networks of
/// nnU-Net v2: `dynamic_network_architectures` 0.4.4, `PlainConvUNet` and `ResidualEncoderUNet`.
///
/// Differs: nnU-Net's code of 2019 downsamples by strided convolutions; the paper describes "poolings", so the network of 2018 has max
/// pooling.
#[derive(Module, Debug)]
pub struct UNet {
    /// From the images to the features of every resolution.
    pub encoder: Encoder,
    /// Transposed convolution from the next coarser resolution onto each resolution, finest first.
    pub upsample: Vec<Convolution>,
    /// Blocks per resolution except the coarsest, finest first.
    pub decoder: Vec<Vec<Block>>,
    /// Final convolution of the finest resolution, from features to outputs.
    pub head: Convolution,
    /// Final convolutions of the other resolutions of the decoder, finest first; empty without deep supervision.
    pub auxiliary_heads: Vec<Convolution>,
    /// Stride from each resolution to the next coarser one, finest first, `[z, y, x]`.
    #[module(skip)]
    pub strides: Vec<[usize; 3]>,
    /// How the encoder goes to the next coarser resolution.
    #[module(skip)]
    pub downsampling: Downsampling,
    /// dtype of convolutions and activations; parameters are always 32-bit.
    #[module(skip)]
    pub precision: Precision,
}

/// The encoder of a U-Net.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a network has one encoder")]
pub enum Encoder {
    /// Blocks per resolution, finest first.
    Plain(Vec<Vec<Block>>),
    /// Residual blocks.
    Residual(ResidualEncoder),
}

/// An encoder of residual blocks.
#[derive(Module, Debug)]
pub struct ResidualEncoder {
    /// The block before the first resolution, from images to features.
    pub stem: Block,
    /// Blocks per resolution, finest first.
    pub stages: Vec<Vec<ResidualBlock>>,
}

impl UNet {
    /// Logits `[b, outputs, z, y, x]` of images `[b, channels, z, y, x]`, both 32-bit.
    ///
    /// # Panics
    ///
    /// When the number of channels is wrong, or an edge is not divisible by its strides.
    pub fn forward(&self, images: Tensor<5>) -> Tensor<5> {
        let finest = self.features(images, &mut |_, _| ());
        apply_head(&self.head, finest)
    }

    /// Logits of all final convolutions, finest first; each next one at the next coarser resolution. With deep supervision there is one
    /// per resolution of the decoder, else one in all.
    ///
    /// # Panics
    ///
    /// As [`Self::forward`].
    pub fn forward_all(&self, images: Tensor<5>) -> Vec<Tensor<5>> {
        let mut logits = Vec::new();
        let finest = self.features(images, &mut |level, maps| {
            let head = level.checked_sub(1).and_then(|coarser| self.auxiliary_heads.get(coarser));
            logits.extend(head.map(|head| apply_head(head, maps.clone())));
        });
        logits.push(apply_head(&self.head, finest));
        logits.reverse();
        logits
    }

    /// Features of the finest resolution. `visit` is called with those of each resolution of the decoder, coarsest first.
    fn features(&self, images: Tensor<5>, visit: &mut dyn FnMut(usize, &Tensor<5>)) -> Tensor<5> {
        let [samples, _, z, y, x] = images.dims();
        assert_shape!(images, [samples, self.encoder.first().conv.weight.dims()[1], z, y, x]);
        // Each operation computes in the dtype of its input.
        let mut maps = images.cast(float_dtype(self.precision));
        let mut skips = Vec::with_capacity(self.strides.len());
        for level in 0..=self.strides.len() {
            if let Some(stride) = level.checked_sub(1).map(|finer| self.strides[finer]) {
                skips.push(maps.clone());
                if self.downsampling == Downsampling::MaxPool {
                    maps = ops::max_pool(maps, stride);
                }
            }
            maps = self.encoder.resolution(level, maps);
        }
        for (level, skip) in skips.into_iter().enumerate().rev() {
            let upsample = &self.upsample[level];
            let upsampled = ops::conv_transpose(maps, upsample.weight.val(), upsample.bias());
            maps = in_sequence(&self.decoder[level], upsampled, Some(skip));
            visit(level, &maps);
        }
        maps
    }
}

impl Encoder {
    /// The block that receives the images.
    fn first(&self) -> &Block {
        match self {
            Self::Plain(stages) => &stages[0][0],
            Self::Residual(residual) => &residual.stem,
        }
    }

    /// Features of a resolution from those of the next finer one, or from the images.
    fn resolution(&self, level: usize, maps: Tensor<5>) -> Tensor<5> {
        match self {
            Self::Plain(stages) => in_sequence(&stages[level], maps, None),
            Self::Residual(ResidualEncoder { stem, stages }) => {
                let maps = if level == 0 { stem.forward(maps, None) } else { maps };
                stages[level].iter().fold(maps, |maps, block| block.forward(maps))
            }
        }
    }
}

fn apply_head(head: &Convolution, maps: Tensor<5>) -> Tensor<5> {
    ops::head(maps, head.weight.val(), head.bias()).cast(FloatDType::F32)
}

/// The Burn dtype of a precision.
pub fn float_dtype(precision: Precision) -> FloatDType {
    match precision {
        Precision::F32 => FloatDType::F32,
        Precision::Bf16 => FloatDType::BF16,
        Precision::F16 => FloatDType::F16,
    }
}
