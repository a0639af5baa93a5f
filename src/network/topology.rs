//! The shape of a U-Net as numbers: what is pooled where, and what the network costs. Pure functions, no tensors.

use crate::plan::schema::{Configuration, ConfigurationName, Plan};

/// Bytes of a 32-bit float.
const FLOAT: u64 = 4;
/// Feature maps that a block keeps for its backward pass: centred, before and after its activation; the kernels of the CPU need
/// that before the normalisation and that after the activation.
const KEPT_PER_BLOCK: u64 = 3;
const KEPT_PER_BLOCK_ON_CPU: u64 = 2;
/// Maps of gradients at the finest resolution that there are at once.
const GRADIENTS: u64 = 4;
const GRADIENTS_ON_CPU: u64 = 3;
/// Maps at the finest resolution that there are at once in a forward pass.
const FINEST_WHILE_PREDICTING: u64 = 5;
/// Copies of the parameters in training: weights, gradients, and the three moments of Adam with `AMSGrad`.
const PARAMETER_COPIES: u64 = 5;

/// Everything that fixes the shape of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// Channels of the input.
    pub in_channels: usize,
    /// Classes of the output, background included.
    pub classes: usize,
    /// Feature maps of each resolution, finest first; one more than there are poolings.
    pub features: Vec<usize>,
    /// Edge of every convolution's kernel, `[z, y, x]`.
    pub kernel: [usize; 3],
    /// Kernel and stride of each pooling, finest first, `[z, y, x]`.
    pub pools: Vec<[usize; 3]>,
}

impl Topology {
    /// The topology of a planned configuration.
    ///
    /// Kernels are 3 on every axis, and 1 on the z axis of a 2D configuration (patch z = 1).
    ///
    /// # Panics
    ///
    /// When the plan was not validated: the number of `features` must be one more than the most poolings of an axis.
    ///
    /// Source: arXiv:1809.10486, section 2.1; spec section 7.
    pub fn new(configuration: &Configuration, in_channels: usize, classes: usize) -> Self {
        let pools = topology(configuration);
        assert_eq!(
            configuration.features_per_stage.len(),
            pools.len() + 1,
            "a network with {} poolings has one more resolution, but features are given for {}",
            pools.len(),
            configuration.features_per_stage.len()
        );
        let kernel = if configuration.patch_size.0[0] == 1 { [1, 3, 3] } else { [3; 3] };
        Self { in_channels, classes, features: configuration.features_per_stage.clone(), kernel, pools }
    }

    /// The topology of a configuration of a plan, with the channels that it sees and the classes of the data set.
    ///
    /// # Panics
    ///
    /// As [`Topology::new`], and when the plan has no such configuration.
    pub fn of(plan: &Plan, name: ConfigurationName) -> Self {
        Self::new(&plan.configurations[&name], plan.input_channels(name), plan.data.labels.len() + 1)
    }

    /// Number of resolutions.
    pub fn levels(&self) -> usize {
        self.features.len()
    }

    /// Input and output channels of the two convolutions of an encoder level.
    pub fn encoder(&self, level: usize) -> [(usize, usize); 2] {
        let width = self.features[level];
        let input = if level == 0 { self.in_channels } else { self.features[level - 1] };
        [(input, width), (width, width)]
    }

    /// Input and output channels of the two convolutions of a decoder level; the first takes the concatenation.
    pub fn decoder(&self, level: usize) -> [(usize, usize); 2] {
        let width = self.features[level];
        [(2 * width, width), (width, width)]
    }

    /// By how much the patch must be divisible, `[z, y, x]`.
    pub fn divisor(&self) -> [usize; 3] {
        std::array::from_fn(|axis| self.pools.iter().map(|pool| pool[axis]).product())
    }

    /// Trainable numbers.
    pub fn parameters(&self) -> u64 {
        let taps = product(self.kernel);
        // Weights, then bias and the two affine numbers of the normalisation.
        let convolution = |(input, output): (usize, usize)| (input * output) as u64 * taps + 3 * output as u64;
        let ups = self.pools.iter().enumerate().map(|(level, pool)| {
            let (fine, coarse) = (self.features[level], self.features[level + 1]);
            (fine * coarse) as u64 * product(*pool)
        });
        let head = (self.features[0] * self.classes) as u64;
        self.blocks().map(|(_, channels)| convolution(channels)).sum::<u64>() + ups.sum::<u64>() + head
    }

