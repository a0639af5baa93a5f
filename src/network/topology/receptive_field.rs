//! The receptive field of a network.

use super::Topology;
use crate::plan::schema::{Downsampling, EncoderBlock};

impl Topology {
    /// Receptive field of the convolutions, voxels, `[z, y, x]`.
    ///
    /// It depends on the position of the output voxel relative to the strides; this is the maximum. Instance normalisation,
    /// whose statistics cover the whole patch, is ignored.
    pub fn receptive_field(&self) -> [usize; 3] {
        std::array::from_fn(|axis| {
            // Backwards through the decoder: `n` adjacent voxels lie in at most this many voxels of the next coarser level.
            let bottom = self.strides.iter().enumerate().fold(1, |n, (level, stride)| {
                let reached = n + self.decoder_blocks[level] * (self.kernels[level][axis] - 1);
                (reached + 2 * (stride[axis] - 1)) / stride[axis]
            });
            (0..self.levels()).rev().fold(bottom, |n, level| self.before_resolution(level, axis, n))
        })
    }

    /// Voxels of the next finer resolution that `n` adjacent voxels at the end of a resolution of the encoder depend on.
    fn before_resolution(&self, level: usize, axis: usize, n: usize) -> usize {
        let kernel = self.kernels[level][axis];
        let convolutions = match self.block {
            EncoderBlock::Plain => self.encoder_blocks[level],
            EncoderBlock::Residual => 2 * self.encoder_blocks[level] + usize::from(level == 0),
        };
        let Some(stride) = level.checked_sub(1).map(|finer| self.strides[finer][axis]) else {
            return n + convolutions * (kernel - 1);
        };
        match self.downsampling {
            Downsampling::MaxPool => (n + convolutions * (kernel - 1)) * stride,
            Downsampling::StridedConvolution => {
                let n = n + (convolutions - 1) * (kernel - 1);
                // The input of a residual block is also averaged over boxes.
                let averaged = if self.block == EncoderBlock::Residual { n * stride } else { 0 };
                ((n - 1) * stride + kernel).max(averaged)
            }
        }
    }
}
