//! Instance normalisation with scale and shift, followed by leaky `ReLU`, and the gradients of both in one pass.
//!
//! The backward pass recomputes mean and variance: the map is in the cache anyway, and nothing needs to be kept.
#![expect(unsafe_code, reason = "memory that is written before it is read")]

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::reduce::{sum_all_terms, sum_terms};
use super::simd::InstructionSet;
use super::uninit::{assume_init, uninit};

/// Parameters of a normalisation. Maps are `[sample, channel, voxel]`; `gamma` and `beta` are `[channel]`.
#[derive(Clone, Copy, Debug)]
pub struct InstanceNorm<'a> {
    /// Voxels of a map.
    pub voxels: usize,
    /// Scale after the normalisation.
    pub gamma: &'a [f32],
    /// Shift after the normalisation.
    pub beta: &'a [f32],
    /// Added to the variance.
    pub eps: f64,
    /// Negative slope of the leaky `ReLU`.
    pub slope: f64,
}

/// Gradients of a normalisation.
pub struct Gradients {
    /// Of the maps.
    pub maps: Vec<f32>,
    /// Of the scale.
    pub gamma: Vec<f32>,
    /// Of the shift.
    pub beta: Vec<f32>,
}

/// Gradients of scale and shift of one channel of one sample.
struct AffineGradient {
    gamma: f64,
    beta: f64,
}

impl InstanceNorm<'_> {
    /// Normalises each map to zero mean and unit (population) variance, scales and shifts it, and applies the leaky `ReLU`.
    pub fn forward(&self, maps: &[f32]) -> Vec<f32> {
        let instructions = InstructionSet::detect();
        let mut output = uninit(maps.len());
        let pairs = output.par_chunks_mut(self.voxels).zip(maps.par_chunks(self.voxels));
        pairs.enumerate().for_each(|(index, (output, map))| {
            instructions.vectorize(|| self.forward_map(index % self.gamma.len(), map, output));
        });
        // SAFETY: `forward_map` has written every voxel of every map.
        unsafe { assume_init(output) }
    }

    /// Gradients of [`Self::forward`], from the gradient of its output.
    pub fn backward(&self, maps: &[f32], gradient: &[f32]) -> Gradients {
        assert_eq!(maps.len(), gradient.len());
        let instructions = InstructionSet::detect();
        let channels = self.gamma.len();
        let mut output = uninit(maps.len());
        let inputs = maps.par_chunks(self.voxels).zip(gradient.par_chunks(self.voxels));
        let sums: Vec<AffineGradient> = (output.par_chunks_mut(self.voxels).zip(inputs).enumerate())
            .map(|(index, (output, (map, gradient)))| {
                instructions.vectorize(|| self.backward_map(index % channels, map, gradient, output))
            })
            .collect();
        let sum_samples = |term: fn(&AffineGradient) -> f64| {
            let sum = |channel| sums.iter().skip(channel).step_by(channels).map(term).sum::<f64>() as f32;
            (0..channels).map(sum).collect()
        };
        // SAFETY: `backward_map` has written every voxel of every map.
        let maps = unsafe { assume_init(output) };
        Gradients { maps, gamma: sum_samples(|sums| sums.gamma), beta: sum_samples(|sums| sums.beta) }
    }

    #[inline(always)]
    fn forward_map(&self, channel: usize, map: &[f32], output: &mut [MaybeUninit<f32>]) {
        let (mean, scale) = self.moments(map);
        let (factor, shift, slope) = (scale * self.gamma[channel], self.beta[channel], self.slope as f32);
        for (output, value) in output.iter_mut().zip(map) {
            let affine = (value - mean) * factor + shift;
            output.write(if affine > 0.0 { affine } else { slope * affine });
        }
    }

    /// Writes the gradient of one map; returns its contribution to the gradients of scale and shift.
    #[inline(always)]
    fn backward_map(
        &self,
        channel: usize,
        map: &[f32],
        gradient: &[f32],
        output: &mut [MaybeUninit<f32>],
    ) -> AffineGradient {
        let (mean, scale) = self.moments(map);
        let (gamma, beta, slope) = (self.gamma[channel], self.beta[channel], self.slope as f32);
        // The normalised value, and the gradient before the activation.
        let before_activation = |value: f32, gradient: f32| {
            let normalized = (value - mean) * scale;
            (normalized, if normalized * gamma + beta > 0.0 { gradient } else { slope * gradient })
        };
        let [total, product] = sum_all_terms(map, gradient, |value, gradient| {
            let (normalized, gradient) = before_activation(value, gradient);
            [gradient, normalized * gradient]
        });
        let (mean_sum, mean_product) = ((total / self.voxels as f64) as f32, (product / self.voxels as f64) as f32);
        for ((output, value), gradient) in output.iter_mut().zip(map).zip(gradient) {
            let (normalized, gradient) = before_activation(*value, *gradient);
            output.write(gamma * scale * (gradient - mean_sum - normalized * mean_product));
        }
        AffineGradient { gamma: product, beta: total }
    }

    /// Mean of a map, and the reciprocal of its standard deviation.
    #[inline(always)]
    fn moments(&self, map: &[f32]) -> (f32, f32) {
        let count = map.len() as f64;
        let mean = (sum_terms(map, map, |value, _| value) / count) as f32;
        let variance = sum_terms(map, map, |value, _| (value - mean) * (value - mean)) / count;
        (mean, (1.0 / (variance + self.eps).sqrt()) as f32)
    }
}