    /// Multiply-adds of one forward pass of one patch `[z, y, x]`; normalisation, activation and pooling not counted.
    pub fn multiply_adds(&self, patch: [usize; 3]) -> u64 {
        let voxels = self.voxels(patch);
        let taps = product(self.kernel);
        let blocks = self.blocks().map(|(level, (input, output))| voxels[level] * (input * output) as u64 * taps);
        // Kernel and stride of a transposed convolution are equal: each output voxel has one input voxel.
        let ups =
            (0..self.pools.len()).map(|level| voxels[level] * (self.features[level] * self.features[level + 1]) as u64);
        blocks.sum::<u64>() + ups.sum::<u64>() + voxels[0] * (self.features[0] * self.classes) as u64
    }

    /// Bytes that training a batch of patches `[z, y, x]` holds at once, estimated.
    ///
    /// Counted are the feature maps that the backward pass needs, some maps of gradients at the finest resolution, what the
    /// loss keeps of the softmax, and the parameters with their gradients and Adam's state. `device` is a name as
    /// `runtime.device` has it. Measured on `flex` at the paper's widths, the peak of the process lies within a tenth of it; a
    /// graphics card's allocator holds more.
    pub fn training_bytes(&self, patch: [usize; 3], batch: usize, device: &str) -> u64 {
        let (kept, gradients) =
            if device == "flex" { (KEPT_PER_BLOCK_ON_CPU, GRADIENTS_ON_CPU) } else { (KEPT_PER_BLOCK, GRADIENTS) };
        let voxels = self.voxels(patch);
        let blocks = self.blocks().map(|(level, (_, output))| kept * voxels[level] * output as u64);
        let ups = (0..self.pools.len()).map(|level| voxels[level] * self.features[level] as u64);
        let pooled = (1..self.levels()).map(|level| voxels[level] * self.features[level - 1] as u64);
        let gradients = gradients * voxels[0] * self.features[0] as u64;
        // Logits, log-softmax, softmax, one-hot labels.
        let loss = 4 * voxels[0] * self.classes as u64;
        let maps = blocks.sum::<u64>() + ups.sum::<u64>() + pooled.sum::<u64>() + gradients + loss;
        FLOAT * (maps * batch as u64 + PARAMETER_COPIES * self.parameters())
    }

    /// Bytes that the prediction of a batch of patches `[z, y, x]` holds at once, estimated: the maps of the skip connections, what
    /// the finest resolution joins and computes, the classes, and the parameters.
    pub fn predicting_bytes(&self, patch: [usize; 3], batch: usize) -> u64 {
        let voxels = self.voxels(patch);
        let skips = (1..self.pools.len()).map(|level| voxels[level] * self.features[level] as u64);
        // A skip connection, what comes up to it, both joined, and what that becomes.
        let finest = FINEST_WHILE_PREDICTING * voxels[0] * self.features[0] as u64;
        let classes = 3 * voxels[0] * self.classes as u64;
        FLOAT * ((skips.sum::<u64>() + finest + classes) * batch as u64 + self.parameters())
    }

    /// Edge of the box of input voxels that can reach one output voxel through the convolutions, `[z, y, x]`.
    ///
    /// Instance normalisation, which reaches the whole patch, is left out. The largest box over all alignments of the
    /// output voxel with the pooling windows is meant.
    pub fn receptive_field(&self) -> [usize; 3] {
        std::array::from_fn(|axis| {
            let two_convolutions = 2 * (self.kernel[axis] - 1);
            // Down the decoder against the direction of the data: `n` voxels lie in at most this many coarse ones.
            let bottom =
                self.pools.iter().fold(1, |n, pool| (n + two_convolutions + 2 * (pool[axis] - 1)) / pool[axis]);
            let up = |n: usize, pool: &[usize; 3]| n * pool[axis] + two_convolutions;
            self.pools.iter().rev().fold(bottom + two_convolutions, up)
        })
    }

    /// Level and channels of every convolution but the head.
    fn blocks(&self) -> impl Iterator<Item = (usize, (usize, usize))> {
        let encoder = (0..self.levels()).flat_map(|level| self.encoder(level).map(|channels| (level, channels)));
        let decoder = (0..self.pools.len()).flat_map(|level| self.decoder(level).map(|channels| (level, channels)));
        encoder.chain(decoder)
    }

    /// Voxels of a patch at each resolution.
    fn voxels(&self, patch: [usize; 3]) -> Vec<u64> {
        let halve = |voxels: &mut u64, pool: &[usize; 3]| {
            *voxels /= product(*pool);
            Some(*voxels)
        };
        let finest = product(patch);
        std::iter::once(finest).chain(self.pools.iter().scan(finest, halve)).collect()
    }
}

