//! The convolutions of a network, and what they cost.

use super::{Topology, product};
use crate::plan::schema::EncoderBlock;

/// A convolution that keeps the resolution or goes to the next coarser one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Resolution of its output.
    pub level: usize,
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Kernel edges, `[z, y, x]`.
    pub kernel: [usize; 3],
    /// Whether it has a bias.
    pub bias: bool,
    /// Whether instance normalisation follows.
    pub norm: bool,
}

impl Topology {
    /// All convolutions but the transposed ones, in the order of a forward pass.
    pub fn layers(&self) -> Vec<Layer> {
        let mut layers = Vec::new();
        for level in 0..self.levels() {
            match self.block {
                EncoderBlock::Plain => {
                    layers.extend(self.sequence(level, self.encoder_input(level), self.encoder_blocks[level]));
                }
                EncoderBlock::Residual => self.residual_layers(level, &mut layers),
            }
        }
        for level in (0..self.strides.len()).rev() {
            layers.extend(self.sequence(level, 2 * self.features[level], self.decoder_blocks[level]));
        }
        layers.extend((0..self.heads()).map(|level| Layer {
            level,
            inputs: self.features[level],
            outputs: self.outputs,
            kernel: [1; 3],
            bias: self.head_bias,
            norm: false,
        }));
        layers
    }

    /// Number of trainable parameters.
    pub fn parameters(&self) -> u64 {
        let of_layer = |layer: Layer| {
            let weights = (layer.inputs * layer.outputs) as u64 * product(layer.kernel);
            // The normalisation has a scale and a shift.
            weights + (usize::from(layer.bias) + 2 * usize::from(layer.norm)) as u64 * layer.outputs as u64
        };
        let upsampling = self.strides.iter().enumerate().map(|(level, stride)| {
            let (fine, coarse) = (self.features[level], self.features[level + 1]);
            (fine * coarse) as u64 * product(*stride) + if self.upsampling_bias { fine as u64 } else { 0 }
        });
        self.layers().into_iter().map(of_layer).sum::<u64>() + upsampling.sum::<u64>()
    }

    /// Multiply-adds of the convolutions in one forward pass of one patch `[z, y, x]`, with the finest output only.
    pub fn multiply_adds(&self, patch: [usize; 3]) -> u64 {
        let voxels = self.voxels(patch);
        let layers = self.layers();
        let used = &layers[..=layers.len() - self.heads()];
        let convolutions = used
            .iter()
            .map(|layer| voxels[layer.level] * (layer.inputs * layer.outputs) as u64 * product(layer.kernel));
        // Kernel and stride of a transposed convolution are equal: each output voxel depends on one input voxel.
        let upsampling = (0..self.strides.len())
            .map(|level| voxels[level] * (self.features[level] * self.features[level + 1]) as u64);
        convolutions.sum::<u64>() + upsampling.sum::<u64>()
    }

    /// Convolutions with normalisation, one after the other; the first has `inputs` input channels.
    fn sequence(&self, level: usize, inputs: usize, count: usize) -> impl Iterator<Item = Layer> {
        let (outputs, kernel) = (self.features[level], self.kernels[level]);
        (0..count).map(move |at| Layer {
            level,
            inputs: if at == 0 { inputs } else { outputs },
            outputs,
            kernel,
            bias: true,
            norm: true,
        })
    }

    /// The residual blocks of a resolution, and the first block of the network before those of the finest.
    fn residual_layers(&self, level: usize, layers: &mut Vec<Layer>) {
        if level == 0 {
            layers.extend(self.sequence(0, self.in_channels, 1));
        }
        let inputs = self.encoder_input(level);
        layers.extend(self.sequence(level, inputs, 2 * self.encoder_blocks[level]));
        if self.has_projection(level) {
            let outputs = self.features[level];
            layers.push(Layer { level, inputs, outputs, kernel: [1; 3], bias: false, norm: true });
        }
    }

    /// Whether the first residual block of a resolution changes the number of channels, so that its input passes a convolution before it
    /// is added.
    pub fn has_projection(&self, level: usize) -> bool {
        self.block == EncoderBlock::Residual && self.encoder_input(level) != self.features[level]
    }
}
