//! The shape of a U-Net as numbers: poolings, parameters, multiply-adds, memory. Pure functions, no tensors.

use crate::device::Backend;
use crate::plan::schema::Configuration;

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

/// Everything that determines the shape of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// Input channels.
    pub in_channels: usize,
    /// Classes, background included.
    pub classes: usize,
    /// Features per resolution, finest first; one more entry than `pools`.
    pub features: Vec<usize>,
    /// Kernel edges of the convolutions in all blocks, `[z, y, x]`.
    pub kernel: [usize; 3],
    /// Kernel and stride of each pooling, finest first, `[z, y, x]`.
    pub pools: Vec<[usize; 3]>,
}

/// Input and output channels of a convolution.
type Channels = (usize, usize);

impl Topology {
    /// The topology of a configuration, for `in_channels` input channels and `classes` classes, background included.
    ///
    /// Convolution kernels have edge 3 on every axis, except 1 on the z axis of a 2D configuration (patch z = 1).
    ///
    /// # Panics
    ///
    /// When the plan was not validated: `features` needs one more entry than the maximum number of poolings of an axis.
    ///
    /// Source: arXiv:1809.10486, section 2.1; the kernel edge is that of nnU-Net commit 6150f1b0, `generic_UNet.py`.
    pub fn new(configuration: &Configuration, in_channels: usize, classes: usize) -> Self {
        let pools = pool_kernels(configuration);
        let features = configuration.features_per_stage.clone();
        assert_eq!(
            features.len(),
            pools.len() + 1,
            "{} poolings need {} features, found {features:?}",
            pools.len(),
            pools.len() + 1
        );
        let kernel = if configuration.patch_size.0[0] == 1 { [1, 3, 3] } else { [3; 3] };
        Self { in_channels, classes, features, kernel, pools }
    }

    /// Number of resolutions.
    pub fn levels(&self) -> usize {
        self.features.len()
    }

    /// Input and output channels of the two convolutions of an encoder level.
    pub fn encoder(&self, level: usize) -> [Channels; 2] {
        let width = self.features[level];
        let input = if level == 0 { self.in_channels } else { self.features[level - 1] };
        [(input, width), (width, width)]
    }

    /// Input and output channels of the two convolutions of a decoder level; the input of the first is a concatenation.
    pub fn decoder(&self, level: usize) -> [Channels; 2] {
        let width = self.features[level];
        [(2 * width, width), (width, width)]
    }

    /// The product of all poolings, `[z, y, x]`; patch edges must be divisible by it.
    pub fn divisor(&self) -> [usize; 3] {
        std::array::from_fn(|axis| self.pools.iter().map(|pool| pool[axis]).product())
    }

    /// Number of trainable parameters.
    pub fn parameters(&self) -> u64 {
        let taps = product(self.kernel);
        // Weights, bias, and scale and shift of the normalisation.
        let block = |(input, output): Channels| (input * output) as u64 * taps + 3 * output as u64;
        let upsampling = self.pools.iter().enumerate().map(|(level, pool)| {
            let (fine, coarse) = (self.features[level], self.features[level + 1]);
            (fine * coarse) as u64 * product(*pool)
        });
        let head = (self.features[0] * self.classes) as u64;
        self.blocks().map(|(_, channels)| block(channels)).sum::<u64>() + upsampling.sum::<u64>() + head
    }

    /// Multiply-adds of the convolutions in one forward pass of one patch `[z, y, x]`.
    pub fn multiply_adds(&self, patch: [usize; 3]) -> u64 {
        let voxels = self.voxels(patch);
        let taps = product(self.kernel);
        let blocks = self.blocks().map(|(level, (input, output))| voxels[level] * (input * output) as u64 * taps);
        // Kernel and stride of a transposed convolution are equal: each output voxel depends on one input voxel.
        let upsampling =
            (0..self.pools.len()).map(|level| voxels[level] * (self.features[level] * self.features[level + 1]) as u64);
        blocks.sum::<u64>() + upsampling.sum::<u64>() + voxels[0] * (self.features[0] * self.classes) as u64
    }

