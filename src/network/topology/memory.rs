//! The memory that a network needs.

use super::{Topology, product};
use crate::device::Backend;
use crate::plan::schema::{Downsampling, EncoderBlock};

/// Bytes of a 32-bit float.
const FLOAT: u64 = 4;
/// Feature maps that a block keeps for its backward pass on a GPU: centred, normalised and activated.
const KEPT_PER_BLOCK: u64 = 3;
/// The same on the CPU, whose kernels recompute the normalisation: before the normalisation, and activated.
const KEPT_PER_BLOCK_ON_CPU: u64 = 2;
/// Gradient maps at the finest resolution that exist at the same time.
const GRADIENTS: u64 = 4;
const GRADIENTS_ON_CPU: u64 = 3;
/// Feature maps at the finest resolution that exist at the same time in a forward pass without gradients: a skip connection, the
/// upsampled maps, both concatenated (two), and the output of the convolution.
const FINEST_IN_PREDICTION: u64 = 5;
/// Copies of the parameters in training: weights, gradients, and the three moments of Adam with `AMSGrad`.
const PARAMETER_COPIES: u64 = 5;

impl Topology {
    /// Estimated peak memory of training with a batch of patches `[z, y, x]`, bytes.
    ///
    /// Includes the feature maps kept for the backward pass, gradient maps at the finest resolution, the loss, and the parameters
    /// with their gradients and Adam's moments. On the CPU, at the paper's widths, the estimate is within 10 % of the measured
    /// peak; GPU allocators reserve more.
    pub fn training_bytes(&self, patch: [usize; 3], batch: usize, backend: Backend) -> u64 {
        let (kept, gradients) =
            if backend.is_cpu() { (KEPT_PER_BLOCK_ON_CPU, GRADIENTS_ON_CPU) } else { (KEPT_PER_BLOCK, GRADIENTS) };
        let voxels = self.voxels(patch);
        let layers = self.layers();
        let blocks = layers.iter().filter(|layer| layer.norm);
        let blocks = blocks.map(|layer| kept * voxels[layer.level] * layer.outputs as u64);
        let upsampled = (0..self.strides.len()).map(|level| voxels[level] * self.features[level] as u64);
        let gradients = gradients * voxels[0] * self.features[0] as u64;
        // Logits, log-softmax, softmax, one-hot labels.
        let loss = (0..self.heads()).map(|level| 4 * voxels[level] * self.outputs as u64);
        let maps = blocks.sum::<u64>()
            + upsampled.sum::<u64>()
            + self.pooled_and_added(&voxels)
            + gradients
            + loss.sum::<u64>();
        FLOAT * (maps * batch as u64 + PARAMETER_COPIES * self.parameters())
    }

    /// Values of the pooled maps of a sample, and of the sums of its residual blocks.
    fn pooled_and_added(&self, voxels: &[u64]) -> u64 {
        let pools = match (self.downsampling, self.block) {
            (Downsampling::StridedConvolution, EncoderBlock::Plain) => 0,
            (Downsampling::MaxPool, _) | (_, EncoderBlock::Residual) => {
                (1..self.levels()).map(|level| voxels[level] * self.features[level - 1] as u64).sum()
            }
        };
        let sums = match self.block {
            EncoderBlock::Plain => 0,
            EncoderBlock::Residual => (0..self.levels())
                .map(|level| voxels[level] * (self.features[level] * self.encoder_blocks[level]) as u64)
                .sum(),
        };
        pools + sums
    }

    /// Estimated peak memory of predicting a batch of patches `[z, y, x]`, bytes: skip connections, the finest decoder level,
    /// logits, and the parameters.
    pub fn prediction_bytes(&self, patch: [usize; 3], batch: usize) -> u64 {
        let voxels = self.voxels(patch);
        let skips = (1..self.strides.len()).map(|level| voxels[level] * self.features[level] as u64);
        let finest = FINEST_IN_PREDICTION * product(patch) * self.features[0] as u64;
        let outputs = 3 * voxels[0] * self.outputs as u64;
        FLOAT * ((skips.sum::<u64>() + finest + outputs) * batch as u64 + self.parameters())
    }
}
