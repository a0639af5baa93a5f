//! Instance normalisation with its affine map and the leaky `ReLU` behind it, and their gradients, in one go.
//!
//! Mean and variance are computed anew for the gradients: a map that is being read for them is in the cache anyway, and
//! nothing needs to be kept.
#![expect(unsafe_code, reason = "memory that is written before it is read")]

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::fresh::{fresh, written};
use super::sum::sum;
use super::vector::Instructions;

/// The numbers of a normalisation. Maps are `[sample, channel, voxel]`, `gamma` and `beta` are `[channel]`.
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
    /// Slope of the activation below zero.
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

impl InstanceNorm<'_> {
    /// Zero mean and unit (population) variance of each map, the affine map of its channel, leaky `ReLU`.
    pub fn forward(&self, maps: &[f32]) -> Vec<f32> {
        let instructions = Instructions::detect();
        let mut output = fresh(maps.len());
        let pairs = output.par_chunks_mut(self.voxels).zip(maps.par_chunks(self.voxels));
        pairs.enumerate().for_each(|(at, (output, map))| {
            instructions.widest(|| self.map(at % self.gamma.len(), map, output));
        });
        // SAFETY: `map` writes as many numbers as its maps have, which together are all.
        unsafe { written(output) }
    }

    /// Gradients of the input of [`Self::forward`], from that of its output.
    pub fn backward(&self, maps: &[f32], gradient: &[f32]) -> Gradients {
        assert_eq!(maps.len(), gradient.len());
        let instructions = Instructions::detect();
        let channels = self.gamma.len();
        let mut output = fresh(maps.len());
        let given = maps.par_chunks(self.voxels).zip(gradient.par_chunks(self.voxels));
        let sums: Vec<[f64; 2]> = (output.par_chunks_mut(self.voxels).zip(given).enumerate())
            .map(|(at, (output, (map, gradient)))| {
                instructions.widest(|| self.map_gradient(at % channels, map, gradient, output))
            })
            .collect();
        let total = |which: usize| {
            let of = |channel| sums.iter().skip(channel).step_by(channels).map(|sums| sums[which]).sum::<f64>() as f32;
            (0..channels).map(of).collect()
        };
        // SAFETY: `map_gradient` writes as many numbers as its maps have, which together are all.
        let maps = unsafe { written(output) };
        Gradients { maps, gamma: total(1), beta: total(0) }
    }

    /// Output of one map.
    #[inline(always)]
    fn map(&self, channel: usize, map: &[f32], output: &mut [MaybeUninit<f32>]) {
        let (mean, scale) = self.moments(map);
        let (factor, shift, slope) = (scale * self.gamma[channel], self.beta[channel], self.slope as f32);
        for (output, value) in output.iter_mut().zip(map) {
            let affine = (value - mean) * factor + shift;
            output.write(if affine > 0.0 { affine } else { slope * affine });
        }
    }

    /// Gradient of one map; also the sums of the gradient before the activation, and of it times the normalised map.
    #[inline(always)]
    fn map_gradient(&self, channel: usize, map: &[f32], gradient: &[f32], output: &mut [MaybeUninit<f32>]) -> [f64; 2] {
        let (mean, scale) = self.moments(map);
        let (gamma, beta, slope) = (self.gamma[channel], self.beta[channel], self.slope as f32);
        let before = |value: f32, gradient: f32| {
            let normal = (value - mean) * scale;
            (normal, if normal * gamma + beta > 0.0 { gradient } else { slope * gradient })
        };
        let total = sum(map, gradient, |value, gradient| before(value, gradient).1);
        let product = sum(map, gradient, |value, gradient| {
            let (normal, gradient) = before(value, gradient);
            normal * gradient
        });
        let (mean_sum, mean_product) = ((total / self.voxels as f64) as f32, (product / self.voxels as f64) as f32);
        for ((output, value), gradient) in output.iter_mut().zip(map).zip(gradient) {
            let (normal, gradient) = before(*value, *gradient);
            output.write(gamma * scale * (gradient - mean_sum - normal * mean_product));
        }
        [total, product]
    }

    /// Mean of a map, and one over its standard deviation.
    #[inline(always)]
    fn moments(&self, map: &[f32]) -> (f32, f32) {
        let count = map.len() as f64;
        let mean = (sum(map, map, |value, _| value) / count) as f32;
        let variance = sum(map, map, |value, _| (value - mean) * (value - mean)) / count;
        (mean, (1.0 / (variance + self.eps).sqrt()) as f32)
    }
}