    /// Estimated peak memory of training with a batch of patches `[z, y, x]`, bytes.
    ///
    /// Includes the feature maps kept for the backward pass, gradient maps at the finest resolution, the loss, and the parameters
    /// with their gradients and Adam's moments. On the CPU, at the paper's widths, the estimate is within 10 % of the measured
    /// peak; GPU allocators reserve more.
    pub fn training_bytes(&self, patch: [usize; 3], batch: usize, backend: Backend) -> u64 {
        let (kept, gradients) =
            if backend.is_cpu() { (KEPT_PER_BLOCK_ON_CPU, GRADIENTS_ON_CPU) } else { (KEPT_PER_BLOCK, GRADIENTS) };
        let voxels = self.voxels(patch);
        let blocks = self.blocks().map(|(level, (_, output))| kept * voxels[level] * output as u64);
        let upsampled = (0..self.pools.len()).map(|level| voxels[level] * self.features[level] as u64);
        let pooled = (1..self.levels()).map(|level| voxels[level] * self.features[level - 1] as u64);
        let gradients = gradients * voxels[0] * self.features[0] as u64;
        // Logits, log-softmax, softmax, one-hot labels.
        let loss = 4 * voxels[0] * self.classes as u64;
        let maps = blocks.sum::<u64>() + upsampled.sum::<u64>() + pooled.sum::<u64>() + gradients + loss;
        FLOAT * (maps * batch as u64 + PARAMETER_COPIES * self.parameters())
    }

    /// Estimated peak memory of predicting a batch of patches `[z, y, x]`, bytes: skip connections, the finest decoder level,
    /// logits, and the parameters.
    pub fn prediction_bytes(&self, patch: [usize; 3], batch: usize) -> u64 {
        let voxels = self.voxels(patch);
        let skips = (1..self.pools.len()).map(|level| voxels[level] * self.features[level] as u64);
        let finest = FINEST_IN_PREDICTION * voxels[0] * self.features[0] as u64;
        let classes = 3 * voxels[0] * self.classes as u64;
        FLOAT * ((skips.sum::<u64>() + finest + classes) * batch as u64 + self.parameters())
    }

    /// Receptive field of the convolutions, voxels, `[z, y, x]`.
    ///
    /// It depends on the position of the output voxel relative to the pooling grid; this is the maximum. Instance normalisation,
    /// whose statistics cover the whole patch, is ignored.
    pub fn receptive_field(&self) -> [usize; 3] {
        std::array::from_fn(|axis| {
            let two_convolutions = 2 * (self.kernel[axis] - 1);
            // Backwards through the decoder: `n` adjacent voxels lie in at most this many voxels of the next coarser level.
            let bottom =
                self.pools.iter().fold(1, |n, pool| (n + two_convolutions + 2 * (pool[axis] - 1)) / pool[axis]);
            let enlarge = |n: usize, pool: &[usize; 3]| n * pool[axis] + two_convolutions;
            self.pools.iter().rev().fold(bottom + two_convolutions, enlarge)
        })
    }

    /// Level and channels of the convolution of every block.
    fn blocks(&self) -> impl Iterator<Item = (usize, Channels)> {
        let encoder = (0..self.levels()).flat_map(|level| self.encoder(level).map(|channels| (level, channels)));
        let decoder = (0..self.pools.len()).flat_map(|level| self.decoder(level).map(|channels| (level, channels)));
        encoder.chain(decoder)
    }

    /// Voxels of a patch at each resolution.
    fn voxels(&self, patch: [usize; 3]) -> Vec<u64> {
        let pool = |voxels: &mut u64, pool: &[usize; 3]| {
            *voxels /= product(*pool);
            Some(*voxels)
        };
        let finest = product(patch);
        std::iter::once(finest).chain(self.pools.iter().scan(finest, pool)).collect()
    }
}

/// Kernel and stride of each pooling, finest first, `[z, y, x]`.
///
/// With `P` the maximum number of poolings of an axis, an axis with `n` poolings is pooled at step `p` (from 0) if `n + p >= P`:
/// axes with fewer poolings skip the first steps.
///
/// Source: nnU-Net commit 6150f1b0; the paper does not state the order.
pub fn pool_kernels(configuration: &Configuration) -> Vec<[usize; 3]> {
    let pools = configuration.pool_depths;
    let maximum = pools.into_iter().max().unwrap_or(0);
    (0..maximum).map(|step| pools.map(|pooled| if pooled + step >= maximum { 2 } else { 1 })).collect()
}

