//! Channels and edges of a convolution.

use super::boundary::Stencil;
use crate::kernels::channels::Channels;

/// Channels and edges of a convolution with stride 1 and zero padding that keeps the shape.
#[derive(Clone, Debug)]
pub struct ConvDims {
    /// Number of samples.
    pub samples: usize,
    /// Number of channels of each input; the inputs are concatenated along their channels.
    pub inputs: Vec<usize>,
    /// Number of output channels.
    pub outputs: usize,
    /// Edges of the maps, `[z, y, x]`.
    pub size: [usize; 3],
    /// Edges of the kernel, `[z, y, x]`, odd.
    pub kernel: [usize; 3],
}

impl ConvDims {
    /// Channels of all inputs.
    pub(super) fn input_channels(&self) -> usize {
        self.inputs.iter().sum()
    }

    /// Voxels of a map.
    pub(super) fn voxels(&self) -> usize {
        self.size.iter().product()
    }

    pub(super) fn stencil(&self) -> Stencil {
        Stencil::new(self.size, self.kernel)
    }

    pub(super) fn channels<'a>(&self, inputs: &[&'a [f32]]) -> Vec<Channels<'a>> {
        let voxels = self.voxels();
        inputs.iter().zip(&self.inputs).map(|(&values, &count)| Channels { values, count, voxels }).collect()
    }

    /// # Panics
    ///
    /// When a length does not match.
    pub(super) fn check(&self, inputs: &[&[f32]], weight: &[f32]) {
        assert_eq!(inputs.len(), self.inputs.len());
        for (input, channels) in inputs.iter().zip(&self.inputs) {
            assert_eq!(input.len(), self.samples * channels * self.voxels());
        }
        assert_eq!(weight.len(), self.outputs * self.input_channels() * self.kernel.iter().product::<usize>());
    }
}