/// Kernel and stride of each pooling, finest first, `[z, y, x]`.
///
/// With `P` the most poolings of an axis, an axis with `n` of them is pooled at step `p` (from 0) when `n + p >= P`: short
/// axes skip the first poolings.
///
/// Source: spec section 7 (the paper does not state the order; this is the first public code's).
pub fn topology(configuration: &Configuration) -> Vec<[usize; 3]> {
    let pools = configuration.pool_depths;
    let most = pools.into_iter().max().unwrap_or(0);
    (0..most).map(|step| pools.map(|pooled| if pooled + step >= most { 2 } else { 1 })).collect()
}

fn product(of: [usize; 3]) -> u64 {
    of.into_iter().map(|edge| edge as u64).product()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::testing::configuration;

    fn planned(patch: [usize; 3], pools: [usize; 3], base: usize, cap: usize, io: (usize, usize)) -> Topology {
        let most = pools.into_iter().max().unwrap_or(0);
        let features = (0..=most).map(|level| (base << level).min(cap)).collect::<Vec<_>>();
        Topology::new(&configuration(patch, pools, &features), io.0, io.1)
    }

    #[test]
    fn short_axes_skip_the_first_poolings() {
        let flat = configuration([20, 192, 192], [2, 5, 5], &[1; 6]);
        assert_eq!(topology(&flat), [[1, 2, 2], [1, 2, 2], [1, 2, 2], [2, 2, 2], [2, 2, 2]]);
        let slice = configuration([1, 64, 32], [0, 3, 2], &[1; 4]);
        assert_eq!(topology(&slice), [[1, 2, 1], [1, 2, 2], [1, 2, 2]]);
        assert_eq!(topology(&configuration([8, 8, 8], [0, 0, 0], &[1])), Vec::<[usize; 3]>::new());
    }

    #[test]
    fn parameters_are_those_of_the_same_network_in_pytorch() {
        // Counted by `sum(p.numel() for p in UNet().parameters())` of the network in `tests/reference/ten_losses.py`.
        for (patch, pools, base, cap, io, expected) in [
            ([40, 56, 40], [3, 3, 3], 30, 320, (1, 3), 4_924_260),
            ([20, 192, 192], [2, 5, 5], 4, 48, (2, 3), 614_964),
            ([1, 56, 40], [0, 3, 3], 30, 480, (1, 3), 1_694_520),
            ([1, 64, 64], [0, 2, 4], 8, 480, (4, 4), 485_984),
        ] {
            assert_eq!(planned(patch, pools, base, cap, io).parameters(), expected, "{pools:?}");
        }
    }

    #[test]
    fn a_small_network_counted_by_hand() {
        // One pooling, 1 -> 2 -> 4 features, 3 classes, 4 x 4 x 4 voxels.
        let small = planned([4, 4, 4], [1, 1, 1], 2, 99, (1, 3));
        let encoder = [(1, 2), (2, 2), (2, 4), (4, 4)].map(|(i, o)| i * o * 27 + 3 * o).iter().sum::<u64>();
        let decoder = [(4, 2), (2, 2)].map(|(i, o)| i * o * 27 + 3 * o).iter().sum::<u64>();
        assert_eq!(small.parameters(), encoder + decoder + 4 * 2 * 8 + 2 * 3);
        let fine = 64 * 27 * (2 + 4 + 8 + 4) + 64 * (4 * 2) + 64 * 2 * 3;
        assert_eq!(small.multiply_adds([4, 4, 4]), fine + 8 * 27 * (8 + 16));
    }

    #[test]
    fn the_receptive_field_is_that_of_following_every_index() {
        for (patch, pools) in [
            ([64, 64, 64], [1, 1, 1]),
            ([64, 256, 256], [1, 3, 3]),
            ([256, 256, 256], [2, 3, 1]),
            ([1, 256, 256], [0, 2, 3]),
        ] {
            let network = planned(patch, pools, 2, 8, (1, 2));
            let followed = std::array::from_fn(|axis| {
                let middle = patch[axis] / 2;
                (middle..(middle + 16).min(patch[axis])).map(|at| reach(&network, axis, at)).max().unwrap_or(1)
            });
            assert_eq!(network.receptive_field(), followed, "{pools:?}");
        }
    }

    /// Number of inputs between the first and the last that reach output `at`, one layer at a time.
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
        let network = planned([40, 56, 40], [3, 3, 3], 30, 320, (1, 3));
        let bytes = |batch| network.training_bytes([40, 56, 40], batch, "flex");
        assert_eq!(bytes(3) - bytes(2), bytes(2) - bytes(1));
        assert_eq!(bytes(0), 5 * 4 * network.parameters());
        assert!(bytes(1) < network.training_bytes([40, 56, 40], 1, "cuda:0"));
    }
}