fn product(edges: [usize; 3]) -> u64 {
    edges.into_iter().map(|edge| edge as u64).product()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::testing::configuration;

    fn topology(patch: [usize; 3], pools: [usize; 3], base: usize, cap: usize, io: (usize, usize)) -> Topology {
        let depth = pools.into_iter().max().unwrap_or(0);
        let features = (0..=depth).map(|level| (base << level).min(cap)).collect::<Vec<_>>();
        Topology::new(&configuration(patch, pools, &features), io.0, io.1)
    }

    #[test]
    fn axes_with_fewer_poolings_skip_the_first_steps() {
        let flat = configuration([20, 192, 192], [2, 5, 5], &[1; 6]);
        assert_eq!(pool_kernels(&flat), [[1, 2, 2], [1, 2, 2], [1, 2, 2], [2, 2, 2], [2, 2, 2]]);
        let slice = configuration([1, 64, 32], [0, 3, 2], &[1; 4]);
        assert_eq!(pool_kernels(&slice), [[1, 2, 1], [1, 2, 2], [1, 2, 2]]);
        assert_eq!(pool_kernels(&configuration([8, 8, 8], [0, 0, 0], &[1])), Vec::<[usize; 3]>::new());
    }

    #[test]
    fn the_parameter_count_equals_that_of_pytorch() {
        // Counted by `sum(p.numel() for p in UNet().parameters())` of the network in `tests/reference/ten_losses.py`.
        for (patch, pools, base, cap, io, expected) in [
            ([40, 56, 40], [3, 3, 3], 30, 320, (1, 3), 4_924_260),
            ([20, 192, 192], [2, 5, 5], 4, 48, (2, 3), 614_964),
            ([1, 56, 40], [0, 3, 3], 30, 480, (1, 3), 1_694_520),
            ([1, 64, 64], [0, 2, 4], 8, 480, (4, 4), 485_984),
        ] {
            assert_eq!(topology(patch, pools, base, cap, io).parameters(), expected, "{pools:?}");
        }
    }

    #[test]
    fn counts_of_a_small_network_equal_those_by_hand() {
        // One pooling, 1 -> 2 -> 4 features, 3 classes, 4 x 4 x 4 voxels.
        let small = topology([4, 4, 4], [1, 1, 1], 2, 99, (1, 3));
        let encoder = [(1, 2), (2, 2), (2, 4), (4, 4)].map(|(i, o)| i * o * 27 + 3 * o).iter().sum::<u64>();
        let decoder = [(4, 2), (2, 2)].map(|(i, o)| i * o * 27 + 3 * o).iter().sum::<u64>();
        assert_eq!(small.parameters(), encoder + decoder + 4 * 2 * 8 + 2 * 3);
        let fine = 64 * 27 * (2 + 4 + 8 + 4) + 64 * (4 * 2) + 64 * 2 * 3;
        assert_eq!(small.multiply_adds([4, 4, 4]), fine + 8 * 27 * (8 + 16));
    }

    #[test]
    fn the_receptive_field_equals_that_of_tracing_every_index() {
        for (patch, pools) in [
            ([64, 64, 64], [1, 1, 1]),
            ([64, 256, 256], [1, 3, 3]),
            ([256, 256, 256], [2, 3, 1]),
            ([1, 256, 256], [0, 2, 3]),
        ] {
            let network = topology(patch, pools, 2, 8, (1, 2));
            let traced = std::array::from_fn(|axis| {
                let middle = patch[axis] / 2;
                (middle..(middle + 16).min(patch[axis])).map(|at| reach(&network, axis, at)).max().unwrap_or(1)
            });
            assert_eq!(network.receptive_field(), traced, "{pools:?}");
        }
    }

    /// Distance between the first and the last input that reach output `at`, both included, traced layer by layer.
    fn reach(network: &Topology, axis: usize, at: usize) -> usize {
        let margin = 2 * (network.kernel[axis] / 2);
        let (mut first, mut last) = (at as isize, at as isize);
        for pool in &network.pools {
            first = (first - margin as isize).div_euclid(pool[axis] as isize);
            last = (last + margin as isize).div_euclid(pool[axis] as isize);
        }
        (first, last) = (first - margin as isize, last + margin as isize);
        for pool in network.pools.iter().rev() {
            first = first * pool[axis] as isize - margin as isize;
            last = last * pool[axis] as isize + pool[axis] as isize - 1 + margin as isize;
        }
        (last - first + 1) as usize
    }

    #[test]
    fn memory_grows_with_the_batch_and_has_a_constant_part() {
        let network = topology([40, 56, 40], [3, 3, 3], 30, 320, (1, 3));
        let bytes = |batch| network.training_bytes([40, 56, 40], batch, Backend::Cpu);
        assert_eq!(bytes(3) - bytes(2), bytes(2) - bytes(1));
        assert_eq!(bytes(0), 5 * 4 * network.parameters());
        assert!(bytes(1) < network.training_bytes([40, 56, 40], 1, Backend::Cuda));
    }
}
