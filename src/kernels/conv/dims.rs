//! Channels and edges of a convolution.

use super::stencil::Stencil;
use crate::kernels::channels::Channels;

/// Channels and edges of a convolution.
#[derive(Clone, Debug)]
pub struct ConvDims {
    /// Number of samples.
    pub samples: usize,
    /// Number of channels of each input; the inputs are concatenated along their channels.
    pub inputs: Vec<usize>,
    /// Number of output channels.
    pub outputs: usize,
    /// Edges of the input's maps, `[z, y, x]`.
    pub size: [usize; 3],
    /// Edges of the kernel, `[z, y, x]`.
    pub kernel: [usize; 3],
    /// Strides, `[z, y, x]`.
    pub stride: [usize; 3],
    /// Zeros on both sides of the maps, `[z, y, x]`.
    pub padding: [usize; 3],
}

impl ConvDims {
    /// Edges of the output's maps, `[z, y, x]`.
    ///
    /// # Panics
    ///
    /// When a stride is 0, or a padded map is smaller than the kernel.
    pub fn output_size(&self) -> [usize; 3] {
        self.stencil().output_size()
    }

    /// Channels of all inputs.
    pub(super) fn input_channels(&self) -> usize {
        self.inputs.iter().sum()
    }

    /// Voxels of a map of the output.
    pub(super) fn output_voxels(&self) -> usize {
        self.output_size().iter().product()
    }

    /// Voxels of a map of the input.
    pub(super) fn voxels(&self) -> usize {
        self.size.iter().product()
    }

    pub(super) fn stencil(&self) -> Stencil {
        let Self { size, kernel, stride, padding, .. } = *self;
        let covers = |axis| 0 < kernel[axis] && kernel[axis] <= size[axis] + 2 * padding[axis];
        assert!((0..3).all(covers), "the kernel {kernel:?} does not fit {size:?} with padding {padding:?}");
        assert!(!stride.contains(&0), "the stride {stride:?} contains 0");
        Stencil { size, kernel, stride, padding }
    }

    pub(super) fn channels<'a>(&self, inputs: &[&'a [f32]]) -> Vec<Channels<'a>> {
        let voxels = self.voxels();
        inputs.iter().zip(&self.inputs).map(|(&values, &count)| Channels { values, count, voxels }).collect()
    }

    /// # Panics
    ///
    /// When a length does not match, a stride is 0, or a padded map is smaller than the kernel.
    pub(super) fn check(&self, inputs: &[&[f32]], weight: &[f32]) {
        assert_eq!(inputs.len(), self.inputs.len());
        for (input, channels) in inputs.iter().zip(&self.inputs) {
            assert_eq!(input.len(), self.samples * channels * self.voxels());
        }
        assert_eq!(weight.len(), self.outputs * self.input_channels() * self.kernel.iter().product::<usize>());
    }
}
